"""Stage 3: a model as data."""
