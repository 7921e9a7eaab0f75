"""API: a page for each stage of the package, one entry for each public name."""

from __future__ import annotations

import inspect
from collections import defaultdict
from importlib import import_module

import bayes_scaling

INTRODUCTION = """
In the examples `runs` is a table and `fit` a posterior, made once::

    import bayes_scaling as bs

    runs = bs.read_runs(bs.example_path()).select(train_dataset="rpj")
    fit = bs.fit(bs.load_model("chinchilla"), runs)

``loss_mean`` is the curve and ``loss_new`` one future run; draws have the dims ``chain`` and
``draw``. Every error is a `bayes_scaling.BayesScalingError`; the page of errors lists its children.
"""


def by_stage() -> dict[str, list[str]]:
    """Return the public names of each stage, in the order of the data flow."""
    stages: dict[str, list[str]] = defaultdict(list)
    for name in bayes_scaling.__all__:
        if not name.startswith("_"):
            home = getattr(bayes_scaling, name).__module__
            stages[home.split(".")[1]].append(name)
    order = ("runs", "laws", "specs", "inference", "evaluation", "decisions", "reporting", "batch")
    return {stage: stages[stage] for stage in (*order, *sorted(set(stages) - set(order)))}


def title(words: str) -> str:
    """Return a heading of reStructuredText."""
    return f"{words}\n{'=' * len(words)}\n"


def api_pages() -> dict[str, str]:
    """Return the pages of the Python reference by path."""
    stages = by_stage()
    pages = {f"api/{stage}.rst": stage_page(stage, names) for stage, names in stages.items()}
    listed = "\n".join(f"   {stage}" for stage in stages)
    pages["api/index.rst"] = f"{title('Python')}{INTRODUCTION}\n.. toctree::\n\n{listed}\n"
    return pages


def stage_page(stage: str, names: list[str]) -> str:
    """Return the page of one stage: what it is, then its names, types before functions."""
    home = import_module(f"bayes_scaling.{stage}")
    about = inspect.cleandoc(home.__doc__ or "").splitlines()[0]
    parts = [title(stage), about, ""]
    for name in sorted(names, key=lambda n: (not is_class(n), n.lower())):
        kind = "autoclass" if is_class(name) else "autofunction"
        parts += [f".. {kind}:: bayes_scaling.{name}"]
        parts += ["   :members:"] if is_class(name) else []
        parts += [""]
    return "\n".join(parts)


def is_class(name: str) -> bool:
    """Whether a public name is a type."""
    return inspect.isclass(getattr(bayes_scaling, name))
