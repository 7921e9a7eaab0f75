"""The README does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import bayes_scaling as bs
from bayes_scaling.decisions.forecast import forecast
from bayes_scaling.evaluation.cuts import MAX_EXTRAPOLATION
from bayes_scaling.specs.shelf import model_names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.S)


def test_six_lines_of_python_run() -> None:
    names: dict[str, object] = {}
    exec(BLOCKS[0], names)  # the block as printed
    assert names["fit"].posterior.sizes == {"chain": 4, "draw": 1000}  # type: ignore[attr-defined]
    assert forecast(names["fit"], [1e22]).findings == ()  # type: ignore[arg-type]


def test_the_law_of_your_own_passes_the_checks(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(BLOCKS[1])
    law = bs.load_law("mine.py:two_phase", folder=tmp_path)
    assert bs.check_law(law).verdict == "ok"
    head, _, priors = bs.load_model("chinchilla-plain").text.partition("[priors.L_inf]")
    head = head.partition("[constants]")[0].replace('"chinchilla-plain"', '"mine"')
    model = head.replace('law = "chinchilla"', 'law = "mine.py:two_phase"')
    (tmp_path / "mine.toml").write_text(model + "[priors.L_inf]" + priors)
    runs = bs.read_runs(bs.example_path()).select(train_dataset="rpj")
    fit = bs.fit(bs.load_model(tmp_path / "mine.toml"), runs)
    assert bs.check(fit).verdict != "fail"
    back = bs.load_fit(fit.save(tmp_path / "fit.nc"), law=law)
    assert len(bs.allocate(back, [1e22]).robust) == 1


def test_names_and_numbers_in_prose() -> None:
    table = README.partition("| a few of their laws |")[2].partition("\n\n")[0]
    listed = re.findall(r"^\| `([a-z-]+)`", table, flags=re.M)
    assert len(listed) >= 5 and set(listed) <= set(model_names())
    questions = README.partition("| question |")[2].partition("\n\n")[0]
    named = {
        f"chinchilla{n}" if n[0] == "-" else n for n in re.findall(r"`([a-z0-9-]+)`", questions)
    }
    assert len(named) >= 30 and named <= set(model_names())
    assert f"Beyond {MAX_EXTRAPOLATION:g} times" in README
    for path in re.findall(r"\]\(([^)h][^)]*)\)", README):
        assert (ROOT / path).exists(), path
    for selection in re.findall(r"`pytest (tests/[\w/.]+)", README):
        assert (ROOT / selection).exists(), selection


def test_commands_are_the_promised_ones() -> None:
    for command in ("bayes-scaling demo", "pytest"):
        assert f"python3 -m pip install -q uv && python3 -m uv run {command}" in README
    ci = (ROOT / ".ci" / "run").read_text()
    assert "python3 -m pip install -q uv && python3 -m uv run pytest" in ci
