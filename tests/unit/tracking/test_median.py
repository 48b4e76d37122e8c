"""Compare the median over pictures with NumPy's own, bit for bit."""

import numpy as np
import pytest

from shared.tracking.plate.median import median_over_first


@pytest.mark.parametrize("count", [1, 2, 7, 40])
@pytest.mark.parametrize("nan_share", [0.0, 0.3, 0.9])
def test_it_is_numpys_median_without_nan(count: int, nan_share: float) -> None:
    rng = np.random.default_rng(count)
    values = rng.normal(100, 30, (count, 50, 3)).astype(np.float32)
    values[rng.random(values.shape) < nan_share] = np.nan
    known = ~np.isnan(values).all(axis=0)
    found = median_over_first(values)
    assert found.dtype == np.float32
    assert np.array_equal(found[known], np.nanmedian(values[:, known], axis=0))
    assert np.isnan(found[~known]).all()
    assert np.array_equal(median_over_first(values[:, known]), found[known])
