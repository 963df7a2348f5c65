# SPDX-License-Identifier: Apache-2.0
"""Rigid objects, moved by hand."""

import enum
import re

import numpy as np

from habitat_sim.strict import floats


class MotionType(enum.Enum):
    STATIC = 0
    KINEMATIC = 1
    DYNAMIC = 2


class Quaternion:
    """As magnum's."""

    __slots__ = ("scalar", "vector")

    def __init__(self, w, x, y, z):
        self.scalar, self.vector = float(np.float32(w)), np.array([x, y, z], np.float32)


def matrix(quaternion):
    """(3, 3) rotation."""
    w, (x, y, z) = quaternion.scalar, quaternion.vector.astype(np.float64)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip


class Range3D:
    __slots__ = ("max", "min")

    def __init__(self, points):
        self.min, self.max = points.min(axis=0), points.max(axis=0)


class SceneNode:
    __slots__ = ("cumulative_bb",)

    def __init__(self, points):
        self.cumulative_bb = Range3D(points)


class ManagedRigidObject:
    __slots__ = (
        "_colours",
        "_motion",
        "_number",
        "_translation",
        "_triangles",
        "handle",
        "root_scene_node",
        "rotation",
    )

    def __init__(self, handle, mesh, semantic_id, translation, rotation):
        self.handle, self._number, self._motion = handle, semantic_id, MotionType.KINEMATIC
        self._triangles, self._colours = mesh
        self._translation, self.rotation = np.asarray(translation, np.float32), Quaternion(*rotation)
        self.root_scene_node = SceneNode(self._triangles.reshape(-1, 3))

    @property
    def translation(self):
        return self._translation.copy()

    @translation.setter
    def translation(self, value):
        self._translation = floats(value, "translation")

    @property
    def semantic_id(self):
        return self._number

    @semantic_id.setter
    def semantic_id(self, value):
        if not isinstance(value, int) or value < 0:
            raise TypeError(f"semantic_id: want an unsigned integer, got {value!r}")
        self._number = value

    @property
    def motion_type(self):
        return self._motion

    @motion_type.setter
    def motion_type(self, value):
        if not isinstance(value, MotionType):
            raise TypeError(f"motion_type: want a MotionType, got {value!r}")
        self._motion = value

    def _placed(self):
        return self._triangles @ matrix(self.rotation).T + self._translation.astype(np.float64)


class RigidObjectManager:
    __slots__ = ("_objects",)

    def __init__(self, objects):
        self._objects = {thing.handle: thing for thing in objects}

    def get_object_handles(self, search_str="", contains=True):
        return sorted(h for h in self._objects if bool(re.search(re.escape(search_str), h)) == contains)

    def get_object_by_handle(self, handle):
        return self._objects.get(handle)
