"""Stage 6: what to do."""
