"""D3: valid files, mutated byte by byte, given to the verb that reads them.

`python -m tests.trust.fuzz KIND START COUNT FOLDER` tries mutants in this process and prints a line
for each; the proof watches such processes, so that a crash, a hang or a flood of memory is one
case's fault. Each mutant follows from its kind and number alone.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from bayes_scaling.proofs.proof import Proof, Say
from tests.trust.counted import GIB, proof_of

SEED = 20261128
SECONDS = 10
MEMORY = 4 << 30
GROWTH = GIB
ALLOWED = frozenset({0, 1, 2, 3, 6})
BATCH = 1000
ROOT = Path(__file__).parents[2]
SHARES = {"csv": 6, "model": 3, "study": 3, "json": 2, "jsonl": 2, "netcdf": 1, "resealed": 1,
          "parquet": 2}  # fmt: skip
"""Of twenty mutants, how many are of each kind."""
TOKENS = (
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n\n", b'"', b"'", b",", b";", b"[", b"]", b"{",
    b"}", b"1e999", b"-1e308", b"nan", b"inf", b"0", b"-0", b"9" * 400, b"\xe2\x80\xae", b"=cmd",
    b"\x1b[31m", b"#", b"\\", b"\\ud800", b"null", b"true", b"{}", b"[[", b"a.b.c = 1\n",
    b"\xf0\x9f\x98\x80", b"1_0", b"0x1", b"1e-320", b"%s", b"\x7f", b"\xc0\x80", b"params",
    b"loss", b"1979-05-27", b"1.3B", b"\t",
)  # fmt: skip
COMMANDS = {
    "csv": ("check", "runs.csv", "--json"),
    "parquet": ("check", "runs.parquet", "--json"),
    "netcdf": ("check", "fit.nc", "--json"),
    "resealed": ("check", "fit.nc", "--json"),
    "model": ("models", "diff", "./chinchilla-plain.toml", "kaplan-plain", "--json"),
    "study": ("batch", "study.toml", "-o", "out", "--dry-run", "--json"),
    "json": ("score", "claim.json", "--loss", "2.5", "--json"),
    "jsonl": ("import", "wandb", "runs.jsonl", "-o", "made.csv", "--force", "--json",
              "--col", "params=n_params", "--col", "tokens=tokens", "--col", "loss=val_loss"),
}  # fmt: skip


def mutated(data: bytes, rng: random.Random) -> bytes:
    """One to four changes: bits, bytes deleted, repeated, moved, cut off, or tokens put in."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at, to = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
        near = min(at + rng.randrange(1, 40), len(data))
        kind = rng.randrange(8)
        if kind == 0 and at < len(data):
            data = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        elif kind == 1:
            data = data[:at] + data[near:]
        elif kind == 2:
            data = data[:near] + data[at:near] * rng.choice((1, 2, 50)) + data[near:]
        elif kind == 3:
            data = data[:at] + data[to:] + data[at:to]
        elif kind == 4 and rng.random() < 0.3:
            data = data[:at]
        elif kind == 5:
            data = data[:at] + rng.randbytes(rng.randrange(1, 9)) + data[at:]
        else:
            start = at if kind != 7 else near
            data = data[:at] + rng.choice(TOKENS) + data[start:]
    return data


def seeds(folder: Path) -> dict[str, bytes]:
    """A valid file of each kind."""
    from bayes_scaling.decisions.forecast import forecast
    from bayes_scaling.decisions.register import register
    from bayes_scaling.inference.store import fit_bytes
    from bayes_scaling.specs.spec import load_model
    from tests.conftest import REPLICATION, ladder, make_fit

    table = ladder()
    fit = make_fit("chinchilla-plain", REPLICATION)
    claim = register(forecast(fit, [1e21]), date="2026-11-28")
    table.to_parquet(folder / "seed.parquet")
    records = [
        {"id": f"x{i}", "name": row["run"], "state": "finished", "config":
         {"n_params": row["params"], "tokens": row["tokens"]}, "summary": {"val_loss": row["loss"]}}
        for i, row in enumerate(table.head(8).to_dict("records"))
    ]  # fmt: skip
    saved = fit_bytes(fit)
    return {
        "csv": table.head(16).to_csv(index=False).encode(),
        "parquet": (folder / "seed.parquet").read_bytes(),
        "netcdf": saved,
        "resealed": saved,
        "model": load_model("chinchilla-plain").text.encode(),
        "study": STUDY.encode(),
        "json": json.dumps(claim.to_dict()).encode(),
        "jsonl": "\n".join(map(json.dumps, records)).encode(),
    }


STUDY = """tables = ["runs.csv"]
models = ["chinchilla-plain", "skaling-plain"]
[data]
cuts = [0.6]
where = { run = "r1" }
[sampling]
chains = 2
draws = 100
seed = 3
[forecast]
flops = ["1e22", "6.9 PF-days"]
intervals = [0.8, 0.9]
[cost]
usd_per_gpu_hour = 2.5
mfu = 0.4
[allocate]
flops = ["1e22"]
usd = ["20k"]
[plan]
params = "2B"
tokens = "50B"
[limits]
max_params = "70B"
"""


def mutant(kind: str, number: int, sound: bytes) -> bytes:
    """The mutant of a kind with this number."""
    rng = random.Random(f"{SEED} {kind} {number}")
    if kind != "resealed":
        return mutated(sound, rng)
    import hashlib

    from bayes_scaling.inference.store import SEAL

    body = mutated(sound.rpartition(SEAL)[0], rng)
    return body + SEAL + hashlib.sha256(body).digest()


def main(arguments: list[str]) -> int:
    """Try mutants; print the number and the exit code of each, and the growth of memory."""
    kind, start, count, where = arguments[0], int(arguments[1]), int(arguments[2]), arguments[3]
    from bayes_scaling.cli.entry import main as command

    folder = Path(where)
    files = seeds(folder)
    os.chdir(folder)
    (folder / "runs.csv").write_bytes(files["csv"])
    words = COMMANDS[kind]
    target = folder / next(word for word in words if Path(word).suffix and word != "made.csv")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(start, start + count):
        target.write_bytes(mutant(kind, number, files[kind]))
        print(number, end=" ", flush=True)
        signal.alarm(SECONDS)
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = command(list(words))
        signal.alarm(0)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
        why = "" if code in ALLOWED else " ".join(said.getvalue().split())[:300]
        print(code, grown, why, flush=True)
    return 0


def watched(kind: str, start: int, count: int) -> list[str]:
    """Try mutants in processes of their own; return the faults."""
    faults, end = [], start + count
    while start < end:
        with tempfile.TemporaryDirectory() as folder:
            ran = subprocess.run(
                [sys.executable, "-m", "tests.trust.fuzz", kind, str(start), str(end - start),
                 folder], cwd=ROOT, capture_output=True, text=True, errors="replace",
                env={**os.environ, "PYTHONPATH": str(ROOT), "BAYES_SCALING_DEBUG": ""},
            )  # fmt: skip
        lines = [line.split(" ", 3) for line in ran.stdout.splitlines() if line[:1].isdigit()]
        for number, code, *more in (line for line in lines if len(line) > 2):
            if int(code) not in ALLOWED:
                faults.append(f"{kind} {number}: exit code {code}: {' '.join(more[1:])}")
            elif int(more[0]) > GROWTH:
                faults.append(f"{kind} {number}: {int(more[0]) >> 20} MiB more")
        start += len(lines)
        if ran.returncode != 0:
            faults.append(f"{kind} {start - 1}: ended with {ran.returncode}: {ran.stderr[-300:]}")
            start += not lines
    return faults


def fuzzing(full: bool, say: Say) -> Proof:
    """D3: 20,000 mutants, or 600."""
    whole = 20_000 if full else 600
    faults: list[str] = []
    for kind, share in SHARES.items():
        todo = whole * share // sum(SHARES.values())
        for start in range(0, todo, BATCH):
            done = min(start + BATCH, todo)
            faults += watched(kind, start, done - start)
            say(f"{kind}: {done} of {todo}; {len(faults)} faults in all")
    claim = "no file, however damaged, makes a verb crash, hang or raise anything but its own error"
    limit = "exit code 0, 1, 2, 3 or 6; within 10 s and 1 GiB"
    note = "a twentieth are saved fits whose damage is sealed again, as a forger would"
    return proof_of("D3", claim, whole, faults, limit, note)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
