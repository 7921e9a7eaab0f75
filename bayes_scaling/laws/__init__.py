"""Stage 2: what could explain it."""
