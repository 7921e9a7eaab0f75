"""The one place where PyMC is first imported, so that its settings precede every graph."""

from __future__ import annotations

import warnings
from typing import Any
from unittest.mock import patch

from bayes_scaling.inference import digamma, positive
from bayes_scaling.inference.entry import density_entry, expand_entry


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

        digamma.register()
        positive.register()
    return pymc


def compile_graph(model: Any) -> Any:
    """Return nutpie's compiled form of a PyMC model.

    Products of exponentials stay products: merged into one, as PyTensor does by default, they would
    be taken again for the slope of each amplitude, for every row.
    """
    nutpie = import_nutpie()
    from pytensor.compile.mode import predefined_modes

    mode = predefined_modes["NUMBA"].excluding("local_mul_exp_to_exp_add")
    entries: dict[str, Any] = {
        "_make_c_logp_func": density_entry,
        "_make_c_expand_func": expand_entry,
    }
    with patch.dict(predefined_modes, NUMBA=mode), patch.multiple(nutpie.compile_pymc, **entries):
        return nutpie.compile_pymc_model(model)


def without_cache() -> Any:
    """Return a context in which PyTensor reads and writes none of what it compiled earlier."""
    import_pymc()
    import pytensor

    return pytensor.config.change_flags(numba__cache=False)


def damaged_cache() -> str:
    """Say that PyTensor's cache is damaged, and the remedy."""
    import pytensor

    folder = pytensor.config.base_compiledir
    return f"the compile cache in {folder} is damaged: delete that folder"


def import_nutpie() -> Any:
    """Import nutpie after PyMC's settings are made, to compile a graph, and return the module."""
    import_pymc()
    return import_sampler()


def import_sampler() -> Any:
    """Import nutpie to sample what is compiled; PyMC is not needed for that."""
    import nutpie

    return nutpie
