"""Take medians over pictures.

Apart from what is done with them, because NumPy's own `median` and `nanmedian` take six to twelve times as long over
the first axis of a few dozen pictures: they do not sort, for which NumPy has vector instructions.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def median_over_first(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the median over the first axis, without the NaN among `values`; NaN where there is nothing else.

    The result is that of `np.nanmedian`, bit for bit.
    """
    ordered = np.sort(values, axis=0)  # NaN comes last
    if not np.isnan(ordered[-1]).any():
        return _middle(ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2])
    known = np.count_nonzero(~np.isnan(ordered), axis=0)[None]
    low, high = (np.take_along_axis(ordered, at, axis=0)[0] for at in (np.maximum(known - 1, 0) // 2, known // 2))
    return np.where(known[0] > 0, _middle(low, high), np.float32(np.nan))


def _middle(low: NDArray[Any], high: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray((low + high) / 2, np.float32)
