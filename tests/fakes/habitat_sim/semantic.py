# SPDX-License-Identifier: Apache-2.0
"""What the annotations of a stage say."""

import numpy as np

from habitat_sim.physics import Range3D


class SemanticCategory:
    __slots__ = ("_name",)

    def __init__(self, name):
        self._name = name

    def name(self, mapping=""):
        return self._name


class SemanticRegion:
    __slots__ = ("category", "id")

    def __init__(self, number):
        self.id, self.category = f"_{number}", None


class OBB:
    __slots__ = ("center", "half_extents", "rotation")

    def __init__(self, points):
        low, high = points.min(axis=0), points.max(axis=0)
        self.center, self.half_extents = ((low + high) / 2).astype(np.float32), ((high - low) / 2).astype(np.float32)
        self.rotation = np.array([0, 0, 0, 1], np.float32)


class SemanticObject:
    """Its `aabb` reaches to the origin, as the real one's does in scenes like these."""

    __slots__ = ("aabb", "category", "id", "obb", "region", "semantic_id")

    def __init__(self, number, category, region, points):
        self.id, self.semantic_id = f"{category}_{number}", number
        self.category, self.region = SemanticCategory(category), region
        self.obb, self.aabb = OBB(points), Range3D(np.vstack([points, np.zeros(3)]))


class SemanticScene:
    __slots__ = ("objects", "regions")

    def __init__(self, stage):
        triangles, colours = stage.semantic
        packed = colours[:, 0] << 16 | colours[:, 1] << 8 | colours[:, 2]
        numbers = sorted({region for _, _, region in stage.annotated.values()})
        regions = {number: SemanticRegion(number) for number in numbers}
        self.regions = list(regions.values())
        self.objects = [
            SemanticObject(number, category, regions[region], triangles[packed == colour].reshape(-1, 3))
            for colour, (number, category, region) in stage.annotated.items()
        ]
