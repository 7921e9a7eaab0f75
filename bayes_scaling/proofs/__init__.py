"""Proofs: what this package promises, measured on the machine at hand."""
