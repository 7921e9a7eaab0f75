"""Entry points: the C functions through which nutpie calls a compiled graph.

nutpie makes such functions too. Theirs take longer to compile, since they assign whole arrays,
whose error messages numba compiles as well, and unpack the data one array at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORD = 8
"""Bytes of an address or a size."""
WRONG_SIZE, RAISED, BAD_SLOPE, BAD_DENSITY = -1, 1, 3, 4
"""What an entry point returns, beside zero, as nutpie expects it."""


def density_entry(
    count: int,
    graph: Callable[..., Any],
    user_data: NDArray[Any],
    keys: Sequence[str],
    shared: Mapping[str, NDArray[Any]],
) -> tuple[Callable[..., int], Any]:
    """Return a function for numba to compile, and its C signature: log density and its slope.

    `graph(point, *arrays)` gives both at a point of `count` numbers; `user_data` tells where the
    arrays `keys` of `shared` lie.
    """
    import numba
    from numba import types

    arrays = _unpacked(user_data.dtype, [(key, shared[key]) for key in keys])
    vector = types.CPointer(types.double)
    signature = types.int64(types.uint64, vector, vector, vector, types.voidptr)

    def entry(size: int, point: Any, slope: Any, density: Any, data: Any) -> int:
        if size != count:
            return WRONG_SIZE
        known = (numba.carray(point, (count,)), *arrays(data))
        try:
            found, slopes = graph(*known)
        except Exception:
            return RAISED
        told = numba.carray(slope, (count,))
        for i in range(count):
            told[i] = slopes[i]
            if not np.isfinite(slopes[i]):
                return BAD_SLOPE
        numba.carray(density, (1,))[0] = found[()]
        return 0 if np.isfinite(found[()]) else BAD_DENSITY

    return entry, signature


def expand_entry(
    count: int,
    expanded: int,
    graph: Callable[..., Any],
    user_data: NDArray[Any],
    keys: Sequence[str],
    shared: Mapping[str, NDArray[Any]],
) -> tuple[Callable[..., int], Any]:
    """Return a function for numba to compile, and its C signature: all numbers of a point.

    `graph(point, *arrays)` gives an array of `expanded` numbers; the rest as in `density_entry`.
    """
    import numba
    from numba import types

    arrays = _unpacked(user_data.dtype, [(key, shared[key]) for key in keys])
    vector = types.CPointer(types.double)
    signature = types.int64(types.uint64, types.uint64, vector, vector, types.voidptr)

    def entry(size: int, wanted: int, point: Any, out: Any, data: Any) -> int:
        if size != count or wanted != expanded:
            return WRONG_SIZE
        known = (numba.carray(point, (count,)), *arrays(data))
        try:
            (numbers,) = graph(*known)
        except Exception:
            return RAISED
        told = numba.carray(out, (expanded,))
        for i in range(expanded):
            told[i] = numbers[i]
        return 0

    return entry, signature


def _unpacked(record: np.dtype[Any], known: Sequence[tuple[str, NDArray[Any]]]) -> Any:
    """Return a function for use inside numba: from nutpie's record of data to a tuple of arrays.

    The record holds, for each array, its address and its shape.
    """
    from llvmlite import ir
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic
    from numba.np import arrayobj, numpy_support

    made = types.Tuple(
        [types.Array(numpy_support.from_dtype(a.dtype), a.ndim, "C") for _, a in known]
    )
    places = [[_place(record, part, key) for part in ("data", "shape")] for key, _ in known]

    @intrinsic  # type: ignore[untyped-decorator]
    def arrays(typing: Any, data: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            word = ir.IntType(8 * WORD)
            words = builder.bitcast(args[0], word.as_pointer())

            def read(place: int) -> Any:
                return builder.load(builder.gep(words, [word(place)]))

            found = []
            for kind, (address, shape) in zip(made.types, places, strict=True):
                array = arrayobj.make_array(kind)(context, builder)
                item = context.get_abi_sizeof(context.get_data_type(kind.dtype))
                sizes = [read(shape + axis) for axis in range(kind.ndim)]
                strides = [word(item)]
                for size in reversed(sizes[1:]):
                    strides.insert(0, builder.mul(strides[0], size))
                arrayobj.populate_array(
                    array,
                    data=builder.inttoptr(read(address), array.data.type),
                    shape=cgutils.pack_array(builder, sizes) if sizes else (),
                    strides=cgutils.pack_array(builder, strides) if sizes else (),
                    itemsize=word(item),
                    meminfo=None,
                )
                found.append(array._getvalue())
            return context.make_tuple(builder, signature.return_type, found)

        return made(data), generate

    return arrays


def _place(record: np.dtype[Any], part: str, key: str) -> int:
    """Where a part of an array's entry begins, in words."""
    place = 0
    for name in ("shared", part, key):
        assert record.fields is not None
        record, offset = record.fields[name][:2]
        place += offset
    return place // WORD
