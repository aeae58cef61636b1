"""Threshold structures against R's ``ordinal:::makeThresholds``."""

import numpy as np
import pytest

from plural_core.ordinal.errors import OrdinalError
from plural_core.ordinal.thresholds import threshold_jacobian

# tJac of R, row by row.
R = {
    (4, "symmetric"): ("central,spacing.1", [1, -1, 1, 0, 1, 1]),
    (5, "symmetric"): ("central.1,central.2,spacing.1", [1, 0, -1, 1, 0, 0, 0, 1, 0, 0, 1, 1]),
    (4, "symmetric2"): ("spacing.1", [-1, 0, 1]),
    (5, "symmetric2"): ("spacing.1,spacing.2", [0, -1, -1, 0, 1, 0, 0, 1]),
    (5, "equidistant"): ("threshold.1,spacing", [1, 0, 1, 1, 1, 2, 1, 3]),
    (3, "symmetric"): ("central.1,central.2", [1, 0, 0, 1]),
}


@pytest.mark.parametrize(("size", "structure"), R)
def test_same_parameters_as_r(size: int, structure: str) -> None:
    names, values = R[size, structure]
    jacobian, ours = threshold_jacobian(list(range(1, size + 1)), structure)
    assert ",".join(ours) == names
    assert jacobian.ravel().tolist() == values


@pytest.mark.parametrize("size", range(3, 9))
def test_symmetric_thresholds_mirror(size: int) -> None:
    jacobian, names = threshold_jacobian(list(range(size)), "symmetric")
    alpha = np.arange(1.0, len(names) + 1)
    theta = jacobian @ alpha
    assert np.allclose(np.diff(theta), np.diff(theta)[::-1])
    centred, _ = threshold_jacobian(list(range(size)), "symmetric2")
    theta = centred @ np.arange(1.0, centred.shape[1] + 1)
    assert np.allclose(theta, -theta[::-1])


def test_errors() -> None:
    with pytest.raises(OrdinalError, match="three or more levels"):
        threshold_jacobian([1, 2], "symmetric")
    with pytest.raises(OrdinalError, match="Did you mean 'flexible'"):
        threshold_jacobian([1, 2, 3], "flexibel")
