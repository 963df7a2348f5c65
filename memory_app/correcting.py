# SPDX-License-Identifier: Apache-2.0
"""Corrects the trajectory of a memory that exists: everything seen from it moves along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mapping import Mapper, MapperSettings
from mapping.pose_graph import Constraint, CorrectedPoses, Correction, PoseGraph
from memory_app.maps import MemoryRegions, other_layers
from memory_core.config import settings_from
from memory_core.errors import BadInput
from memory_core.memory import Memory
from memory_core.packing import pack, unpack


def correct_memory(
    memory: Memory, poses: CorrectedPoses | None = None, constraints: Sequence[Constraint] = ()
) -> Correction:
    """Correct the trajectory by better poses, or by constraints between its nodes; durable on return.

    The recording is not looked at. Frames that a later build adds to the latest session come with poses as before, and
    are moved like the last one. O(map + objects + trajectory).

    Raises:
        BadInput: nothing was built here yet, or the correction has nothing to do with what was; nothing is changed.
    """
    checkpoint = memory.checkpoint()
    if checkpoint is None:
        raise BadInput(f"{memory.path}: nothing was built here yet, so there is no trajectory to correct")
    values = unpack(checkpoint.state)
    mapper = _mapper(memory, values["about"]["mapper"], values["mapper"])
    done = mapper.correct(poses, constraints)
    update = mapper.update()
    state = pack({**values, "mapper": update.state})
    memory.remember(replace(update, n_frames=checkpoint.n_frames, state=state, session_id=checkpoint.session_id))
    return done


def trajectory_of(memory: Memory) -> PoseGraph:
    """The trajectory of a memory, as it is known now. O(nodes).

    Raises:
        BadInput: nothing was built here yet.
    """
    checkpoint = memory.checkpoint()
    if checkpoint is None:
        raise BadInput(f"{memory.path}: nothing was built here yet, so there is no trajectory")
    values = unpack(checkpoint.state)
    return _mapper(memory, values["about"]["mapper"], values["mapper"]).trajectory


def _mapper(memory: Memory, built_with: dict[str, object], state: bytes) -> Mapper:
    mapper = Mapper(settings_from(MapperSettings, built_with), MemoryRegions(memory))
    mapper.restore(state, other_layers(memory))
    return mapper
