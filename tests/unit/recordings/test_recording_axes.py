# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from memory_core.errors import BadSource
from recordings.axes import map_from_optical


def test_without_gravity_the_axes_are_permuted_exactly():
    T = map_from_optical()
    np.testing.assert_array_equal(T[:3, :3], [[0, 0, 1], [-1, 0, 0], [0, -1, 0]])


def test_things_fall_along_minus_z_of_the_map(rng):
    for gravity in rng.normal(size=(20, 3)):
        R = map_from_optical(gravity)[:3, :3]
        np.testing.assert_allclose(R @ (gravity / np.linalg.norm(gravity)), [0, 0, -1], atol=1e-12)
        np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(R) == pytest.approx(1)


def test_forward_of_the_camera_stays_ahead_and_level():
    R = map_from_optical([0.0, 1.0, 0.3])[:3, :3]
    x, y, _ = R @ [0, 0, 1]
    assert x > 0.9
    assert y == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("gravity", [[0, 0, 0], [np.nan, 0, 0], [0, 0, 1], [0, 1]])
def test_a_gravity_that_gives_no_axes_is_refused(gravity):
    with pytest.raises(BadSource, match="gravity"):
        map_from_optical(gravity)
