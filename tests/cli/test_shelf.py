"""`models`, `schema`, `doctor`, `--version`, `--help` and shell completion."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bayes_scaling.cli.app import build_app
from bayes_scaling.cli.entry import main
from bayes_scaling.specs.model_file import ModelFile
from bayes_scaling.specs.shelf import find_model, model_names

from .conftest import Cli

VERBS = (
    "demo", "report", "check", "example", "fit", "show", "forecast", "allocate", "schema",
    "doctor", "models", "models list", "models show", "models diff", "models with-floor",
    "compare", "diff", "next",
)  # fmt: skip


def test_models_alone_lists(cli: Cli) -> None:
    bare, listed = cli("models"), cli("models", "list")
    assert (bare.code, bare.out) == (0, listed.out)
    for name in model_names():
        assert name in bare.out
    found = cli("models", "--json").json
    assert found["command"] == "models list"
    assert [each["name"] for each in found["result"]["models"]] == list(model_names())
    assert cli("models", "list", "--csv").out.startswith("name,version,law")


def test_models_show_is_the_file_verbatim(cli: Cli) -> None:
    ran = cli("models", "show", "chinchilla-plain")
    assert ran.out.startswith(find_model("chinchilla-plain")[1])
    assert r"L_{\infty}" in ran.out


def test_models_diff(cli: Cli) -> None:
    ran = cli("models", "diff", "chinchilla-plain", "skaling-plain")
    assert "law\n  - chinchilla\n  + skaling" in ran.out
    same = cli("models", "diff", "chinchilla-plain", "chinchilla-plain")
    assert (same.code, same.out) == (0, "the two files say the same\n")


@pytest.mark.parametrize("what", ["model", "runs", "result"])
def test_schemas_are_json(cli: Cli, what: str) -> None:
    ran = cli("schema", what)
    assert ran.code == 0
    assert "properties" in json.loads(ran.out)


def test_schema_of_a_model_knows_its_keys(cli: Cli) -> None:
    assert set(json.loads(cli("schema", "model").out)["properties"]) == set(ModelFile.model_fields)


def test_json_objects_have_the_keys_of_their_schema(cli: Cli, folder: Path) -> None:
    schema = json.loads(cli("schema", "result").out)
    lines = (["models"], ["show", folder / "fit.nc"], ["check", folder / "bad.csv"], ["nope"])
    for line in lines:
        found = cli(*line, "--json").json
        assert set(found) - {"error"} == set(schema["required"])
        assert found["status"] in schema["properties"]["status"]["enum"]
        assert ("error" in found) == (found["status"] == "error")


def test_doctor(cli: Cli) -> None:
    ran = cli("doctor", "--json")
    names = {row["name"] for row in ran.json["result"]["rows"]}
    assert names >= {"pymc", "cores", "compile cache", "free disk there"}
    assert ran.code == (1 if ran.json["status"] == "fail" else 0)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    ran = CliRunner().invoke(build_app(), [*verb.split(), "--help"])
    assert ran.exit_code == 0
    assert "Usage:" in ran.stdout
    assert "--json" in ran.stdout


def test_runner_prints_what_main_prints(cli: Cli) -> None:
    ran = CliRunner().invoke(build_app(), ["models", "list"])
    assert (ran.exit_code, ran.stdout) == (0, cli("models", "list").out)


def test_version_and_bare_call(cli: Cli) -> None:
    assert cli("--version").out == f"bayes-scaling {version('bayes-scaling')}\n"
    bare = cli()
    assert bare.code == 2
    assert "bayes-scaling demo" in bare.out


def test_completion_script() -> None:
    # Typer asks which shell its parent is; the `exit` keeps bash from replacing itself
    command = f"{sys.executable} -m bayes_scaling --show-completion; exit $?"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert ran.returncode == 0
    assert "bayes-scaling" in ran.stdout.lower() or "complete" in ran.stdout


def test_a_law_of_your_own_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.py"
    text = (
        "from bayes_scaling import law\n\n"
        '@law(reference="mine")\n'
        "def steep(xp, N, D, *, A, alpha):\n"
        '    """Expected loss [nats/token]."""\n'
        "    return 1.5 + A * (N / 1e9) ** -alpha\n"
    )
    path.write_text(text)
    assert main(["check-law", f"{path}:steep", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {row["verdict"] for row in found["result"]["checks"]} == {"ok"}
    path.write_text(text.replace("** -alpha", "** alpha"))
    assert main(["check-law", f"{path}:steep"]) == 1
    assert "falls with N" in capsys.readouterr().err
    assert main(["check-law", f"{path}:steep", "--at", "gamma=1"]) == 2
    assert main(["check-law", f"{path}:steep", "--at", "alpha=x"]) == 2
    assert main(["check-law", "chinchilla"]) == 0


def test_models_show_draws_what_the_priors_expect(cli: Cli, tmp_path: Path) -> None:
    picture = tmp_path / "prior.png"
    ran = cli("models", "show", "chinchilla-plain", "--png", picture)
    assert ran.code == 0 and "░" in ran.out and "at the reference run (1.2e20 FLOP)" in ran.out
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert cli("models", "show", "chinchilla-plain", "-o", picture).code == 6  # exists
    assert cli("models", "show", "chinchilla-plain", "-o", tmp_path / "prior.txt").code == 2
    found = cli("models", "show", "power", "--resource", "flops", "--json").json["result"]
    numbers = found["prior_predictive"]
    assert (numbers["column"], numbers["smallest_loss"]) == ("flops", 2.0)
    assert 0.9 < numbers["possible_share"] <= 1
    assert set(numbers["points"][0]) == {"flops", "loss_q05", "loss_q50", "loss_q95"}
    assert cli("models", "show", "chinchilla-plain", "--csv").out.startswith("flops,loss_q05")


def test_models_with_floor(cli: Cli, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine.toml"
    ran = cli("models", "with-floor", "power-floor-plain", folder / "fit.nc", "-o", target)
    assert ran.code == 0 and "same evaluation set and tokenizer" in ran.out
    assert "--model" in ran.err
    shown = cli("models", "show", target)
    assert shown.code == 0 and 'name = "mine"' in shown.out and "data digest" in shown.out
    assert (
        cli("models", "with-floor", "power", folder / "fit.nc", "-o", tmp_path / "b.toml").code == 2
    )
    assert (
        cli("models", "with-floor", "power-floor-plain", folder / "fit.nc", "-o", target).code == 6
    )
    bad = cli(
        "models", "with-floor", "power-floor-plain", folder / "fit.nc", "-o", tmp_path / "B b.toml"
    )
    assert bad.code == 2 and "no model name" in bad.err
    table = cli(
        "models", "with-floor", "chinchilla-plain", folder / "runs.csv", "-o", tmp_path / "c.toml"
    )
    assert table.code == 2 and "not a saved fit" in table.err
    assert not (tmp_path / "b.toml").exists() and not (tmp_path / "c.toml").exists()


def test_sources_of_a_mixture_are_named_reference_first() -> None:
    from bayes_scaling.cli.posterior import load_spec

    spec = load_spec("effective-tokens", None, "web, code")
    assert spec.law.sources == ("web", "code") and "q_code" in spec.priors
    assert load_spec("effective-tokens", None).settled is False
