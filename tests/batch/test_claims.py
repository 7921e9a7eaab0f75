"""Several computers on one folder: one does each task, and a dead one's claim is taken over."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from bayes_scaling.batch import claims
from bayes_scaling.batch import work as work_module
from bayes_scaling.batch.claims import CLAIM, claim, drop_dead, foreign
from bayes_scaling.batch.store import Store
from bayes_scaling.batch.study import read_study
from bayes_scaling.batch.task import tasks_of
from bayes_scaling.cli.entry import main
from tests.batch.stubs import sample, small_study

OTHER = {"host": "elsewhere", "boot": "b", "pid": 1, "count": 0}


def written(place: Path, **known: object) -> None:
    place.mkdir(parents=True, exist_ok=True)
    (place / CLAIM).write_text(json.dumps({**OTHER, **known}) + "\n")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "BEAT", 0.1)
    monkeypatch.setattr(claims, "STANDSTILL", 0.6)


def test_a_claim_names_its_holder_beats_and_goes(tmp_path: Path, quick: None) -> None:
    with claim(tmp_path) as mine:
        assert mine and not foreign(tmp_path)
        first = json.loads((tmp_path / CLAIM).read_text())
        assert (first["host"], first["boot"]) == claims.computer()
        time.sleep(0.5)
        assert json.loads((tmp_path / CLAIM).read_text())["count"] > first["count"]
    assert not (tmp_path / CLAIM).exists()


def test_another_computers_claim_is_left_and_its_text_stays(tmp_path: Path) -> None:
    written(tmp_path)
    before = (tmp_path / CLAIM).read_text()
    with claim(tmp_path) as mine:
        assert not mine
    assert (tmp_path / CLAIM).read_text() == before == foreign(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"host": 1}', "\x00\x01"])
def test_a_torn_claim_is_anothers_until_it_stands_still(
    tmp_path: Path, text: str, quick: None
) -> None:
    (tmp_path / CLAIM).write_text(text)
    with claim(tmp_path) as mine:
        assert mine == (text == "")
    assert drop_dead([tmp_path]) == ([tmp_path] if text else [])
    with claim(tmp_path) as mine:
        assert mine


def test_a_dead_process_of_this_computer_holds_nothing(tmp_path: Path) -> None:
    host, boot = claims.computer()
    written(tmp_path, host=host, boot=boot, pid=999999)
    with claim(tmp_path) as mine:
        assert mine


def test_a_claim_from_before_this_computers_last_start_is_anothers(
    tmp_path: Path, quick: None
) -> None:
    written(tmp_path, host=claims.computer()[0], boot="an earlier one")
    with claim(tmp_path) as mine:
        assert not mine
    assert drop_dead([tmp_path]) == [tmp_path]


def test_only_claims_that_stand_still_are_dead(tmp_path: Path, quick: None) -> None:
    dead, alive = tmp_path / "dead", tmp_path / "alive"
    written(dead)
    written(alive)
    stop = threading.Event()

    def beat() -> None:
        count = 0
        while not stop.wait(0.1):
            count += 1
            written(alive, count=count)

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        assert drop_dead([dead, alive]) == [dead]
    finally:
        stop.set()
        thread.join()
    assert (alive / CLAIM).exists() and not (dead / CLAIM).exists()


def test_no_time_of_day_is_read(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never() -> float:
        raise AssertionError("claims read a clock")

    written(tmp_path)
    monkeypatch.setattr(time, "time", never)
    assert drop_dead([tmp_path]) == [tmp_path]


def test_a_batch_finishes_what_a_dead_computer_claimed(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_module, "sample", sample)
    study = read_study(small_study(tmp_path))
    store = Store(tmp_path / "out")
    first = tasks_of(study)[0]
    written(store.place(first.identity(study)))
    assert main(["batch", str(tmp_path / "study.toml"), "-o", str(tmp_path / "out"), "-q"]) == 0
    assert len(list((tmp_path / "out").rglob("DONE"))) == 4
    assert not list((tmp_path / "out").rglob(CLAIM))
