"""Graphs kept on disk: equal draws, and nothing that is damaged, foreign or outdated is run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import bayes_scaling as bs
from bayes_scaling.inference import machine_code
from bayes_scaling.inference.compiled import _compile
from bayes_scaling.inference.fit import stated_against
from bayes_scaling.inference.structure import written_structure

CODE = """
import json, sys, time, bayes_scaling as bs
from bayes_scaling.inference import machine_code
from bayes_scaling.inference.compiled import _compile
from bayes_scaling.inference.structure import written_structure
runs = bs.read_runs(bs.example_path()).select(train_dataset="rpj")
fit = bs.fit(bs.load_model(sys.argv[1]), runs, seed=5, draws=100)
fit.save(sys.argv[2])
print(json.dumps({"pymc": "pymc" in sys.modules, **fit.seconds}))
"""


def fitted(cache: Path, out: Path, model: str = "chinchilla") -> dict[str, Any]:
    """Fit in a process of its own; returns whether PyMC was imported, and seconds."""
    known = dict(os.environ) | {machine_code.FOLDER: str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", CODE, model, str(out)],
        env=known, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, Path]:
    """Folder of kept graphs after one fit, the fit's file, the one graph."""
    folder = tmp_path_factory.mktemp("cache")
    folder.chmod(0o700)
    out = folder / "first.nc"
    assert fitted(folder, out)["pymc"]
    (path,) = folder.glob(f"*{machine_code.ENDING}")
    return folder, out.read_bytes(), path


def test_the_next_process_neither_compiles_nor_imports_pymc(
    kept: tuple[Path, bytes, Path], tmp_path: Path
) -> None:
    folder, first, _ = kept
    again = fitted(folder, tmp_path / "fit.nc")
    assert not again["pymc"]
    assert (tmp_path / "fit.nc").read_bytes() == first, "draws differ"


def test_a_model_of_groups_is_kept_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its graph has arrays, whose sizes are NumPy's whole numbers."""
    tmp_path.chmod(0o700)
    monkeypatch.setenv(machine_code.FOLDER, str(tmp_path))
    runs = bs.read_runs(bs.example_path(), columns={"group": "train_dataset"})
    spec = stated_against(bs.load_model("chinchilla-by-family"), runs)
    made = _compile(spec, stated=False)
    machine_code.save("groups", made)
    again = machine_code.load("groups")
    assert again is not None
    assert (again.n_dim, again.shapes, again.dims) == (made.n_dim, made.shapes, made.dims)
    assert list(again.coords) == list(made.coords)


def test_no_folder_keeps_nothing_and_draws_the_same(
    kept: tuple[Path, bytes, Path], tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    assert fitted(blocked, tmp_path / "fit.nc")["pymc"]
    assert (tmp_path / "fit.nc").read_bytes() == kept[1]


@pytest.fixture
def name(kept: tuple[Path, bytes, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A sound copy of the kept graph in a folder of this test's own."""
    tmp_path.chmod(0o700)
    (tmp_path / kept[2].name).write_bytes(kept[2].read_bytes())
    monkeypatch.setenv(machine_code.FOLDER, str(tmp_path))
    assert machine_code.load(kept[2].stem) is not None
    return kept[2].stem


@pytest.mark.parametrize("at", [0, 30, 60, 2000, -1])
def test_a_flipped_bit_is_seen(name: str, tmp_path: Path, at: int) -> None:
    path = tmp_path / f"{name}{machine_code.ENDING}"
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(data)
    assert machine_code.load(name) is None


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5])
def test_a_cut_file_is_seen(name: str, tmp_path: Path, share: float) -> None:
    path = tmp_path / f"{name}{machine_code.ENDING}"
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert machine_code.load(name) is None


def test_a_file_under_another_name_is_not_run(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}{machine_code.ENDING}").rename(tmp_path / f"other{machine_code.ENDING}")
    assert machine_code.load("other") is None


@pytest.mark.parametrize("which", ["file", "folder"])
def test_what_others_can_write_is_not_run(name: str, tmp_path: Path, which: str) -> None:
    path = tmp_path / f"{name}{machine_code.ENDING}" if which == "file" else tmp_path
    path.chmod(0o777)
    assert machine_code.load(name) is None


def test_old_graphs_are_dropped(name: str, tmp_path: Path) -> None:
    old, new = tmp_path / f"old{machine_code.ENDING}", tmp_path / f"new{machine_code.ENDING}"
    for each in (old, new):
        each.write_bytes(b"")
    past = time.time() - machine_code.LONGEST_KEPT - 60
    os.utime(old, (past, past))
    machine_code._drop_old(tmp_path)
    assert new.exists()
    assert not old.exists()


def test_structures_and_stacks_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = bs.read_runs(bs.example_path())
    models = ("chinchilla", "chinchilla-plain", "skaling")
    written = [written_structure(stated_against(bs.load_model(m), runs)) for m in models]
    assert all(written)
    names = {machine_code.name_of(each) for each in written if each}
    assert len(names) == 3
    machine_code._surroundings.cache_clear()
    monkeypatch.setattr(machine_code, "version", lambda _name: "0")
    assert not names & {machine_code.name_of(each) for each in written if each}
    machine_code._surroundings.cache_clear()


def test_a_law_of_the_users_is_not_kept(tmp_path: Path) -> None:
    """What its file imports could change without its text."""
    (tmp_path / "own.py").write_text(
        "from bayes_scaling.laws.law import law\n"
        '@law(reference="ours", terms={"A": ("alpha",)})\n'
        "def own(xp, x, *, L_inf, A, alpha, x_ref=1.0):\n"
        '    """Loss [nats/token]."""\n'
        "    return L_inf + A * (x / x_ref) ** -alpha\n"
    )
    own = (Path(__file__).parents[2] / "models" / "power-floor.toml").read_text()
    own = own.replace('law = "power-floor"', 'law = "own.py:own"')
    (tmp_path / "own.toml").write_text(own.replace('name = "power-floor"', 'name = "own"'))
    spec = bs.load_model(str(tmp_path / "own.toml"), resource="params")
    assert written_structure(spec) is None
