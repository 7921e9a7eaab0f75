"""Shelf: a page for each model file, with formula, priors and what they expect of new runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes_scaling.laws.formula import latex
from bayes_scaling.quantities import ONE_RESOURCES
from bayes_scaling.reporting.formula import safe_mathml
from bayes_scaling.reporting.prior_picture import save_prior, shares
from bayes_scaling.specs.prior_predictive import prior_predictive
from bayes_scaling.specs.shelf import model_names
from bayes_scaling.specs.spec import load_model

if TYPE_CHECKING:
    from pathlib import Path

    from bayes_scaling.specs.prior import Prior
    from bayes_scaling.specs.spec import ModelSpec

HEAD = """# The shelf

One page for each model: its formula, its priors with their reasons, and what they expect of new
runs before any data. Pictures are prior predictive: 4,000 draws of the priors, no run seen.

| model | law | reads | answers |
|---|---|---|---|
"""


def shelf_pages(folder: Path) -> dict[str, str]:
    """Return the pages of all models by path; writes their pictures into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    models = [load_model(name) for name in model_names()]
    rows = [
        f"| [{m.name}]({m.name}.md) | `{m.law.name}` | {', '.join(reads(m))} | {m.answers} |"
        for m in models
    ]
    listed = "\n".join(m.name for m in models)
    index = HEAD + "\n".join(rows) + f"\n\n```{{toctree}}\n:hidden:\n\n{listed}\n```\n"
    pages = {f"shelf/{m.name}.md": page(m, folder) for m in models}
    return {"shelf/index.md": index, **pages}


def reads(model: ModelSpec) -> tuple[str, ...]:
    """Return the columns that a model reads, or those of which it reads one."""
    return model.inputs or (f"one of {', '.join(ONE_RESOURCES)}",)


def page(model: ModelSpec, folder: Path) -> str:
    """Return the page of one model and draw its prior, once for each density."""
    found = prior_predictive(model)
    picture = folder / f"{model.name}-{model.digest[:12]}.png"
    if not picture.exists():
        for old in folder.glob(f"{model.name}-" + "[0-9a-f]" * 12 + ".png"):
            old.unlink()
        save_prior(found, picture)
    law = model.law
    parts = [f"# {model.name}\n", f"{model.answers}\n", f"{law.summary}\n"]
    formula = safe_mathml(law)
    parts += ["```{raw} html", f'<div class="formula">{formula}</div>', "```\n"] if formula else []
    facts = {
        "law": f"`{law.name}`",
        "reads": ", ".join(reads(model)),
        "explains": model.target,
        "best split of a budget": law.best_split,
        "version": str(model.version),
        "references": "; ".join(model.references),
    }
    parts += [
        *(f"- **{key}**: {value}" for key, value in facts.items() if value),
        "",
        "## Priors\n",
        "| unknown | distribution | unit | why |\n|---|---|---|---|",
        *(row(name, prior) for name, prior in model.all_priors.items()),
        f"\n![Prior of {model.name}: {found.caption}]({picture.name})\n",
        f"{found.caption}; {shares(found)}\n",
        f"## Formula in LaTeX\n\n```latex\n{latex(law)}\n```\n",
        f"## The file\n\n```toml\n{model.text.strip()}\n```\n",
    ]
    return "\n".join(parts)


def row(name: str, prior: Prior) -> str:
    """Return a row of the table of priors."""
    numbers = ", ".join(f"{key} = {value:g}" for key, value in prior.given.items())
    of = f" of {prior.of}" if prior.of else ""
    why = prior.why.replace("|", "\\|")
    return f"| `{name}` | {prior.dist}{of}: {numbers} | {prior.unit} | {why} |"
