"""Stage 8: many tables, from a study file."""
