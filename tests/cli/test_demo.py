"""The main job from end to end, as a user starts it: compiles, samples, writes a report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def test_demo(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bayes_scaling", "demo", "--json"]
    cold = {**os.environ, "BAYES_SCALING_CACHE": ""}
    ran = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, env=cold
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    names = ["fit.nc", "report.csv", "report.html", "report.json"]
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == names
    assert sorted(Path(each).name for each in found["result"]["files"]) == names
    assert [point["flops"] for point in found["result"]["forecast"]] == [1e21, 1e22]
    assert found["result"]["caveats"] == []
    assert found["result"]["held_out"]["count"] == 3
    assert "about ten seconds" in ran.stderr
    page = (tmp_path / "demo" / "report.html").read_text()
    assert "At 1e21 FLOP" in page
    assert json.loads((tmp_path / "demo" / "report.json").read_text())["status"] != "fail"

    fit = tmp_path / "demo" / "fit.nc"
    line = [sys.executable, "-m", "bayes_scaling", "forecast", str(fit), "--flops", "1e21", "-q"]
    again = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr) == (0, "")
    assert "1e21" in again.stdout
