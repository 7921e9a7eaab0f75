"""Prices that hold where none are stated; printed wherever they are used."""

from typing import Final

USD_PER_GPU_HOUR: Final = 2.5
FLOPS_PER_GPU_SECOND: Final = 9.9e14
"""Peak of an H100 at dense BF16."""
MFU: Final = 0.4
"""Share of that peak that a training run achieves."""
