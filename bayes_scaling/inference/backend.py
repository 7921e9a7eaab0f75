"""The one place where PyMC is first imported, so that its settings precede every graph."""

from __future__ import annotations

import warnings
from typing import Any


def import_pymc() -> Any:
    """Import PyMC with reproducible arithmetic and return the module.

    With numba's fastmath on, the process that fills an empty compile cache gets other draws from
    the same seed than every later one. Off, they are identical, and sampling is no slower.
    """
    with warnings.catch_warnings():
        # Without a BLAS, PyTensor warns at import; no graph here multiplies matrices.
        warnings.simplefilter("ignore")
        import pytensor

        pytensor.config.numba__fastmath = False
        import pymc
    return pymc


def import_nutpie() -> Any:
    """Import nutpie after PyMC's settings are made and return the module."""
    import_pymc()
    import nutpie

    return nutpie
