"""About: the verbs `schema` and `doctor`."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bayes_scaling.cli.options import Output
from bayes_scaling.cli.output import SCHEMA_VERSION, Outcome
from bayes_scaling.cli.verbs import verb
from bayes_scaling.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bayes_scaling.verdicts import Check

FREE_GIB: Final = 1.0
"""Free disk below which compiling may fail."""
GIB: Final = 2**30


def add_to(app: typer.Typer) -> None:
    """Add the verbs to the app."""
    verb(app, "schema")(schema)
    verb(app, "doctor")(doctor)


def schema(
    what: Annotated[str, typer.Argument(metavar="model|study|runs|result", help="Of what.")],
    output: Output,
) -> Outcome:
    """Print the JSON Schema of a model file, a study file, a table's row, or the --json object."""
    found = _schema_of(what)
    from bayes_scaling.cli.output import json_of

    return Outcome(result=found, text=lambda: [json_of(found)])


def _schema_of(what: str) -> dict[str, Any]:
    if what == "model":
        from bayes_scaling.specs.model_file import ModelFile

        return ModelFile.model_json_schema()
    if what == "study":
        from bayes_scaling.batch.study import Study

        return Study.model_json_schema()
    if what == "runs":
        from bayes_scaling.runs.schema import runs_schema

        return runs_schema()
    if what == "result":
        return result_schema()
    raise UsageError(f"no schema of '{what}'; there are model, study, runs and result")


def result_schema() -> dict[str, Any]:
    """Return the JSON Schema of the object that `--json` prints."""
    error = {
        "type": "object",
        "required": ["message", "findings"],
        "properties": {
            "message": {"type": "string"},
            "findings": {"type": "array", "items": _finding_schema()},
        },
        "description": "only where status is error",
    }
    properties = {
        "schema_version": {"const": SCHEMA_VERSION},
        "command": {"type": "string"},
        "status": {"enum": ["ok", "warn", "fail", "error"]},
        "exit_code": {"type": "integer", "minimum": 0, "maximum": 255},
        "warnings": {"type": "array", "items": {"type": "string"}},
        "result": {"type": ["object", "null"], "description": "null where status is error"},
        "error": error,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "what bayes-scaling prints under --json",
        "type": "object",
        "required": [name for name in properties if name != "error"],
        "properties": properties,
        "additionalProperties": False,
    }


def _finding_schema() -> dict[str, Any]:
    from bayes_scaling.runs.finding import WORST_FIRST

    properties = {
        "code": {"type": "string"},
        "severity": {"enum": list(WORST_FIRST)},
        "rows": {"type": "array", "items": {"type": "integer"}, "description": "file lines"},
        "message": {"type": "string"},
        "hint": {"type": "string"},
        "column": {"type": ["string", "null"]},
        "value": {"type": ["string", "null"]},
    }
    return {"type": "object", "required": list(properties), "properties": properties}


def doctor(
    output: Output,
    compile_: Annotated[
        bool, typer.Option("--compile", help="Also compile a tiny graph (some seconds).")
    ] = False,
) -> Outcome:
    """Does this machine have what fitting needs? Versions, compile cache, cores, disk."""
    from bayes_scaling.cli.answers import checks_record
    from bayes_scaling.cli.progress import Stages
    from bayes_scaling.verdicts import FAIL, WARN, Checks

    with Stages(output) as say:
        say("loading the sampler")
        rows = [*_versions(), _cores(), *_cache()]
        if compile_:
            say("compiling a tiny graph")
            rows.append(_tiny_compile())
    checks = Checks(tuple(rows))

    def text() -> Iterator[Any]:
        from bayes_scaling.reporting.tables import checks_table

        yield checks_table(checks)

    return Outcome(
        result=checks_record(checks),
        text=text,
        table=checks.to_frame(),
        failures=[str(row) for row in rows if row.verdict == FAIL],
        warnings=[str(row) for row in rows if row.verdict == WARN],
        told=True,
    )


def _versions() -> Iterator[Check]:
    from bayes_scaling.inference.sampling import versions
    from bayes_scaling.verdicts import FAIL, INFO, Check

    for name, version in versions().items():
        absent = version == "not installed"
        advice = f"install it: pip install {name}" if absent else ""
        yield Check(name, FAIL if absent else INFO, version, "installed", advice)


def _cores() -> Check:
    from bayes_scaling.verdicts import INFO, Check

    return Check("cores", INFO, str(os.cpu_count() or 1), "4 sample 4 chains at once")


def _cache() -> Iterator[Check]:
    """Where compiled code is kept, whether it can be written, and the room left there."""
    import shutil
    from pathlib import Path

    from bayes_scaling.inference.backend import import_pymc
    from bayes_scaling.verdicts import FAIL, OK, WARN, Check, Verdict

    import_pymc()
    folder = Path(str(import_module("pytensor").config.compiledir))
    writable = _can_write(folder)
    cache: Verdict = OK if writable else FAIL
    advice = "set PYTENSOR_FLAGS=base_compiledir=FOLDER to a folder that can be written"
    value = f"{folder} {'can' if writable else 'cannot'} be written"
    yield Check("compile cache", cache, value, "can be written", advice)
    free = shutil.disk_usage(_existing(folder)).free / GIB
    room: Verdict = OK if free >= FREE_GIB else WARN
    yield _kept_graphs()
    yield Check("free disk there", room, f"{free:.1f} GiB", f">= {FREE_GIB:g} GiB", "free some")


def _kept_graphs() -> Check:
    from bayes_scaling.inference import machine_code
    from bayes_scaling.verdicts import INFO, OK, WARN, Check

    folder, name = machine_code.folder(), "kept graphs"
    if folder is None:
        return Check(name, INFO, "none", f"a folder; {machine_code.FOLDER} is empty", "")
    count = len(list(folder.glob(f"*{machine_code.ENDING}")))
    writable = _can_write(folder)
    advice = f"set {machine_code.FOLDER} to a folder of your own, or to nothing to keep none"
    value = f"{count} in {folder}{'' if writable else ', which cannot be written'}"
    return Check(
        name, OK if writable else WARN, value, "can be written", "" if writable else advice
    )


def _can_write(folder: Path) -> bool:
    import tempfile

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())


def _tiny_compile() -> Check:
    from bayes_scaling.inference.backend import import_pymc
    from bayes_scaling.verdicts import FAIL, OK, Check

    import_pymc()
    try:
        pytensor = import_module("pytensor")
        x = pytensor.tensor.dscalar("x")
        right = float(pytensor.function([x], pytensor.tensor.exp(x), mode="NUMBA")(0.0)) == 1.0
        value = "works" if right else "gives wrong numbers"
    except Exception as fault:  # whatever a broken tool chain raises is the finding
        right, value = False, f"{type(fault).__name__}: {fault}"
    return Check("tiny compile", OK if right else FAIL, value, "exp(0) = 1", "reinstall numba")
