# SPDX-License-Identifier: Apache-2.0
"""Movers are found where depth ends in free space, and nothing is a mover in a world that stands still."""

import numpy as np
import pytest

from mapping.flow.watch import MoverWatch
from mapping.octree.octree import Octree

EYE, TARGET = (-3.0, 0.0, 1.3), (0.0, 0.0, 0.9)


def seen(world, n_still=6, n_moving=16, start=(-0.4, -1.2), velocity=(0.0, 0.8), dt_s=0.1, eye=EYE, target=TARGET):
    """Frames of a room, then of someone who walks through it; the last position of them is returned too."""
    frames = [world.frame(eye, target, stamp_s=dt_s * k) for k in range(n_still)]
    at = np.array(start)
    for k in range(n_moving):
        world.put("person", (*at, 0.85), (0.35, 0.35, 1.7))
        frames.append(world.frame(eye, target, stamp_s=dt_s * (n_still + k)))
        at = at + np.array(velocity) * dt_s
    return frames, at - np.array(velocity) * dt_s


def watched(frames, watch=None, octree=None):
    watch, octree = watch or MoverWatch(max_range_m=6.0), octree or Octree()
    for frame in frames:
        watch.observe(frame, octree)
        octree.integrate(frame, 6.0)
    return watch, octree


@pytest.fixture
def room(box_world):
    box_world.put("table", (1.6, 1.3, 0.36), (0.63, 0.63, 0.73))
    return box_world


@pytest.mark.parametrize("velocity", [(0.0, 0.8), (0.0, -0.8), (0.5, 0.7)])
def test_someone_who_walks_is_found_with_their_velocity(room, velocity):
    start = (-0.4, -1.2 * np.sign(velocity[1]))
    frames, at = seen(room, start=start, velocity=velocity)
    watch, _ = watched(frames)
    mover = watch.movers()[0]
    ahead = watch.movers(after_s=1.0)[0]

    assert np.hypot(mover.x - at[0], mover.y - at[1]) < 0.4  # the side that is seen, not the middle
    assert np.hypot(mover.vx - velocity[0], mover.vy - velocity[1]) < 0.4
    assert np.hypot(ahead.x - at[0] - velocity[0], ahead.y - at[1] - velocity[1]) < 0.6


def test_someone_who_is_out_of_view_walks_on(room):
    frames, at = seen(room, velocity=(0.0, 0.8))
    away = [room.frame(EYE, (-6.0, 0.0, 0.9), stamp_s=2.2 + 0.1 * k) for k in range(10)]
    watch, _ = watched([*frames, *away])
    mover = watch.movers()[0]

    assert np.hypot(mover.x - at[0], mover.y - at[1] - 0.8 * 1.0) < 0.6


def test_nothing_moves_in_a_room_where_only_the_camera_does(room):
    watch, _ = watched(room.walk_around(target=(0, 0, 0.6), radius_m=2.5, n=40))

    assert watch.movers() == []
    assert watch.flow.predict().max() < 0.9


def test_a_wall_seen_from_a_wrong_pose_is_no_mover(room):
    frames = [room.frame(EYE, TARGET, stamp_s=0.1 * k) for k in range(6)]
    wrong = [room.frame((-3.0 - 0.2 * k, 0.0, 1.3), TARGET, stamp_s=0.6 + 0.1 * k) for k in range(4)]
    for right, bad in zip([frames[-1]] * 4, wrong, strict=True):
        bad.T_world_cam[:] = right.T_world_cam  # sees everything farther off than it is
    watch, _ = watched([*frames, *wrong])

    assert watch.movers() == []


def test_a_restart_leaves_no_trace(room):
    frames, _ = seen(room)
    watch, octree = watched(frames[:15])
    other = MoverWatch(max_range_m=6.0)
    other.restore(watch.state())
    copy = Octree()
    copy.restore_regions(octree.changed_regions())
    watched(frames[15:], watch, octree)
    watched(frames[15:], other, copy)

    assert watch.movers(0.5) == other.movers(0.5)
    assert watch.movers()


def test_a_new_session_or_a_long_pause_forgets_what_moved(room):
    frames, _ = seen(room)
    watch, octree = watched(frames)
    late = room.frame(EYE, TARGET, stamp_s=100.0)
    watch.observe(late, octree)
    assert watch.movers() == []

    watch, _ = watched(frames)
    watch.begin_session()
    assert watch.movers() == []
