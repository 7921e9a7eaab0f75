"""Hand-made fits saved to files, and the command line run in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayes_scaling.cli import main
from bayes_scaling.cli.about import result_schema
from bayes_scaling.inference.fit import Fit
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import load_model, model_from_text

CHAINS, DRAWS = 4, 250
TRUTH = {
    "L_inf": 1.8, "A": 0.37, "alpha": 0.34, "B": 0.36, "beta": 0.36, "sigma": 0.004, "nu": 4.0,
}  # fmt: skip
USER_LAW = '''
from bayes_scaling.laws.law import law

@law(reference="a test")
def mine(xp, N, D, *, L_inf, A, alpha, B, beta, N_ref=1e9, D_ref=2e10):
    """Expected loss [nats/token]."""
    return L_inf + A * (N / N_ref) ** -alpha + B * (D / D_ref) ** -beta
'''


@dataclass(frozen=True)
class Ran:
    """What one command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        def refuse(word: str) -> None:
            raise AssertionError(f"{word} is not JSON")

        found = json.loads(self.out, parse_constant=refuse)
        assert isinstance(found, dict)
        jsonschema.validate(found, result_schema())
        return found


Cli = Callable[..., Ran]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.delenv("BAYES_SCALING_DEBUG", raising=False)

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        code = main([str(each) for each in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


def table(*, ray: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(20261124)
    params = np.repeat(np.geomspace(1e8, 1e10, 5), 5)
    tokens = params * (20.0 if ray else np.tile([5.0, 10.0, 20.0, 40.0, 80.0], 5))
    params = params * (np.geomspace(1, 1.01, 25) if ray else 1.0)
    t = TRUTH
    loss = t["L_inf"] + t["A"] * (params / 1e9) ** -t["alpha"]
    loss = (loss + t["B"] * (tokens / 2e10) ** -t["beta"]) * np.exp(0.003 * rng.standard_normal(25))
    run = [f"run-{i}" for i in range(24)] + ["[/]\x1b[31m<b>"]
    return pd.DataFrame({"run": run, "params": params, "tokens": tokens, "loss": loss})


def make_fit(spec: Any, frame: pd.DataFrame, *, shift: float = 0.0, held_out: int = 0) -> Fit:
    """A fit with independent draws around the truth; `shift` moves one chain away."""
    frame = frame.assign(held_out=np.arange(len(frame)) >= len(frame) - held_out)
    runs = Runs.from_frame(frame, source="runs.csv")
    rng = np.random.default_rng(1)
    shape = (CHAINS, DRAWS)
    noise = 0.03 * rng.standard_normal(shape) + shift * np.eye(CHAINS)[:, :1]
    draws = {
        name: (("chain", "draw"), TRUTH[name] * np.exp(noise + 0.01 * rng.standard_normal(shape)))
        for name in spec.all_priors
    }
    coords = {"chain": np.arange(CHAINS), "draw": np.arange(DRAWS)}
    stats = {
        "diverging": (("chain", "draw"), np.zeros(shape, dtype=bool)),
        "energy": (("chain", "draw"), rng.standard_normal(shape)),
    }
    provenance = {
        "model": spec.name,
        "model_digest": spec.digest,
        "data_digest": runs.digest,
        "rows_fitted": len(runs.fitted),
        "seed": 0,
        "versions": {"python": "3"},
    }
    return Fit(
        spec,
        runs,
        xr.Dataset(draws, coords=coords),
        xr.Dataset(stats, coords=coords),
        provenance,
    )


def make_link() -> Fit:
    """A fit of accuracy-sigmoid around a step at a loss of 2.5, to losses of 2.2 to 3.2."""
    loss = np.linspace(2.2, 3.2, 12)
    truth = {"reach": 0.8, "L_mid": 2.5, "s": 0.2, "sigma": 0.01, "nu": 8.0}
    spec = load_model("accuracy-sigmoid")
    accuracy = np.asarray(spec.curve(np, (loss,), truth))
    frame = pd.DataFrame({"loss": loss, "accuracy": accuracy})
    fit = make_fit(load_model("chinchilla-plain"), table())
    rng = np.random.default_rng(2)
    draws = {
        k: (("chain", "draw"), v * np.exp(0.01 * rng.standard_normal((CHAINS, 2 * DRAWS))))
        for k, v in truth.items()
    }
    posterior = xr.Dataset(draws, coords={"chain": np.arange(CHAINS), "draw": np.arange(2 * DRAWS)})
    stats = xr.Dataset(
        {
            "diverging": (("chain", "draw"), np.zeros((CHAINS, 2 * DRAWS), dtype=bool)),
            "energy": (("chain", "draw"), rng.standard_normal((CHAINS, 2 * DRAWS))),
        },
        coords=posterior.coords,
    )
    runs = Runs.from_frame(frame, source="tasks.csv")
    provenance = {
        **fit.provenance,
        "model": spec.name,
        "model_digest": spec.digest,
        "data_digest": runs.digest,
        "rows_fitted": 12,
    }
    return Fit(spec, runs, posterior, stats, provenance)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """runs.csv, and saved fits: joint, on one ray, unmixed, of one resource, of a user's law."""
    root = tmp_path_factory.mktemp("cli")
    frame = table()
    frame.to_csv(root / "runs.csv", index=False)
    table(ray=True).to_csv(root / "ray.csv", index=False)
    joint = load_model("chinchilla-plain")
    make_fit(joint, frame, held_out=2).save(root / "fit.nc")
    make_fit(joint, table(ray=True)).save(root / "ray.nc")
    make_fit(joint, frame, shift=0.2).save(root / "unmixed.nc")
    tokens = frame.drop(columns="params")
    make_fit(load_model("power-floor-plain", resource="tokens"), tokens).save(root / "tokens.nc")
    make_link().save(root / "link.nc")
    tasks = frame.drop(columns="loss").assign(accuracy=np.linspace(0.3, 0.8, 25))
    tasks.to_csv(root / "tasks.csv", index=False)
    tasks.assign(accuracy=100 * tasks.accuracy).to_csv(root / "percent.csv", index=False)
    (root / "mine.py").write_text(USER_LAW)
    text = joint.text.replace('law = "chinchilla"', 'law = "mine.py:mine"')
    (root / "chinchilla-plain.toml").write_text(text)
    mine = load_model(root / "chinchilla-plain.toml")
    make_fit(model_from_text(text, "test", law=mine.law), frame).save(root / "mine.nc")
    (root / "text.nc").write_text("not netCDF")
    damaged = bytearray((root / "fit.nc").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (root / "damaged.nc").write_bytes(bytes(damaged))
    (root / "plan.csv").write_text('run,params,tokens\n=cmd,70B,1.4T\n"b|<i>",1e10,2e11\n')
    (root / "bad_plan.csv").write_text("params,tokens\n70B,x\n1e10,-3\n")
    (root / "bad.csv").write_text(bad_rows(frame))
    (root / "empty.csv").write_text("")
    return root


def bad_rows(frame: pd.DataFrame) -> str:
    """The table with a NaN and a negative loss in its first two rows."""
    lines = frame.to_csv(index=False).splitlines()
    cells = [line.rsplit(",", 1) for line in lines]
    cells[1][1], cells[2][1] = "nan", "-2"
    return "\n".join(",".join(each) for each in cells) + "\n"
