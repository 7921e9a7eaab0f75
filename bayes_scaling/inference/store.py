"""A fit as one netCDF file: complete or absent, and damage is seen.

Groups `posterior` and `sample_stats` as ArviZ writes them, and `bayes_scaling` with the run table,
the model file and the provenance as bytes. Every variable carries a checksum, and a digest of the
whole file follows behind it, where HDF5 readers do not look.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from bayes_scaling.errors import BayesScalingError, OutputError, UsageError
from bayes_scaling.files import write_bytes
from bayes_scaling.inference.fit import Fit, settled
from bayes_scaling.names import GROUP
from bayes_scaling.runs.table import Runs
from bayes_scaling.specs.spec import model_from_text

if TYPE_CHECKING:
    from bayes_scaling.laws.law import Law

FORMAT = 1
SEAL = b"bayes-scaling sha256 "
HEADER = "bayes_scaling"
CHECKED = {"fletcher32": True, "zlib": True, "complevel": 4}
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


def fit_bytes(fit: Fit) -> bytes:
    """Return the file's bytes; equal fits give equal bytes.

    Raises UsageError for the fit of one group taken out of another.
    """
    if GROUP in fit.provenance:
        raise UsageError(
            f"this is group {fit.provenance[GROUP]!r} of a fit of several: save that fit, and take "
            "the group when it is loaded"
        )
    header = {
        "runs_csv": fit.runs.to_csv(),
        "runs": json.dumps(fit.runs.metadata(), sort_keys=True),
        "model_toml": fit.spec.text,
        "resource": fit.spec.resource or "",
        "sources": json.dumps(fit.spec.law.sources),
        "provenance": json.dumps(fit.provenance, sort_keys=True),
    }
    tree = xr.DataTree.from_dict(
        {
            "posterior": fit.posterior,
            "sample_stats": fit.sampling,
            HEADER: xr.Dataset({k: (f"{k}_byte", _bytes(v)) for k, v in header.items()}),
        }
    )
    tree.attrs = {"format": FORMAT}
    encoding: Any = {
        path: {str(name): CHECKED for name in node.dataset.data_vars}
        for path, node in ((n.path, n) for n in tree.subtree)
    }
    body = bytes(tree.to_netcdf(engine="h5netcdf", encoding=encoding))
    return body + SEAL + hashlib.sha256(body).digest()


def save_fit(fit: Fit, path: str | Path) -> Path:
    """Write a fit; see `Fit.save`."""
    return write_bytes(path, fit_bytes(fit))


def load_fit(path: str | Path, *, law: Law | None = None) -> Fit:
    """Read what `Fit.save` wrote.

    `law` stands for a law of the user's own, which the file names but does not contain. Raises
    UsageError where the path is no fit of this package, OutputError where the file is damaged.

    Examples
    --------
    >>> bs.load_fit(fit.save("fit.nc")).spec.name
    'chinchilla'
    """
    where = Path(path)
    try:
        raw = where.read_bytes()
    except OSError as fault:
        raise UsageError(f"cannot read {where}: {fault.strerror or fault}") from None
    if not raw.startswith(HDF5_MAGIC):
        raise UsageError(f"{where} is not a saved fit (no netCDF file); make one with: fit -o")
    try:
        return _fit_of(_read_tree(raw, where), where, law)
    except BayesScalingError:
        raise
    except Exception as fault:  # of a sealed file HDF5, xarray and JSON may raise anything
        why = " ".join(str(fault).split())[:200]
        raise OutputError(f"{where} is damaged: {type(fault).__name__}: {why}") from fault


def _read_tree(raw: bytes, where: Path) -> xr.DataTree:
    body, seal, digest = raw.rpartition(SEAL)
    sealed = seal and hashlib.sha256(body).digest() == digest
    if not sealed and SEAL not in raw and _opens(raw):
        raise UsageError(f"{where} is a netCDF file, but no fit saved by bayes-scaling")
    if not sealed:
        raise OutputError(f"{where} is damaged: its content does not match its digest")
    with xr.open_datatree(io.BytesIO(body), engine="h5netcdf") as opened:
        tree = opened.load()
    if int(tree.attrs["format"]) != FORMAT:
        raise UsageError(
            f"{where} has format {tree.attrs['format']}; this version reads format {FORMAT}"
        )
    return tree


def _opens(raw: bytes) -> bool:
    """Whether HDF5 finds a whole file: its stated end lies within these bytes."""
    import h5py

    try:
        with h5py.File(io.BytesIO(raw), "r"):
            return True
    except OSError:
        return False


def _fit_of(tree: xr.DataTree, where: Path, law: Law | None) -> Fit:
    header = {str(k): _text(v.values) for k, v in tree[HEADER].dataset.items()}
    provenance = json.loads(header["provenance"])
    spec = model_from_text(header["model_toml"], str(where), law=law)
    if spec.digest != provenance["model_digest"]:
        raise UsageError(
            f"{where}: the law {spec.law.name!r} is not the one this fit was made with "
            f"(model digest {spec.digest[:12]} against {provenance['model_digest'][:12]})"
        )
    if header["resource"]:
        spec = spec.at_resource(header["resource"])
    if sources := json.loads(header.get("sources", "[]")):
        spec = spec.at_sources(tuple(sources))
    runs = Runs.from_csv(header["runs_csv"], **json.loads(header["runs"]))
    return Fit(
        spec=settled(spec, runs),
        runs=runs,
        posterior=tree["posterior"].to_dataset(),
        sampling=tree["sample_stats"].to_dataset(),
        provenance=provenance,
    )


def _bytes(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-8") or b"\0", dtype=np.uint8)


def _text(values: np.ndarray) -> str:
    return values.astype(np.uint8).tobytes().decode("utf-8").strip("\0")
