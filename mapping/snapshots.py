# SPDX-License-Identifier: Apache-2.0
"""Which of the kept images explain the objects: few of them, each object by exactly one, neighbours by the same.

The idea of 3D-Mem's memory snapshots: objects that one image shows together share it. When objects are touched, only
they and those that share an image with them are looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_core.geometry import Vec

_WELL = 0.25  # an image explains an object when it shows this share of the pixels of its best image
_ROUNDS = 20


@dataclass
class Snapshots:
    """Images, what they show, and which one explains which object.

    Laws: an object that any image shows has one snapshot, which shows it well; there are never more snapshots than
    images or objects; an object keeps its snapshot unless it, or one that shares its snapshot, was touched.
    """

    _views: dict[str, dict[str, int]] = field(default_factory=dict)  # object -> image -> pixels
    _shown: dict[str, dict[str, None]] = field(default_factory=dict)  # image -> objects
    _of: dict[str, str] = field(default_factory=dict)
    _members: dict[str, dict[str, None]] = field(default_factory=dict)
    _touched: dict[str, None] = field(default_factory=dict)

    def see(self, image: str, shown: Mapping[str, int]) -> None:
        """A new image shows objects with so many pixels. O(objects in it)."""
        for name, n_pixels in shown.items():
            if n_pixels > 0:
                self._views.setdefault(name, {})[image] = n_pixels
                self._shown.setdefault(image, {})[name] = None
                self._touched[name] = None

    def forget(self, name: str) -> None:
        """The images so far show the object no longer: it was moved, is gone or was never one. O(its images)."""
        for image in self._views.pop(name, {}):
            del self._shown[image][name]
            if not self._shown[image]:
                del self._shown[image]
        self._touched[name] = None

    def update(self, centers: Mapping[str, Sequence[float]]) -> dict[str, str]:
        """Cluster what was touched since the last call; objects whose snapshot changed, with the new one ("" if none).

        O(touched objects and those that share a snapshot with them, times their images).

        Args:
            centers: metres, of the objects at least that were touched or share a snapshot with such.
        """
        affected = dict(self._touched)
        for name in self._touched:
            affected.update(self._members.get(self._of.get(name, ""), {}))
        self._touched.clear()
        names = sorted(name for name in affected if name in self._views and name in centers)
        before = {name: self._of[name] for name in affected if name in self._of}
        for name in before:
            self._leave(name)
        for name, image in self._explain(names, centers, set(before.values())).items():
            self._of[name] = image
            self._members.setdefault(image, {})[name] = None
        now = {name: self._of.get(name, "") for name in affected}
        return {name: now[name] for name in sorted(now) if now[name] != before.get(name, "")}

    def affected(self) -> list[str]:
        """Objects that the next `update` looks at."""
        sharing = (self._members.get(self._of.get(name, ""), {}) for name in self._touched)
        return sorted({*self._touched, *(name for names in sharing for name in names)})

    def of(self, name: str) -> str:
        """The image that explains an object, "" if none does. O(1)."""
        return self._of.get(name, "")

    def covered(self) -> dict[str, str]:
        """Every object that an image explains, with that image. O(objects)."""
        return {name: self._of[name] for name in sorted(self._of)}

    def all(self) -> dict[str, tuple[str, ...]]:
        """Objects of each snapshot, in order. O(objects)."""
        return {image: tuple(sorted(self._members[image])) for image in sorted(self._members)}

    def state(self) -> dict[str, Any]:
        """JSON values. O(objects in images)."""
        return {"views": self._views, "of": self._of, "touched": sorted(self._touched)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become the snapshots that gave `state`."""
        self._views = {name: dict(state["views"][name]) for name in sorted(state["views"])}
        self._of = dict(sorted(state["of"].items()))
        self._touched = dict.fromkeys(state["touched"])
        self._shown, self._members = {}, {}
        for name, views in self._views.items():
            for image in views:
                self._shown.setdefault(image, {})[name] = None
        for name, image in self._of.items():
            self._members.setdefault(image, {})[name] = None

    def _leave(self, name: str) -> None:
        image = self._of.pop(name)
        del self._members[image][name]
        if not self._members[image]:
            del self._members[image]

    def _explain(self, names: list[str], centers: Mapping[str, Sequence[float]], before: set[str]) -> dict[str, str]:
        """An image for each object: clusters are parted in two until one image shows all of a cluster well.

        Args:
            before: images that explained some of them until now; preferred, so that little changes.
        """
        well = {name: self._good_views(name) for name in names}
        chosen = dict.fromkeys(self._members)
        found: dict[str, str] = {}
        leaves = [names] if names else []
        while leaves:
            scatters = [_scatter(leaf, centers) for leaf in leaves]
            leaf = leaves.pop(int(np.argmax(scatters)))
            image = self._best_image(leaf, well, chosen, before)
            if image is None:
                leaves += _halves(leaf, centers)
                continue
            chosen[image] = None
            found.update(dict.fromkeys(leaf, image))
        return self._without_spare(found, well)

    def _good_views(self, name: str) -> dict[str, int]:
        views = self._views[name]
        least = _WELL * max(views.values())
        return {image: n for image, n in views.items() if n >= least}

    def _best_image(
        self, leaf: Sequence[str], well: Mapping[str, dict[str, int]], chosen: Mapping[str, None], before: set[str]
    ) -> str | None:
        """The image that shows all of a cluster: one that explains others, then a former one, then the clearest."""
        images = set.intersection(*(set(well[name]) for name in leaf))
        if not images:
            return None

        def rank(image: str) -> tuple[bool, bool, int, tuple[int, str]]:
            n_pixels = sum(well[name][image] for name in leaf)
            return image not in chosen, image not in before, -n_pixels, _order(image)

        return min(images, key=rank)

    def _without_spare(self, found: dict[str, str], well: Mapping[str, dict[str, int]]) -> dict[str, str]:
        """Drop images all of whose objects another chosen image shows well, those with fewest objects first."""
        members: dict[str, list[str]] = {}
        for name in sorted(found):
            members.setdefault(found[name], []).append(name)
        for image in sorted(members, key=lambda image: (len(members[image]), _order(image))):
            others = (set(members) | set(self._members)) - {image}
            homes = {name: self._home(well[name], others) for name in members[image]}
            if image in self._members or not all(homes.values()):
                continue
            for name in members.pop(image):
                found[name] = homes[name]
                members.setdefault(homes[name], []).append(name)
        return found

    @staticmethod
    def _home(views: Mapping[str, int], images: set[str]) -> str:
        possible = [image for image in views if image in images]
        return min(possible, key=lambda image: (-views[image], _order(image)), default="")


def _order(image: str) -> tuple[int, str]:
    return len(image), image


def _points(names: Sequence[str], centers: Mapping[str, Sequence[float]]) -> Vec:
    return np.array([centers[name] for name in names], np.float64).reshape(-1, 3)


def _scatter(names: Sequence[str], centers: Mapping[str, Sequence[float]]) -> float:
    points = _points(names, centers)
    return float(np.linalg.norm(points - points.mean(axis=0)))


def _halves(names: Sequence[str], centers: Mapping[str, Sequence[float]]) -> list[list[str]]:
    """Two clusters of nearby objects, by 2-means from the two that are farthest apart along the main direction."""
    points = _points(names, centers)
    middle = points - points.mean(axis=0)
    along = middle @ np.linalg.svd(middle, full_matrices=False)[2][0]
    side: NDArray[np.bool_] = along > 0
    for _ in range(_ROUNDS):
        if side.all() or not side.any():
            side = np.arange(len(names)) >= len(names) // 2
            break
        means = points[~side].mean(axis=0), points[side].mean(axis=0)
        nearer = ((points - means[1]) ** 2).sum(axis=1) < ((points - means[0]) ** 2).sum(axis=1)
        if (nearer == side).all():
            break
        side = nearer
    if side.all() or not side.any():
        side = np.arange(len(names)) >= len(names) // 2
    return [_where(names, ~side), _where(names, side)]


def _where(names: Iterable[str], chosen: NDArray[np.bool_]) -> list[str]:
    return [name for name, take in zip(names, chosen, strict=True) if take]
