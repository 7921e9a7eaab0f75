"""Entry: run the command line; the one place where errors become messages and exit codes."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from bayes_scaling.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, BayesScalingError

PROGRAM: Final = "bayes-scaling"
EXIT_UNEXPECTED: Final = 70
"""A fault of this program."""
DEBUG: Final = "BAYES_SCALING_DEBUG"
"""Set to 1, this environment variable shows where an error came from."""
GRACE_SECONDS: Final = 4.0
"""Time an interrupted computation has to stop before the process ends without it."""


class Interrupted(SystemExit):
    """Ctrl-C or SIGTERM. Samplers take a KeyboardInterrupt for a wish to keep the draws so far."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    argv
        Arguments after the program's name; those of the process if None.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    warnings.formatwarning = lambda message, *_place, **_more: f"WARN {message}\n"
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        with _interruptible():
            return _run(arguments)
    except (Interrupted, KeyboardInterrupt):
        return _fail(arguments, "interrupted; no file is half-written", EXIT_INTERRUPTED)


def _run(arguments: list[str]) -> int:
    import typer

    from bayes_scaling.cli.app import build_app

    usage_error, command_error = typer.BadParameter.__mro__[1:3]
    try:
        command = typer.main.get_command(build_app())
        found = command.main(args=arguments, prog_name=PROGRAM, standalone_mode=False)
        if found == EXIT_INTERRUPTED:  # what Typer makes of a KeyboardInterrupt
            raise KeyboardInterrupt
        return found if isinstance(found, int) else EXIT_OK
    except (Interrupted, KeyboardInterrupt):
        raise
    except SystemExit as leave:  # shell completion ends this way
        return leave.code if isinstance(leave.code, int) else EXIT_OK
    except typer.Abort:
        return _fail(arguments, "interrupted", EXIT_INTERRUPTED)
    except BayesScalingError as fault:
        return _fail(arguments, str(fault), fault.exit_code, fault)
    except OSError as fault:
        if fault.errno != errno.ENAMETOOLONG:
            return _fail(arguments, _unexpected(fault), EXIT_UNEXPECTED, fault)
        return _fail(arguments, "a file's name is too long for this computer", EXIT_USAGE, fault)
    except BaseException as fault:  # a panic of native code is a BaseException
        if isinstance(fault, usage_error):
            return _fail(arguments, _usage(fault), EXIT_USAGE, fault)
        if isinstance(fault, command_error):
            return _fail(arguments, fault.format_message(), EXIT_USAGE, fault)  # type: ignore[attr-defined]
        return _fail(arguments, _unexpected(fault), EXIT_UNEXPECTED, fault)


def _usage(fault: Any) -> str:
    """Return the message of a usage error with the place where help is found."""
    path = getattr(getattr(fault, "ctx", None), "command_path", None) or PROGRAM
    return f"{fault.format_message()}\nhelp: {path} --help"


def _unexpected(fault: BaseException) -> str:
    what = f"{type(fault).__name__}: {fault}"
    return (
        f"this is a fault of {PROGRAM} itself ({what})\n"
        f"please report it with the command and, from {DEBUG}=1, the traceback"
    )


def _fail(arguments: list[str], message: str, code: int, fault: BaseException | None = None) -> int:
    """Say an error on stderr, or as JSON on stdout, and return its exit code."""
    from bayes_scaling.cli.output import error_envelope, json_of, tell

    if fault is not None and os.environ.get(DEBUG) == "1":
        traceback.print_exception(fault, file=sys.stderr)
    try:
        if "--json" in arguments:
            findings = getattr(fault, "findings", ())
            print(json_of(error_envelope(_command(arguments), message, code, findings)), flush=True)
        else:
            tell([message], "ERROR", no_color="--no-color" in arguments)
    except OSError:
        return code  # neither stream can be written: the exit code still says it
    return code


def _command(arguments: list[str]) -> str:
    """Return the verb of a command line, as far as it can be told from a faulty one."""
    words = [word for word in arguments if not word.startswith("-")]
    return " ".join(words[:2] if words[:1] in (["models"], ["schema"], ["import"]) else words[:1])


@contextmanager
def _interruptible() -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into `Interrupted`, and end a process that does not listen."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    timers: list[threading.Timer] = []

    def stop(number: int, frame: object) -> None:
        timer = threading.Timer(GRACE_SECONDS, os._exit, [EXIT_INTERRUPTED])
        timer.daemon = True
        timer.start()
        timers.append(timer)
        raise Interrupted(EXIT_INTERRUPTED)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for timer in timers:
            timer.cancel()
