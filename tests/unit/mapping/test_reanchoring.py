# SPDX-License-Identifier: Apache-2.0
"""When the trajectory is corrected, everything seen from it moves along, and nothing is said to have been moved."""

from dataclasses import replace

import numpy as np
import pytest

from mapping import Mapper
from mapping.pose_graph import Constraint, CorrectedPoses, PoseRefused, rigid
from mapping.pose_graph.anchors import BlockAnchors
from mapping.pose_graph.moving import Deltas, move_blocks
from mapping.story.scene_graph import GraphView
from memory_core.errors import BadInput
from memory_core.geometry import canonical_pose
from memory_core.memory import Memory

SIZES = {"chest": 0.6, "lamp": 0.3, "ball": 0.25, "stool": 0.4, "crate": 0.5, "vase": 0.2}


def things_along_walls(world):
    for k, (name, size) in enumerate(SIZES.items()):
        angle = 2 * np.pi * k / len(SIZES)
        world.put(name, (3 * np.cos(angle), 3 * np.sin(angle), size / 2), (size, size, size), colour=(40 * k, 90, 200))
    return world


def turning(world, n=60, turn=1.25):
    angles = np.linspace(0, 2 * np.pi * turn, n)
    return [
        world.frame((0.7 * np.cos(a), 0.7 * np.sin(a), 1.1), (3 * np.cos(a), 3 * np.sin(a), 0.3), 0.2 * k)
        for k, a in enumerate(angles)
    ]


def bent(frames, shift_m=0.6, turn_deg=5.0):
    """The same frames with poses that drift away steadily."""
    drifting = []
    for k, frame in enumerate(frames):
        share = k / (len(frames) - 1)
        D = np.eye(4)
        D[:3, :3] = rigid.rotation(np.array([[0.0, 0.0, np.radians(turn_deg) * share]]))[0]
        D[:3, 3] = shift_m * share, 0.5 * shift_m * share, 0.0
        drifting.append(replace(frame, T_world_cam=canonical_pose(D @ frame.T_world_cam)))
    return drifting


def truth_of(frames):
    return CorrectedPoses(np.array([f.stamp_ns for f in frames]), np.stack([f.T_world_cam for f in frames]))


def present(graph):
    return {one.label: one for one in graph.instances.values() if one.state == "present"}


def worst_error_m(graph, straight):
    """Farthest that an object is from where it is by frames that did not drift."""
    found = [one for one in graph.instances.values() if one.state == "present"]
    return max(
        min(np.linalg.norm(np.subtract(one.position, other.position)) for one in found if one.label == other.label)
        for other in present(straight).values()
    )


def test_a_closed_loop_brings_objects_back_to_where_they_are(box_world, mapped):
    world = things_along_walls(box_world)
    frames = turning(world)
    straight = mapped(frames)[0].graph()
    mapper, _ = mapped(bent(frames), final=False)
    before = mapper.update()
    done = mapper.correct(truth_of(frames))
    after = mapper.update()

    assert done.largest_m > 0.5
    assert worst_error_m(before.graph, straight) > 0.3
    assert worst_error_m(after.graph, straight) < 0.07
    assert sorted(present(after.graph)) == sorted(SIZES)
    assert sum(one.state == "present" for one in after.graph.instances.values()) == len(SIZES)


def test_a_correction_is_told_as_one_and_nobody_moved_anything(box_world, mapped):
    frames = turning(things_along_walls(box_world), turn=0.9)
    mapper, _ = mapped(bent(frames))
    mapper.correct(truth_of(frames))
    update = mapper.update()
    kinds = [event.kind for event in update.events]
    whole = update.events[0]

    assert "moved" not in kinds
    assert whole.kind == "corrected"
    assert whole.subject == ""
    assert whole.payload["nodes"]
    assert {e.subject for e in update.events[1:] if e.kind == "corrected"} <= set(update.graph.instances)
    assert all(e.payload["instance"]["id"] == e.subject for e in update.events[1:] if e.kind == "corrected")


def test_folding_the_events_of_a_correction_gives_the_graph(box_world, mapped):
    frames = turning(things_along_walls(box_world), n=40)
    mapper, updates = mapped(bent(frames))
    mapper.correct(truth_of(frames))
    view = GraphView()
    for update in [*updates, mapper.update()]:
        view.apply(update.events)
    assert view.graph(update.stamp_ns) == update.graph


def test_walls_come_back_to_where_they_are(box_world, mapped):
    frames = turning(things_along_walls(box_world))
    straight, _ = mapped(frames)
    mapper, _ = mapped(bent(frames))
    walls = straight.octree.occupied_centers()
    steps = 0.05 * np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)

    def found(octree):
        return np.max([octree.occupancy(walls + step) for step in steps], axis=0).mean()

    before = found(mapper.octree)
    mapper.correct(truth_of(frames))

    assert before < 0.6
    assert found(mapper.octree) > 0.9


def test_later_frames_of_a_source_that_drifted_are_placed_in_the_corrected_map(box_world, mapped):
    world = things_along_walls(box_world)
    frames = turning(world, n=72, turn=1.5)
    drifting = bent(frames)
    mapper, _ = mapped(drifting[:60], final=False)
    mapper.correct(truth_of(frames[:60]))
    mapper, updates = mapped(drifting[60:], mapper=mapper)

    assert worst_error_m(updates[-1].graph, mapped(frames)[0].graph()) < 0.1
    assert not [event for update in updates for event in update.events if event.kind == "appeared"]


def test_later_frames_of_a_source_that_follows_come_as_they_are(box_world, mapped):
    world = things_along_walls(box_world)
    frames = turning(world, n=72, turn=1.5)
    mapper, _ = mapped(bent(frames)[:60], final=False)
    mapper.correct(truth_of(frames[:60]), source_follows=True)
    mapper, updates = mapped(frames[60:], mapper=mapper)

    assert worst_error_m(updates[-1].graph, mapped(frames)[0].graph()) < 0.07


def test_a_loop_closure_as_a_constraint_does_it_too(box_world, mapped):
    world = things_along_walls(box_world)
    frames = turning(world)
    mapper, _ = mapped(bent(frames), final=False)
    mapper.update()
    nodes = mapper.trajectory
    stamps = [frame.stamp_ns for frame in frames]
    true = [frames[stamps.index(ns)].T_world_cam for ns in nodes.stamps_ns[: nodes.n].tolist()]
    pairs = [(i, j) for i in range(nodes.n) for j in range(nodes.n - 4, nodes.n) if j - i in (nodes.n - 4, nodes.n - 2)]
    closures = [Constraint(i + 1, j + 1, np.linalg.inv(true[i]) @ true[j]) for i, j in pairs]
    lie = Constraint(2, nodes.n // 2, np.eye(4))
    straight = mapped(frames)[0].graph()
    before = worst_error_m(mapper.graph(), straight)
    done = mapper.correct(constraints=[*closures, lie])

    assert done.outliers == ((2, nodes.n // 2),)
    assert worst_error_m(mapper.update().graph, straight) < 0.4 * before


def test_no_correction_changes_nothing(box_world, mapped):
    frames = turning(things_along_walls(box_world), n=30)
    mapper, _ = mapped(frames)
    done = mapper.correct(truth_of(frames))
    update = mapper.update()

    assert done.n_moved == 0
    assert [event.kind for event in update.events] == []
    assert update.map_blocks == {}


def test_a_correction_that_is_refused_changes_nothing(box_world, mapped):
    frames = turning(things_along_walls(box_world), n=20)
    mapper, updates = mapped(frames)
    with pytest.raises(BadInput):
        mapper.correct(constraints=[Constraint(1, 999, np.eye(4))])
    with pytest.raises(BadInput):
        mapper.correct(replace(truth_of(frames), session_id="nobody"))
    assert mapper.update().state == updates[-1].state


def test_a_restart_after_a_correction_leaves_no_trace(box_world, mapped):
    world = things_along_walls(box_world)
    frames = turning(world, n=64, turn=1.5)
    drifting, better = bent(frames), truth_of(frames[:40])
    whole, begun = mapped(drifting[:40], final=False)
    whole.correct(better)
    begun.append(whole.update())
    resumed = Mapper()
    resumed.restore(begun[-1].state, stored(begun))
    one, other = (mapped(drifting[40:], mapper=mapper)[1] for mapper in (whole, resumed))

    assert [e.canonical() for u in one for e in u.events] == [e.canonical() for u in other for e in u.events]
    assert one[-1].graph == other[-1].graph
    assert stored([*begun, *one]) == stored([*begun, *other])


def stored(updates):
    """What a memory holds of the map after these updates."""
    return {key: content for update in updates for key, content in update.map_blocks.items()}


def test_a_memory_keeps_both_what_was_believed_and_what_is(tmp_path, box_world, mapped):
    frames = turning(things_along_walls(box_world))
    mapper, updates = mapped(bent(frames), final=False)
    with Memory.open(tmp_path) as memory:
        for update in [*updates, mapper.update()]:
            memory.remember(update)
        then_ns = frames[40].stamp_ns
        believed, taken = memory.graph(then_ns), memory.snapshot("k2").pose
        changes = memory.ask("what moved?").count
        mapper.correct(truth_of(frames))
        memory.remember(mapper.update())
        corrected, digest = memory.graph(), memory.digest()

        assert memory.graph(then_ns) == believed
        assert memory.snapshot("k2").pose != taken
        assert memory.ask("what moved?").count == changes
        assert corrected.instances == mapper.graph().instances
        assert memory.verify().problems == []
        memory.rebuild()
        assert (memory.graph(), memory.digest()) == (corrected, digest)
        k2 = memory.snapshot("k2")
    true = next(frame for frame in frames if frame.stamp_ns == k2.stamp_ns)
    assert np.allclose(np.reshape(k2.pose, (4, 4))[:3, 3], true.T_world_cam[:3, 3], atol=0.03)


def moved_by(T, voxels, at=((0, 0, 0),), nodes=(0,)):
    return move_blocks(
        np.array(at), np.asarray(voxels, np.int8), np.array(nodes, np.int32), Deltas(np.asarray(T)), 0.1, (-54, 95)
    )


def block(value=-54):
    voxels = np.full((1, 8, 8, 8), value, np.int8)
    voxels[0, 2, 3, 4] = 95
    return voxels.reshape(1, 512)


def at_of(moved):
    """Voxel coordinates of what is occupied."""
    row, i = np.nonzero(moved.voxels > 0)
    return (moved.blocks[row] * 8 + np.stack([i >> 6, (i >> 3) & 7, i & 7], axis=1)).tolist()


def test_blocks_move_by_whole_voxels_without_loss():
    T = np.tile(np.eye(4), (1, 1, 1))
    T[0, :3, 3] = 0.3, -0.5, 1.2
    moved = moved_by(T, block())

    assert at_of(moved) == [[5, -2, 16]]
    assert (moved.voxels == -54).sum() == 511
    assert set(moved.nodes.tolist()) == {0}


def test_a_block_turned_by_a_right_angle_keeps_every_voxel():
    T = np.tile(np.eye(4), (1, 1, 1))
    T[0, :3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    moved = moved_by(T, block())

    assert at_of(moved) == [[-4, 2, 4]]
    assert (moved.voxels != -128).sum() == 512


def test_two_copies_that_fall_together_add_up_within_the_limits():
    T = np.tile(np.eye(4), (2, 1, 1))
    T[1, :3, 3] = -1.6, 0.0, 0.0
    moved = moved_by(T, np.concatenate([block(-20), block(-20)]), ((0, 0, 0), (2, 0, 0)), (0, 1))

    assert len(moved.blocks) == 1
    assert moved.voxels.max() == 95
    assert moved.voxels.min() == -40
    assert moved.nodes.tolist() == [1]


def test_blocks_that_turn_together_leave_no_seams(rng):
    grid = np.stack(np.meshgrid(*[np.arange(-2, 2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    turn = rigid.rotation(np.array([[0.02, -0.03, 0.4], [0.021, -0.03, 0.401]]))
    T = np.tile(np.eye(4), (2, 1, 1))
    T[:, :3, :3] = turn
    moved = moved_by(T, np.full((64, 512), -54), grid, rng.integers(0, 2, 64))
    inside = np.stack(np.meshgrid(*[np.arange(-9, 9)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    known = {tuple(b): v for b, v in zip(moved.blocks.tolist(), moved.voxels, strict=True)}

    assert all(known[tuple(v >> 3)][(v[0] & 7) * 64 + (v[1] & 7) * 8 + (v[2] & 7)] != -128 for v in inside)


def test_the_order_of_blocks_does_not_matter(rng):
    n = 40
    at = rng.integers(-3, 3, (200, 3))
    at = np.unique(at, axis=0)[:n]
    voxels = rng.choice(np.array([-128, -54, 20, 95], np.int8), (len(at), 512))
    nodes = rng.integers(0, 5, len(at))
    T = np.tile(np.eye(4), (5, 1, 1))
    T[:, :3, :3], T[:, :3, 3] = rigid.rotation(rng.normal(size=(5, 3)) * 0.2), rng.normal(size=(5, 3))
    one, other = moved_by(T, voxels, at, nodes), moved_by(T, voxels[::-1], at[::-1], nodes[::-1])

    assert np.array_equal(one.voxels, other.voxels)
    assert np.array_equal(one.blocks, other.blocks)
    assert np.array_equal(one.nodes, other.nodes)


def test_anchors_are_those_of_the_last_look_and_survive_storage(box_world):
    anchors = BlockAnchors()
    frame = box_world.frame((0, 0, 1.2), (3, 0, 1.0))
    anchors.look(frame, 4, 0.4, 4.0)
    first = anchors.changed_regions()
    anchors.look(frame, 4, 0.4, 4.0)
    nothing_new = anchors.changed_regions()
    anchors.look(box_world.frame((0, 0, 1.2), (3, 1, 1.0)), 9, 0.4, 4.0)
    second = anchors.changed_regions()
    again = BlockAnchors()
    again.restore_regions({**first, **second})
    seen = np.array([[0, 0, 2], [3, 0, 2], [3, 1, 2], [-5, 0, 2]])

    assert nothing_new == {}
    assert anchors.of(seen).tolist() == [9, 9, 9, -1]
    assert np.array_equal(again.of(seen), anchors.of(seen))


def test_a_pose_known_too_badly_is_not_written_and_must_become_clearly_better(box_world):
    mapper = Mapper()
    frame = box_world.frame((1.5, 0, 1), (0, 0, 0.5))
    for n, (sigma, taken) in enumerate([(0.1, True), (0.5, False), (0.25, False), (0.15, True), (0.25, True)]):
        step = replace(frame, stamp_ns=n * 100_000_000, pose_sigma_m=sigma)
        if taken:
            mapper.integrate(step, [])
        else:
            with pytest.raises(PoseRefused, match=f"known to {sigma}") as refused:
                mapper.integrate(step, [])
            assert refused.value.reason == "pose_uncertain"
    with pytest.raises(PoseRefused, match="known to nan"):
        mapper.integrate(replace(step, stamp_ns=10**9, pose_sigma_rad=float("nan")), [])
    assert mapper.update().n_frames == 3


def test_a_pose_that_jumps_once_leaves_no_trace(box_world, mapped):
    frames = [box_world.frame((1.5, 0.01 * n, 1), (0, 0, 0.5), 0.1 * n) for n in range(12)]
    astray = box_world.frame((-1.5, 2.0, 1), (0, 0, 0.5), 0.55)
    mapper, straight = Mapper(), mapped(frames)[0]
    assert all(taken(mapper, frame) for frame in frames[:6])
    assert not taken(mapper, astray)
    assert all(taken(mapper, frame) for frame in frames[6:])

    assert mapper.octree.counts() == straight.octree.counts()
    assert mapper.trajectory.n == straight.trajectory.n


def test_a_camera_that_is_localised_elsewhere_goes_on_there_as_a_new_segment(box_world):
    mapper = Mapper()
    frames = [box_world.frame((1.5, 0.01 * n, 1), (0, 0, 0.5), 0.1 * n) for n in range(5)]
    frames += [box_world.frame((-1.5, 2 + 0.01 * n, 1), (0, 0, 0.5), 0.5 + 0.1 * n) for n in range(6)]
    refused = [frame for frame in frames if not taken(mapper, frame)]
    nodes = mapper.trajectory

    assert refused == frames[5 : 5 + mapper.settings.jump_frames - 1]
    assert nodes.kinds[: nodes.n].tolist() == [1, 2]
    assert np.allclose(nodes.poses[1, :3, 3], frames[5 + len(refused)].T_world_cam[:3, 3])


def taken(mapper, frame):
    try:
        mapper.integrate(frame, [])
    except PoseRefused as error:
        return error.reason != "pose_jump"
    return True


def test_anchors_of_large_maps_are_replaced_and_restored_whole():
    blocks = np.stack(np.meshgrid(np.arange(40), np.arange(40), np.arange(8), indexing="ij"), axis=-1).reshape(-1, 3)
    nodes = np.arange(len(blocks), dtype=np.int32)
    anchors, again = BlockAnchors(), BlockAnchors()
    anchors.replace(blocks.astype(np.int64), nodes)
    again.restore_regions(anchors.changed_regions())

    np.testing.assert_array_equal(anchors.of(blocks), nodes)
    np.testing.assert_array_equal(again.of(blocks), nodes)
