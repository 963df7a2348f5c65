# SPDX-License-Identifier: Apache-2.0
"""Morton codes: three coordinates in one number and back."""

import numpy as np

from mapping.octree import morton


def test_a_million_coordinates_survive_the_round_trip_and_no_two_share_a_code(rng):
    at = np.unique(rng.integers(-morton.BIAS, morton.BIAS, (1_000_000, 3)), axis=0)
    codes = morton.encode(at)

    np.testing.assert_array_equal(morton.decode(codes), at)
    assert (codes >= 0).all()
    assert len(np.unique(codes)) == len(at)


def test_the_corners_of_the_world_have_the_lowest_and_the_highest_code():
    codes = morton.encode(np.array([[-morton.BIAS] * 3, [morton.BIAS - 1] * 3]))

    assert codes.tolist() == [0, (1 << 63) - 1]


def test_a_code_without_its_last_three_bits_is_that_of_the_cell_twice_as_large(rng):
    at = rng.integers(-morton.BIAS, morton.BIAS, (1000, 3))
    for level in range(1, 16):
        coarse = morton.encode(at >> level, morton.BIAS >> level)
        np.testing.assert_array_equal(morton.encode(at) >> (3 * level), coarse)


def test_x_counts_most_and_bits_alternate():
    assert morton.encode(np.eye(3, dtype=np.int64), 0).tolist() == [4, 2, 1]
    assert morton.encode(np.array([[3, 0, 1]]), 0).tolist() == [0b100101]
