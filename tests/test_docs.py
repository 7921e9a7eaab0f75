"""What the pages show runs: every block of the README and of docs/, once or in its turn.

Quick commands and Python run on posteriors made by hand. With `-m slow` each page runs as a reader
would follow it, sampling included, and prints what it shows.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import io
import re
import shutil
import subprocess
import sys
import tomllib
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

import bayes_scaling as bs
from bayes_scaling.batch.study import read_study
from bayes_scaling.cli import main
from bayes_scaling.cli.about import _schema_of
from bayes_scaling.cli.app import build_app
from bayes_scaling.errors import EXIT_CHECK_FAILED, EXIT_OK
from bayes_scaling.inference import sampling
from bayes_scaling.inference.fit import Fit
from tests.conftest import make_fit, make_grouped_fit
from tests.documents import (
    PAGES,
    PROGRAM,
    ROOT,
    Block,
    Command,
    blocks,
    commands,
    name_of,
    spoken,
)

ELSEWHERE = {
    "python3 -m pip install -q uv": "installs; .ci/run and tests/test_fresh_clone.py run the rest",
    "source .venv/bin/activate": "changes the reader's shell",
    ".ci/run": "runs this test",
    "python3 -m uv run": "a step of .ci/run, or run by tests/test_fresh_clone.py",
    "pytest ": "runs tests; tests/test_adding_a_law.py does this in a copy",
    "bayes-scaling demo": "tests/cli/test_demo.py runs it; a minute",
    "bayes-scaling calibration": "ten minutes on tables that do not ship",
}
"""Commands that are only read here, and why; each is checked for what it names."""
README_PYTHON = 2
"""Python blocks of the README, which tests/test_readme.py runs."""
DRAWN = {
    "L_inf": 1.742, "A": 0.650, "alpha": 0.255, "B": 0.473, "beta": 0.266,
}  # fmt: skip
"""About the posterior medians of chinchilla on the runs of the tutorial."""
SAMPLING = re.compile(r"bs\.(fit|backtest|scan|compare)\(|wandb")
MADE_ANEW = (".nc", ".json", ".html", ".png", ".toml", ".csv", ".md")
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def ids(page: Path) -> str:
    return name_of(page)


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The Typer command that words call, and the words that are left for it."""
    command: Any = typer.main.get_command(build_app())
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    return command, words


def parse(words: list[str]) -> None:
    """Fail where an option, a verb or an argument is unknown or missing."""
    command, rest = command_of(words)
    assert command.name != PROGRAM, f"no verb: {words}"
    command.make_context(PROGRAM, rest)


@pytest.fixture(scope="session")
def tutorial_runs() -> bs.Runs:
    table = bs.read_runs(bs.example_path()).select(train_dataset="rpj").to_frame()
    return bs.read_runs(table[["run", "params", "tokens", "loss"]])


@pytest.fixture(scope="session")
def shelf_of_files(tmp_path_factory: pytest.TempPathFactory, tutorial_runs: bs.Runs) -> Path:
    """Files that the pages take for granted, their posteriors made by hand."""
    folder = tmp_path_factory.mktemp("files")
    table = tutorial_runs.to_frame()
    table.to_csv(folder / "runs.csv", index=False)
    fit = make_fit("chinchilla", DRAWN, tutorial_runs)
    fit.save(folder / "fit.nc")
    fit.save(folder / "old.nc")
    make_fit("chinchilla", {**DRAWN, "alpha": 0.26}, tutorial_runs).save(folder / "new.nc")
    make_grouped_fit().save(folder / "families.nc")
    (folder / "tables").mkdir()
    halves = table.assign(eval_dataset=["c4", "pile"] * (len(table) // 2) + ["c4"])
    halves.to_csv(folder / "tables" / "two.csv", index=False)
    return folder


@pytest.fixture
def folder(shelf_of_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with copies of those files."""
    shutil.copytree(shelf_of_files, tmp_path / "work")
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "work"


def run(command: Command) -> str:
    """Run a command in this process, as typed, and return what it printed."""
    for option, value in zip(command.words, command.words[1:], strict=False):
        if option in ("-o", "--png"):
            for old in Path(value).parent.glob(f"{Path(value).stem}.*"):
                if old.is_file() and old.suffix in MADE_ANEW:
                    old.unlink()
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(command.words)
    far = code == EXIT_CHECK_FAILED and "X001" in err.getvalue()  # asked of larger tables
    said = f"{command.line}: exit code {code}\n{out.getvalue()}\n{err.getvalue()}"
    assert code == EXIT_OK or far, said
    if command.target:
        Path(command.target).write_text(out.getvalue())
    return out.getvalue()


def follow(page: Path, *, sample: bool) -> None:
    """Go through a page from top to bottom; without `sample`, what samples is only read."""
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks(page):
        if block.language == "python" and name_of(page) != "README.md":
            code = compile(block.text, name_of(page), "exec")
            if sample or not SAMPLING.search(block.text):
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(code, names)
        elif block.language == "toml":
            read_toml(block)
        elif block.language in ("console", "bash"):
            for command in commands(block):
                if not command.ours or reason(command):
                    continue
                parse(command.words)
                if sample or not command.samples:
                    said = run(command)
                    if sample:
                        compare_output(command, said)


def read_toml(block: Block) -> None:
    """A study file of a page is one, and stands in the folder from then on."""
    assert "tables" in tomllib.loads(block.text)
    Path("study.toml").write_text(block.text)
    read_study("study.toml")


def reason(command: Command) -> str:
    return next((why for head, why in ELSEWHERE.items() if command.line.startswith(head)), "")


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_a_page_runs(page: Path, folder: Path) -> None:
    follow(page, sample=False)


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_commands_in_sentences_exist(page: Path) -> None:
    for line in spoken(page):
        words = Command(line, ()).words
        command, rest = command_of(words)
        if words[0].startswith("-"):
            assert any(words[0] in each.opts for each in command.params), line
        elif rest:
            parse(words)
        else:
            assert command.name == words[-1], line


def test_what_is_not_run_is_listed_and_checked() -> None:
    found = {
        command.line
        for page in PAGES
        for block in blocks(page)
        if block.language in ("console", "bash")
        for command in commands(block)
        if not command.ours or reason(command)
    }
    for line in found:
        assert reason(Command(line, ())), f"neither run nor listed: {line}"
        done = subprocess.run(["bash", "-n", "-c", line], capture_output=True, check=False)
        assert done.returncode == 0, line
        for path in re.findall(r"(?:tests|docs|\.ci)/[\w./-]*\w", line):
            assert path == "docs/_build" or (ROOT / path).exists(), line
        if line.startswith(PROGRAM):
            parse(Command(line, ()).words)
    for head in ELSEWHERE:
        assert any(line.startswith(head) for line in found), f"listed, and nowhere: {head}"


def test_every_block_is_of_a_kind_that_is_checked() -> None:
    kinds = {block.language for page in PAGES for block in blocks(page)}
    made = {kind for kind in kinds if kind.startswith("{")}
    assert kinds - made == {"python", "console", "bash", "toml", "text"}
    readme = [b for b in blocks(ROOT / "README.md") if b.language == "python"]
    assert len(readme) == README_PYTHON


def test_the_snakemake_rules_call_verbs_that_exist() -> None:
    (rules,) = [b for b in blocks(ROOT / "docs" / "batch.md") if "rule all" in b.text]
    lines = re.findall(r'shell: "([^"|]+)', rules.text)
    assert len(lines) == 2
    for line in lines:
        filled = line.replace("{input}", "study.toml").replace("{wildcards.i}", "1")
        parse(Command(filled.strip(), ()).words)


def test_every_verb_has_a_guide() -> None:
    guides = re.findall(r"^\S+$", index_of("how-to/index.md"), flags=re.M)
    heads = [
        (ROOT / "docs" / "how-to" / f"{guide}.md").read_text().splitlines()[0] for guide in guides
    ]
    covered = {verb for head in heads for verb in re.findall(r"`([\w-]+)`", head)}
    missing = set(typer.main.get_command(build_app()).commands) - covered  # type: ignore[attr-defined]
    assert not missing


def index_of(page: str) -> str:
    text = (ROOT / "docs" / page).read_text()
    listed = text.partition("```{toctree}\n:hidden:\n")[2].partition("```")[0]
    return listed.replace("../decisions\n", "")


# --- as a reader follows it ---


@pytest.fixture(scope="session")
def fits_once() -> Iterator[None]:
    """The same model on the same table is sampled once for all pages."""
    known: dict[Any, Fit] = {}
    original = sampling.fit

    def fit(spec: Any, runs: Any, *, progress: Any = None, **options: Any) -> Fit:
        key = (spec.digest, spec.resource, runs.digest, tuple(sorted(options.items())))
        if key not in known:
            known[key] = original(spec, runs, progress=progress, **options)
        return replace(known[key], spec=spec, runs=runs)

    with pytest.MonkeyPatch.context() as patch:
        for module in [m for m in sys.modules.values() if isinstance(m, types.ModuleType)]:
            for name in ("fit", "sample"):
                if module.__name__.startswith("bayes_scaling") and (
                    vars(module).get(name) is original
                ):
                    patch.setattr(module, name, fit)
        yield


@pytest.fixture(scope="session")
def sampled(shelf_of_files: Path, tutorial_runs: bs.Runs, fits_once: None) -> Path:
    """The folder of files with a posterior that was sampled by the command of the guides."""
    with contextlib.chdir(shelf_of_files):
        run(Command(f"{PROGRAM} fit runs.csv --model chinchilla -o fit.nc", ()))
    return shelf_of_files


@pytest.mark.slow
@pytest.mark.xdist_group("docs")
@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_a_page_is_followed(
    page: Path, sampled: Path, folder: Path, trackers: Callable[[], None]
) -> None:
    trackers()
    follow(page, sample=True)


@pytest.fixture
def trackers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A store of MLflow, and a client of W&B that knows two runs."""

    def make() -> None:
        from tests.cli.test_imports import log, mlflow_client

        with mlflow_client(f"sqlite:///{folder / 'mlruns.db'}") as client:
            ladder = client.create_experiment("ladder", artifact_location=str(folder))
            for k in range(8):
                log(client, ladder, f"run-{k}", 10**8 * 2**k, 2e9 * 3**k, 4 - k / 5, "FINISHED")
        summaries = [{"eval": {"loss": 4 - k / 5}, "tokens": 2e9 * 3**k} for k in range(8)]
        runs = [
            types.SimpleNamespace(
                id=f"r{k}", name=f"run-{k}", state="finished",
                config={"model": {"n": 10**8 * 2**k}, "data": "c4"},
                summary=types.SimpleNamespace(_json_dict=summary),
            )
            for k, summary in enumerate(summaries)
        ]  # fmt: skip
        api = types.SimpleNamespace(runs=lambda path: runs)
        monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(Api=lambda: api))  # type: ignore[arg-type]

    return make


def compare_output(command: Command, said: str) -> None:
    """Shown lines stand in the output in their order; dots leave out lines, or the end of one."""
    lines = [" ".join(line.split()) for line in said.splitlines()]
    for shown in command.shown:
        wanted = " ".join(shown.split())
        if wanted in ("...", ""):
            continue
        place = next((i for i, line in enumerate(lines) if alike(wanted, line)), None)
        assert place is not None, f"{command.line} shows\n{wanted}\nbut printed\n{said}"
        lines = lines[place + 1 :]


def alike(shown: str, printed: str) -> bool:
    """Words are the same, numbers within a tenth."""
    if shown.endswith(" ..."):
        shown = shown.removesuffix(" ...")
        printed = " ".join(printed.split()[: len(shown.split())])
    if NUMBER.sub("#", shown) != NUMBER.sub("#", printed):
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True)
    return all(abs(float(a) - float(b)) <= 0.1 * abs(float(a)) for a, b in pairs)


@pytest.mark.parametrize(
    ("shown", "same"),
    [
        ("1e22 2.368 [2.333, 2.394]", True),
        ("1e22 2.36 ...", True),
        ("1e22 3.368 [2.333, 2.394]", False),
        ("1e23 2.368 [2.333, 2.394]", False),
        ("1e22 2.368 (2.333, 2.394)", False),
    ],
)
def test_shown_lines_are_held_to_what_is_printed(shown: str, same: bool) -> None:
    assert alike(shown, "1e22 2.361 [2.330, 2.390]") is same


@pytest.fixture(scope="session")
def generator() -> Any:
    """The package in docs/ that writes the reference."""
    path = ROOT / "docs" / "_generate" / "__init__.py"
    spec = importlib.util.spec_from_file_location(
        "_generate", path, submodule_search_locations=[str(path.parent)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["_generate"] = module
    spec.loader.exec_module(module)
    return module


def test_every_code_stands_in_a_table(generator: Any) -> None:
    listed = {
        code
        for rows in generator.codes.tables().values()
        for row in rows
        for code in re.findall(r"\b[A-Z]\d{3}\b", row.split("|")[1])
    }
    given = {
        node.value
        for path in (ROOT / "bayes_scaling").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.fullmatch(r"[A-Z]\d{3}", node.value)
    }
    assert len(given) > 50 and given <= listed


def test_the_reference_names_everything(generator: Any) -> None:
    """Every public name, verb, key of a file and exit code; without building the site."""
    pages = generator.api_pages()
    text = "\n".join(pages.values())
    assert all(f":: bayes_scaling.{name}\n" in text for name in bs.__all__ if name[0] != "_")
    verbs = generator.command_pages()
    for verb in generator.commands.verbs():
        page = verbs[f"cli/{verb.split()[0]}.md"]
        assert f"Usage: {PROGRAM} {verb} [OPTIONS]" in page or "COMMAND" in page
    schemas = generator.schema_pages()
    assert "| `follows` | number >= 0 <= 2 |" in schemas["schema/model.md"]
    assert "| `max_params` |" in schemas["schema/study.md"]
    exits = generator.exits_page()["exit-codes.md"]
    assert all(f"| {code} |" in exits for code in (0, 1, 2, 3, 4, 5, 6, 130))


@pytest.mark.parametrize("what", ["model", "study"])
def test_every_key_of_a_file_says_what_it_means(what: str, generator: Any) -> None:
    """Behind it in the class, so that schema and reference say it; in one line."""
    schema = _schema_of(what)
    parts = {"": schema, **{k: v for k, v in schema["$defs"].items() if "properties" in v}}
    said = {
        f"{part}.{key}": each.get("description", "")
        for part, its in parts.items()
        for key, each in its["properties"].items()
    }
    assert len(said) > 30
    assert not {key for key, text in said.items() if not text.endswith(".") or "\n" in text}
    page = generator.schema_pages()[f"schema/{what}.md"]
    assert not {key for key, text in said.items() if generator.schemas.cell(text) not in page}


def test_the_shelf_has_a_page_and_a_picture_for_each_model(generator: Any, tmp_path: Path) -> None:
    model = bs.load_model("chinchilla")
    page = generator.shelf.page(model, tmp_path)
    (picture,) = tmp_path.glob("*.png")
    assert picture.name in page and "<math" in page and r"\frac{N}{N_{ref}}" in page
    assert model.text.strip() in page and model.priors["alpha"].why in page
    assert generator.shelf.page(model, tmp_path) == page
    assert generator.shelf.safe_mathml(model.law)
