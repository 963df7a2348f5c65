# SPDX-License-Identifier: Apache-2.0
"""Laws of the pose graph: known solutions are found, lies are left out, chains are eliminated exactly."""

from dataclasses import replace

import numpy as np
import pytest

from mapping import Mapper
from mapping.pose_graph import Constraint, CorrectedPoses, PoseGraph, rigid, solve
from mapping.pose_graph.linearise import fill_errors, fill_jacobians
from mapping.pose_graph.normal import NotPositive, solve_blocks
from mapping.pose_graph.solver import Links
from memory_core.errors import BadFrame, BadInput, CorruptMemory


def poses_of(vectors, positions):
    T = np.tile(np.eye(4), (len(vectors), 1, 1))
    T[:, :3, :3], T[:, :3, 3] = rigid.rotation(np.asarray(vectors, float)), positions
    return T


def any_poses(rng, n, turn=1.0):
    return poses_of(rng.normal(size=(n, 3)) * turn, rng.normal(size=(n, 3)))


def circle(n=60, radius_m=3.0):
    """Poses around a circle that end where they began."""
    turns = np.linspace(0, 2 * np.pi, n)
    zero = np.zeros(n)
    return poses_of(np.stack([zero, zero, turns], 1), radius_m * np.stack([np.cos(turns), np.sin(turns), zero], 1))


def links_of(a, b, poses, robust=False, strength=1e4):
    a, b = np.asarray(a), np.asarray(b)
    T = rigid.invert(poses[a]) @ poses[b]
    information = np.tile(strength * np.eye(6), (len(a), 1, 1))
    return Links(a, b, T, information, np.full(len(a), robust))


def chained(first, steps):
    poses = [first]
    for step in steps:
        poses.append(poses[-1] @ step)
    return np.array(poses)


def first_only(n):
    fixed = np.zeros(n, bool)
    fixed[0] = True
    return fixed


def test_rotation_vectors_and_rotations_are_inverse(rng):
    vectors = rng.normal(size=(200, 3))
    vectors *= (np.pi - 1e-3) * rng.random((200, 1)) / np.linalg.norm(vectors, axis=1, keepdims=True)

    assert np.allclose(rigid.rotation_vector(rigid.rotation(vectors)), vectors, atol=1e-9)
    assert np.allclose(rigid.rotation_vector(np.tile(np.eye(3), (2, 1, 1))), 0)


def test_halfway_between_two_poses_is_as_far_from_both(rng):
    a, b = any_poses(rng, 20), any_poses(rng, 20)
    middle = rigid.between(a, b, np.full(20, 0.5))

    there, back = (np.linalg.norm(rigid.rotation_vector((rigid.invert(x) @ middle)[:, :3, :3]), axis=1) for x in (a, b))
    assert np.allclose(there, back)
    assert np.allclose(middle[:, :3, 3], (a[:, :3, 3] + b[:, :3, 3]) / 2)


def test_the_derivatives_are_those_of_the_errors(rng):
    poses = any_poses(rng, 6)
    links = links_of([0, 1, 2], [3, 4, 5], any_poses(rng, 6, 0.3))
    errors, moved_errors = np.empty((3, 6)), np.empty((3, 6))
    fill_errors(poses, links.a, links.b, links.T, errors)
    for m in range(3):
        of_a, of_b = np.empty((6, 6)), np.empty((6, 6))
        fill_jacobians(poses[links.a[m]], poses[links.b[m]], links.T[m], errors[m], of_a, of_b, np.empty((4, 3, 3)))
        for node, jacobian in ((links.a[m], of_a), (links.b[m], of_b)):
            for axis in range(6):
                step = np.zeros(6)
                step[axis] = 1e-6
                moved = poses.copy()
                moved[node] = poses[node] @ poses_of([step[3:]], [step[:3]])[0]
                fill_errors(moved, links.a, links.b, links.T, moved_errors)
                assert np.allclose((moved_errors[m] - errors[m]) / 1e-6, jacobian[:, axis], atol=1e-4)


@pytest.mark.parametrize("extra", [[], [(3, 17)], [(3, 17), (5, 30), (10, 35), (22, 20), (0, 39)]])
def test_eliminating_chains_solves_the_same_equations(rng, extra):
    n = 40
    pairs = np.array([*((i, i + 1) for i in range(n - 1)), *extra])
    H, diagonal, blocks = 0.1 * np.eye(6 * n), np.tile(0.1 * np.eye(6), (n, 1, 1)), []
    for a, b in pairs:
        J = rng.normal(size=(6, 12))
        M = J.T @ J
        at = np.r_[6 * a : 6 * a + 6, 6 * b : 6 * b + 6]
        H[np.ix_(at, at)] += M
        diagonal[a] += M[:6, :6]
        diagonal[b] += M[6:, 6:]
        blocks.append(M[:6, 6:] if a < b else M[6:, :6])
    rhs = rng.normal(size=(n, 6))

    x = solve_blocks(diagonal, np.sort(pairs, axis=1), np.array(blocks), rhs)
    assert np.allclose(x.ravel(), np.linalg.solve(H, rhs.ravel()))


def test_equations_without_a_solution_are_refused():
    with pytest.raises(NotPositive):
        solve_blocks(np.zeros((3, 6, 6)), np.array([[0, 1], [1, 2]]), np.zeros((2, 6, 6)), np.ones((3, 6)))


def test_consistent_constraints_are_met_exactly(rng):
    truth = any_poses(rng, 30)
    links = links_of([*range(29), 3, 9, 25], [*range(1, 30), 17, 28, 4], truth)
    start = truth @ poses_of(rng.normal(size=(30, 3)) * 0.1, rng.normal(size=(30, 3)) * 0.3)
    start[0] = truth[0]

    assert np.abs(solve(start, links, first_only(30)).poses - truth).max() < 1e-9


def test_a_loop_that_closes_bends_a_drifting_circle_back():
    truth = circle()
    n = len(truth)
    odometry = links_of(range(n - 1), range(1, n), truth)
    drift = poses_of([[0, 0, 0.003]] * (n - 1), [[0.005, 0, 0]] * (n - 1))
    drifting = Links(odometry.a, odometry.b, odometry.T @ drift, odometry.information, odometry.robust)
    start = chained(truth[0], drifting.T)
    closed = solve(start, drifting.plus(links_of([0], [n - 1], truth, strength=1e6)), first_only(n)).poses

    assert np.linalg.norm(start[-1, :3, 3] - truth[-1, :3, 3]) > 0.2
    assert np.linalg.norm(closed[-1, :3, 3] - truth[-1, :3, 3]) < 0.01


def test_false_loop_closures_are_found_and_left_out(rng):
    truth = circle(80)
    noise = poses_of(rng.normal(size=(79, 3)) * 0.002, rng.normal(size=(79, 3)) * 0.005)
    odometry = links_of(range(79), range(1, 80), truth)
    odometry = Links(odometry.a, odometry.b, odometry.T @ noise, odometry.information, odometry.robust)
    good = links_of([0, 2, 5, 8], [79, 77, 70, 60], truth, robust=True)
    false = Links(np.array([4, 12]), np.array([44, 60]), any_poses(rng, 2), good.information[:2], good.robust[:2])
    solution = solve(chained(truth[0], odometry.T), odometry.plus(good).plus(false), first_only(80))

    assert solution.weights[79:].tolist() == [1, 1, 1, 1, 0, 0]
    assert np.linalg.norm(solution.poses[:, :3, 3] - truth[:, :3, 3], axis=1).max() < 0.1


def test_solving_twice_gives_the_same_bits(rng):
    truth = circle(40)
    links = links_of([*range(39), 0], [*range(1, 40), 39], truth)
    start = truth @ poses_of(rng.normal(size=(40, 3)) * 0.01, rng.normal(size=(40, 3)) * 0.01)
    first, second = (solve(start, links, first_only(40)) for _ in range(2))

    assert first.poses.tobytes() == second.poses.tobytes()


def followed(poses, session="s", step_ns=100_000_000):
    graph = PoseGraph(0.25, 15.0)
    nodes = [graph.follow(i * step_ns, T, session) for i, T in enumerate(poses)]
    return graph, nodes


def straight(n, step_m=0.1):
    return poses_of(np.zeros((n, 3)), np.stack([step_m * np.arange(n), np.zeros(n), np.zeros(n)], 1))


def test_nodes_come_with_motion_and_not_with_time():
    graph, nodes = followed(straight(31))
    parked, _ = followed(np.tile(np.eye(4), (500, 1, 1)))

    assert nodes == sorted(nodes)
    assert graph.n == 11
    assert parked.n == 1


def test_corrected_poses_carry_over_to_nodes_between_and_beyond_them():
    graph, _ = followed(straight(61))
    lifted = straight(61)
    lifted[:, 2, 3] = 0.1 * np.arange(61)
    stamps = np.arange(61) * 100_000_000
    some = [10, 20, 50]
    poses = graph.corrected_by_poses(CorrectedPoses(stamps[some], lifted[some]))
    heights = np.interp(graph.stamps_ns[: graph.n] / 1e8, some, [1.0, 2.0, 5.0])

    assert np.allclose(poses[:, 2, 3], heights)
    assert np.allclose(poses[:, 0, 3], graph.poses[: graph.n, 0, 3])


def test_poses_of_another_time_or_session_are_refused():
    graph, _ = followed(straight(10))
    with pytest.raises(BadInput, match=r"from the time of the memory, 0\.000 \.\. 0\.\d+ s; got 90\.000"):
        graph.corrected_by_poses(CorrectedPoses(np.array([90_000_000_000]), np.eye(4)[None]))
    with pytest.raises(BadInput, match="of session other"):
        graph.corrected_by_poses(CorrectedPoses(np.array([0]), np.eye(4)[None], "other"))


@pytest.mark.parametrize(
    ("stamps", "poses", "says"),
    [
        ([], np.zeros((0, 4, 4)), "want N stamps"),
        ([2, 1], np.tile(np.eye(4), (2, 1, 1)), "ascend"),
        ([1], np.zeros((1, 4, 4)), "no rigid transform"),
        ([1], np.full((1, 4, 4), np.nan), "no rigid transform"),
        ([1], np.diag([1.0, 1.0, -1.0, 1.0])[None], "no rigid transform"),
    ],
)
def test_trajectories_that_are_none_are_refused(stamps, poses, says):
    with pytest.raises(BadInput, match=says):
        CorrectedPoses(np.array(stamps, np.int64), poses)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"a": 1, "b": 1}, "two nodes"),
        ({"a": 0, "b": 1}, "from 1 on"),
        ({"T_a_b": np.zeros((4, 4))}, "constraint 1-2: pose"),
        ({"information": -np.eye(6)}, "positive"),
        ({"information": np.eye(3)}, "positive"),
    ],
)
def test_constraints_that_are_none_are_refused(fields, says):
    with pytest.raises(BadInput, match=says):
        Constraint(**{"a": 1, "b": 2, "T_a_b": np.eye(4), **fields})


def test_a_constraint_to_a_node_that_there_is_not_is_refused():
    graph, _ = followed(straight(10))
    with pytest.raises(BadInput, match=r"constraint 1-99: there are nodes 1 \.\. 4"):
        graph.corrected_by_constraints([Constraint(1, 99, np.eye(4))])


def test_after_a_jump_the_way_before_bends_to_where_the_camera_was_localised():
    graph, _ = followed(straight(31))
    landed = np.eye(4)
    landed[:3, 3] = 3.0, 0.5, 0.0
    graph.follow(3_200_000_000, landed, "s", jumped=True)
    poses = graph.corrected_by_constraints([]).poses

    assert np.allclose(poses[-1], landed)
    assert np.allclose(poses[0], np.eye(4))
    assert 0.0 < poses[graph.n // 2, 1, 3] < poses[-2, 1, 3] < 0.5


def test_chunks_and_state_bring_the_graph_back_and_only_changed_chunks_are_written():
    graph, _ = followed(straight(3000))
    graph.constraints.append(Constraint(1, 900, np.eye(4)))
    chunks = graph.changed_chunks()
    last = straight(3001)[-1:] @ straight(5)[-1]
    graph.follow(400_000_000_000, last[0], "later")
    more = graph.changed_chunks()
    again = PoseGraph(0.25, 15.0)
    again.restore_chunks({**chunks, **more})
    again.restore(graph.state())

    assert len(chunks) > 3
    assert len(more) == 1
    assert again.n == graph.n
    assert again.sessions == ["s", "later"]
    for name in ("stamps_ns", "poses", "steps", "kinds", "session_of"):
        assert np.array_equal(getattr(again, name)[: graph.n], getattr(graph, name)[: graph.n])
    assert [(one.a, one.b) for one in again.constraints] == [(1, 900)]


def test_a_missing_chunk_is_told():
    graph, _ = followed(straight(3000))
    chunks = graph.changed_chunks()
    del chunks["poses/1_0_0"]
    with pytest.raises(CorruptMemory, match="chunk 1 of"):
        PoseGraph(0.25, 15.0).restore_chunks(chunks)


def test_a_frame_that_the_map_refuses_is_no_part_of_the_trajectory(box_world):
    mapper = Mapper()
    frames = [box_world.frame((1.5, 0.01 * n, 1), (0, 0, 0.5), 0.1 * n) for n in range(3)]
    pose = frames[0].T_world_cam.copy()
    pose[0, 3] = 1e7
    with pytest.raises(BadFrame, match="within"):
        mapper.integrate(replace(frames[0], T_world_cam=pose), [])
    for frame in frames[1:]:
        mapper.integrate(frame, [])

    assert mapper.trajectory.n == 1
    assert np.array_equal(mapper.trajectory.poses[0], frames[1].T_world_cam)
