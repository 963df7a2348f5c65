# SPDX-License-Identifier: Apache-2.0
"""What is known of space, in blocks: occupancy, coloured surfaces, features, and what moves through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mapping.features import FeatureLayer, Lit
from mapping.features import layer as feature_layer
from mapping.flow import Mover
from mapping.flow.watch import MoverWatch
from mapping.octree.octree import Octree
from mapping.octree.paging import RegionStore
from mapping.pose_graph.anchoring import Anchoring
from mapping.pose_graph.moving import Deltas
from mapping.settings import MapperSettings
from mapping.tsdf import storage as tsdf_storage
from mapping.tsdf.tsdf import Tsdf
from memory_core.frame import CameraFrame
from memory_core.segment import Segment

Layers = Mapping[str, Mapping[str, bytes]]


class SpaceLayers:
    """The layers that frames are integrated into without knowing what things are.

    Args:
        store: has the octree's regions of every update but the last, so that they need not all stay in RAM.

    Attributes:
        tsdf: None when the settings ask for no surfaces.
    """

    def __init__(self, settings: MapperSettings, store: RegionStore | None = None) -> None:
        self._settings, self._store = settings, store
        self.octree = Octree(
            settings.voxel_size_m,
            settings.device,
            ram_budget_bytes=settings.map_ram_mb << 20,
            store=store,
            decay_half_life_s=settings.decay_half_life_s,
        )
        self.tsdf = Tsdf(settings.mesh_voxel_m, device=settings.device) if settings.mesh_voxel_m else None
        self.features = FeatureLayer(settings.voxel_size_m, settings.feature_similarity, settings.feature_items)
        self._watch = MoverWatch(max_range_m=settings.max_range_m) if settings.movers else None

    def check(self, segments: Sequence[Segment]) -> None:
        """Refuse segments whose embeddings do not fit, before anything is written.

        Raises:
            BadFrame: an embedding is of another kind than those before.
        """
        self.features.check(self._embedded(segments))

    def integrate(self, frame: CameraFrame, segments: Sequence[Segment]) -> None:
        """Take in a frame. O(pixels + voxels in view)."""
        if self._watch is not None:
            self._watch.observe(frame, self.octree)
        if self.tsdf is not None:
            self.tsdf.integrate(frame, self._settings.max_range_m)
        self.octree.integrate(frame, self._settings.max_range_m)
        self.features.observe(frame, self._embedded(segments), self._settings.max_range_m)

    def _embedded(self, segments: Sequence[Segment]) -> Sequence[Segment]:
        return segments if self._settings.features == "auto" else ()

    def begin_session(self) -> None:
        """The clock begins anew: nothing is known to move."""
        if self._watch is not None:
            self._watch.begin_session()

    def move(self, anchoring: Anchoring, deltas: Deltas, stamp_ns: int) -> NDArray[np.float64]:
        """Carry the blocks along with the nodes they were seen from; boxes (N, 4) from above that changed. O(map)."""
        layers: list[FeatureLayer | Tsdf] = [self.features]
        layers += [self.tsdf] if self.tsdf is not None else []
        for layer in layers:
            layer.move(anchoring.motion_at(layer.block_centers(), self.octree.voxel_size_m, deltas))
        self.begin_session()
        return anchoring.move_octree(self.octree, deltas, stamp_ns)

    def movers(self, after_s: float = 0.0) -> list[Mover]:
        """What moves on the floor and where it will be so long after the last frame; none unless set to follow them.

        O(grid of the movers).
        """
        return [] if self._watch is None else self._watch.movers(after_s)

    def light_up(self, embedding: NDArray[np.floating], *, k: int | None = None, threshold: float | None = None) -> Lit:
        """The occupied voxels that look most like an embedding, see `FeatureLayer`. O(blocks + what is lit)."""
        lit = self.features.light_up(embedding, k=k, threshold=threshold)
        there = self.octree.occupancy(lit.points) == 1
        return Lit(lit.points[there], lit.scores[there])

    def changed_blocks(self) -> dict[str, bytes]:
        """Content of all blocks that changed since the last call, of every layer. O(what changed)."""
        surfaces = self.tsdf.changed_regions() if self.tsdf is not None else {}
        return {**self.octree.changed_regions(), **surfaces, **self.features.changed_regions()}

    def restore_blocks(self, layers: Layers) -> None:
        """Take in blocks that were stored, by layer; with a store the octree reads its own when it needs them.

        Raises:
            CorruptMemory: a block is damaged.
        """
        if self._store:
            self.octree.open_store()
        else:
            self.octree.restore_regions(layers.get("", {}))
        if self.tsdf is not None:
            self.tsdf.restore_regions(layers.get(tsdf_storage.LAYER, {}))
        self.features.restore_regions(layers.get(feature_layer.LAYER, {}))

    def state(self) -> dict[str, Any]:
        """What is needed to go on besides the blocks."""
        return {} if self._watch is None else self._watch.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        if self._watch is not None and state:
            self._watch.restore(state)


def by_layer(blocks: Mapping[str, bytes]) -> dict[str, dict[str, bytes]]:
    """Map blocks by the layer that their names "<layer>/x_y_z" begin with; those of the octree have none. O(blocks)."""
    layers: dict[str, dict[str, bytes]] = {}
    for name, content in blocks.items():
        layers.setdefault(name.partition("/")[0] if "/" in name else "", {})[name] = content
    return layers
