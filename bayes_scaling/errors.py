"""The errors of this package: one base, one child for each exit code of the command line."""

from __future__ import annotations

EXIT_OK = 0
EXIT_CHECK_FAILED = 1
EXIT_USAGE = 2
EXIT_INPUT = 3
EXIT_INFERENCE = 4
EXIT_BATCH = 5
EXIT_OUTPUT = 6
EXIT_INTERRUPTED = 130


class BayesScalingError(Exception):
    """Anything this package refuses to do; the message says what, why and how to mend it.

    Examples
    --------
    >>> try:
    ...     bs.load_model("no such model")
    ... except bs.BayesScalingError as refusal:
    ...     refusal.exit_code
    2
    """

    exit_code: int = EXIT_USAGE


class CheckError(BayesScalingError):
    """The question cannot be answered from this fit: a check of the data or the posterior fails.

    Examples
    --------
    >>> bs.CheckError.exit_code
    1
    """

    exit_code = EXIT_CHECK_FAILED


class UsageError(BayesScalingError, ValueError):
    """A wrong argument, option, model file or law: nothing was computed.

    Examples
    --------
    >>> try:
    ...     bs.forecast(fit, [-1.0])
    ... except bs.UsageError as refusal:
    ...     "flops = -1" in str(refusal)
    True
    """

    exit_code = EXIT_USAGE


class TableError(BayesScalingError, ValueError):
    """A run table that cannot be used; lists every fault at once.

    Examples
    --------
    >>> try:
    ...     bs.read_runs("no such table.csv")
    ... except bs.TableError as refusal:
    ...     refusal.exit_code
    3
    """

    exit_code = EXIT_INPUT


class ClaimError(BayesScalingError, ValueError):
    """A claim that is not what was registered: nothing is scored against it.

    Examples
    --------
    >>> bs.ClaimError.exit_code
    3
    """

    exit_code = EXIT_INPUT


class InferenceError(BayesScalingError, RuntimeError):
    """Sampling failed and left no usable posterior.

    Examples
    --------
    >>> bs.InferenceError.exit_code
    4
    """

    exit_code = EXIT_INFERENCE


class BatchError(BayesScalingError, RuntimeError):
    """A batch that could not go on; what was done is kept, and the same command resumes.

    Examples
    --------
    >>> bs.BatchError.exit_code
    5
    """

    exit_code = EXIT_BATCH


class OutputError(BayesScalingError, OSError):
    """A file could not be written, or a stored file is damaged.

    Examples
    --------
    >>> try:
    ...     fit.save("/dev/null/fit.nc")
    ... except bs.OutputError as refusal:
    ...     refusal.exit_code
    6
    """

    exit_code = EXIT_OUTPUT
