"""Stage 1: what was measured."""
