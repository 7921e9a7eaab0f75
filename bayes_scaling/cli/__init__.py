"""Stage 9: the command line: parse, call, print."""

from bayes_scaling.cli.entry import main

__all__ = ["main"]
