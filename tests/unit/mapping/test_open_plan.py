# SPDX-License-Identifier: Apache-2.0
"""One space is cut where its outline and its contents agree, and only there."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mapping.topology.open_plan import Content, part_open_plans

VOXEL = 0.05
KITCHEN = ["fridge", "stove", "counter top", "toaster"]
LIVING = ["sofa", "television", "coffee table", "tv stand"]


def l_shape(turn_deg=0.0):
    """(labels, element of a point): an L of 8 m x 4 m and 4 m x 4 m, turned about its middle; points in metres."""
    corners = np.array([(0, 0), (8, 0), (8, 4), (4, 4), (4, 8), (0, 8)], float) - (3, 3)
    angle = np.radians(turn_deg)
    R = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def element(point):
        i, j = np.round((R @ (np.asarray(point, float) - (3, 3))) / VOXEL).astype(int) + 150
        return int(i), int(j)

    labels = np.zeros((300, 300), np.uint8)
    turned = np.round(corners @ R.T / VOXEL).astype(np.int32) + 150
    cv2.fillPoly(labels, [turned[:, ::-1]], 1)
    return labels.astype(np.int32), element


def at(element, x, y, labels):
    """Things in a row around a point."""
    return [Content(element((x + 0.2 * k, y)), label, 0.95) for k, label in enumerate(labels)]


def parted(labels, contents):
    return part_open_plans(labels, contents, VOXEL)


@pytest.mark.parametrize("turn_deg", [0.0, 17.0, 45.0, 110.0])
def test_a_kitchen_open_to_a_living_room_is_cut_along_the_wall(turn_deg):
    labels, element = l_shape(turn_deg)
    rooms = parted(labels, at(element, 0.5, 7.0, KITCHEN) + at(element, 2.0, 1.0, LIVING) + at(element, 6, 1, LIVING))
    assert rooms[element((2, 7))] != rooms[element((6, 2))] == rooms[element((2, 2))]
    assert ((rooms > 0) == (labels > 0)).all()
    areas = np.bincount(rooms.ravel())[1:] * VOXEL**2
    assert sorted(areas) == pytest.approx([16, 32], rel=0.05)


def test_the_side_of_the_corner_follows_the_things_in_it():
    labels, element = l_shape()
    rooms = parted(labels, at(element, 0.5, 7.0, KITCHEN) + at(element, 2.0, 1.0, KITCHEN) + at(element, 6, 1, LIVING))
    assert rooms[element((2, 7))] == rooms[element((2, 2))] != rooms[element((6, 2))]


def test_things_of_one_kind_cut_nothing():
    labels, element = l_shape()
    np.testing.assert_array_equal(parted(labels, at(element, 0.5, 7, LIVING) + at(element, 6, 1, LIVING)), labels)
    np.testing.assert_array_equal(parted(labels, []), labels)


def test_one_stray_thing_cuts_nothing():
    labels, element = l_shape()
    stray = [Content(element((2, 7)), "coffee machine", 0.95)]
    np.testing.assert_array_equal(parted(labels, stray + at(element, 6, 1, LIVING)), labels)


def test_a_room_without_an_inner_corner_stays_whole():
    labels = np.zeros((200, 200), np.int32)
    labels[20:180, 20:100] = 1

    def element(point):
        return int(20 + point[0] / VOXEL), int(20 + point[1] / VOXEL)

    rooms = parted(labels, at(element, 0.5, 1, KITCHEN) + at(element, 7, 1, LIVING))
    np.testing.assert_array_equal(rooms, labels)


def test_weak_evidence_cuts_nothing():
    labels, element = l_shape()
    weak = at(element, 0.5, 7, ["fridge"]) + at(element, 6, 1, ["sofa"])
    np.testing.assert_array_equal(parted(labels, weak), labels)
