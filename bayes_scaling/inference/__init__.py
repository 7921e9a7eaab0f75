"""Stage 4: the posterior."""
