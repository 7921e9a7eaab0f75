"""Shelf: the verbs `models list`, `show`, `diff`, `with-floor`, and `check-law`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayes_scaling.cli.options import ForceOption, LawOption, Output, ResourceOption, SavedFit
from bayes_scaling.cli.output import Outcome
from bayes_scaling.cli.verbs import as_command, verb
from bayes_scaling.errors import UsageError
from bayes_scaling.quantities import is_weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

Name = Annotated[str, typer.Argument(metavar="NAME|PATH", help="A model of the shelf, or a file.")]


def add_to(app: typer.Typer) -> None:
    """Add the verbs to the app; `models` alone lists."""
    models = typer.Typer(help="The model files: list, show, diff, with-floor.")
    listing = as_command(list_models, "models list")
    options = listing.__signature__.parameters.values()  # type: ignore[attr-defined]
    defaults = {each.name: each.default for each in options}

    def bare(context: typer.Context, **options: Any) -> None:
        given = [f"--{k}" for k, v in options.items() if v != defaults[k]]
        if context.invoked_subcommand is None:
            listing(**options)
        elif given:
            verb_line = f"models {context.invoked_subcommand}"
            raise UsageError(f"write options behind the verb: {verb_line} {' '.join(given)}")

    bare.__doc__ = (
        "The models of the shelf: list (also without a word behind it), show, diff, with-floor."
    )
    context = typer_context()
    bare.__signature__ = context.replace(parameters=[*context.parameters.values(), *options])  # type: ignore[attr-defined]
    bare.__annotations__ = {"context": typer.Context, **listing.__annotations__}
    models.callback(invoke_without_command=True)(bare)
    verb(models, "list", group="models")(list_models)
    verb(models, "show", group="models")(show_model)
    verb(models, "diff", group="models")(diff)
    verb(models, "with-floor", group="models")(with_floor)
    app.add_typer(models, name="models")
    verb(app, "check-law")(check_law)


def typer_context() -> Any:
    """Return the signature of a function that takes only Typer's context."""
    import inspect

    return inspect.Signature(
        [
            inspect.Parameter(
                "context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
            )
        ]
    )


def list_models(output: Output) -> Outcome:
    """List the models: the question each answers, and what it reads."""
    import pandas as pd

    from bayes_scaling.quantities import ONE_RESOURCES
    from bayes_scaling.specs.shelf import model_names
    from bayes_scaling.specs.spec import load_model

    rows = []
    for spec in map(load_model, model_names()):
        reads = _reads(spec.inputs) or f"one of {', '.join(ONE_RESOURCES)}"
        split = spec.law.best_split
        rows.append((spec.name, spec.version, spec.law.name, reads, split, spec.answers))
    columns = ["name", "version", "law", "reads", "best split of a budget", "answers"]
    frame = pd.DataFrame(rows, columns=columns)
    return Outcome(
        result={"models": frame.to_dict("records")}, text=lambda: _listing(frame), table=frame
    )


def _reads(columns: tuple[str, ...]) -> str:
    plain = [c for c in columns if not is_weight(c)]
    return " and ".join([*plain, *(["the weights of data sources"] if plain != [*columns] else [])])


def _by(split: str) -> str:
    return "in closed form" if split == "closed form" else "by search"


def _listing(frame: pd.DataFrame) -> Iterator[str]:
    import textwrap

    for row in frame.to_dict("records"):
        split = str(row["best split of a budget"]).partition(":")[0]
        words = "no split of a budget" if split == "none" else f"splits a budget {_by(split)}"
        yield textwrap.fill(f"{row['name']}  (reads {row['reads']}; {words})", 80)
        yield textwrap.fill(str(row["answers"]), 78, initial_indent="  ", subsequent_indent="  ")


def show_model(
    name: Name,
    output: Output,
    resource: ResourceOption = None,
    out: Annotated[
        str | None, typer.Option("-o", "--png", metavar="FILE.png", help="Write the picture.")
    ] = None,
    force: ForceOption = False,
) -> Outcome:
    """Print a model file verbatim, its formula in LaTeX, and what its priors expect of new runs."""
    from bayes_scaling.cli.sources import new_file
    from bayes_scaling.laws.formula import latex
    from bayes_scaling.reporting.prior_picture import prior_text, save_prior
    from bayes_scaling.specs.prior_predictive import prior_predictive, record_of
    from bayes_scaling.specs.spec import load_model

    target = new_file(out, force, ".png") if out else None
    spec = load_model(name, resource=resource)
    formula = f"% L(N, D) of law {spec.law.name}".replace(
        "(N, D)", f"({', '.join(spec.law.inputs)})"
    )
    split = f"best split of a budget: {spec.law.best_split}"
    expected = prior_predictive(spec, seed=output.seed)
    files = [str(save_prior(expected, target))] if target else []
    return Outcome(
        result={
            "name": spec.name,
            "version": spec.version,
            "digest": spec.digest,
            "text": spec.text,
            "latex": latex(spec.law),
            "best_split": spec.law.best_split,
            "prior_predictive": record_of(expected),
            "files": files,
        },
        text=lambda: [spec.text, formula, latex(spec.law), "", split, "", *prior_text(expected)],
        table=expected.to_frame(),
        hints=[f"wrote {path}" for path in files],
    )


def check_law(
    name: Annotated[
        str,
        typer.Argument(metavar="FILE.py:NAME", help="A law of yours, or of the shelf. Runs FILE."),
    ],
    output: Output,
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at", metavar="UNKNOWN=VALUE", help="Typical value of an unknown, if not 0.4."
        ),
    ] = None,
) -> Outcome:
    """Check that a law can be fitted: units, shapes, gradients, the same numbers everywhere.

    Exit code 1: a check failed; its row says what to change.
    """
    from bayes_scaling.cli.amounts import parse_values
    from bayes_scaling.laws.conformance import check_law as examine
    from bayes_scaling.laws.formula import latex
    from bayes_scaling.laws.library import load_law
    from bayes_scaling.reporting.tables import checks_table
    from bayes_scaling.verdicts import FAIL

    law = load_law(name)
    checks = examine(law, at=parse_values(at or []))
    failed = [str(row) for row in checks.rows if row.verdict == FAIL]
    return Outcome(
        result={
            "law": law.name,
            "latex": latex(law),
            "checks": checks.to_frame().to_dict("records"),
        },
        text=lambda: [law.summary, checks_table(checks)],
        table=checks.to_frame(),
        failures=failed,
        hints=[f"write a model file with priors for {', '.join(law.unknowns)}"],
    )


def diff(a: Name, b: Name, output: Output) -> Outcome:
    """Compare two model files key by key."""
    import pandas as pd

    from bayes_scaling.specs.shelf import diff_models
    from bayes_scaling.specs.spec import load_model

    load_model(a), load_model(b)
    rows = [(key, _value(left), _value(right)) for key, left, right in diff_models(a, b)]
    frame = pd.DataFrame(rows, columns=["key", a, b] if a != b else ["key", "a", "b"])

    def text() -> Iterator[str]:
        if not rows:
            yield "the two files say the same"
        for key, left, right in rows:
            yield f"{key}\n  - {left}\n  + {right}"

    differences = [{"key": key, "a": left, "b": right} for key, left, right in rows]
    result = {"a": a, "b": b, "differences": differences}
    return Outcome(result=result, text=text, table=frame)


def _value(value: object) -> str:
    return "(absent)" if value is None else str(value)


def with_floor(
    name: Name,
    source: SavedFit,
    output: Output,
    out: Annotated[str, typer.Option("-o", "--out", metavar="MINE.toml", help="File to write.")],
    law: LawOption = None,
    force: ForceOption = False,
) -> Outcome:
    """Write a model whose prior of the floor is what a fit to another table found.

    For tables of the same evaluation set and tokenizer only. The file is complete: use it with
    --model ./MINE.toml.
    """
    from bayes_scaling.cli.sources import new_file, read_fit
    from bayes_scaling.files import write_text
    from bayes_scaling.inference.floor import CONDITION, floor_prior
    from bayes_scaling.inference.identifiability_rows import FLOOR
    from bayes_scaling.specs.spec import load_model

    target = new_file(out, force, ".toml")
    prior = floor_prior(read_fit(source, law))
    model = load_model(name).with_prior(FLOOR, prior, name=target.stem)
    write_text(target, model.text)
    low, high = prior.given["q05"], prior.given["q95"]
    said = f"{FLOOR}: 90% between {low:g} and {high:g} {prior.unit}, from {source}"
    shown = target if "/" in str(target) else f"./{target}"
    return Outcome(
        result={
            "name": model.name,
            "digest": model.digest,
            "prior": {"dist": prior.dist, **prior.given, "unit": prior.unit, "why": prior.why},
            "condition": CONDITION,
            "files": [str(target)],
        },
        text=lambda: [said, f"this prior {CONDITION}", f"wrote {target}"],
        hints=[f"next: bayes-scaling fit RUNS --model {shown} -o fit.nc"],
    )
