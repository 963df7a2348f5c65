# SPDX-License-Identifier: Apache-2.0
"""Meshes: where they lie, that they have no cracks, that only what changed is made anew, and files of them."""

import json
import struct

import numpy as np
import pytest

from mapping.tsdf import cubes
from mapping.tsdf.files import write_mesh
from mapping.tsdf.mesh import Mesh
from mapping.tsdf.tsdf import Tsdf
from memory_core import CameraFrame
from memory_core.errors import BadInput
from memory_core.geometry import canonical_pose

SHAPE = (120, 160)
K = np.array([[150.0, 0, 79.5], [0, 150, 59.5], [0, 0, 1]])
CENTER, RADIUS = np.array([0.31, -0.12, 0.77]), 0.5
ALL_ROUND = [
    np.array([x, y, z], float) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if (x, y, z) != (0, 0, 0)
]


def looking_at(eye, target):
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, [0.1, 0.2, 0.97])
    right /= np.linalg.norm(right)
    T = np.eye(4)
    T[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    T[:3, 3] = eye
    return canonical_pose(T)


def ball(eye, background_m=3.9, colour=(200, 100, 50)):
    """A frame of the ball, before a background that is out of the range of 3.5 m."""
    T = looking_at(eye, CENTER)
    v, u = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1]]
    rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(SHAPE)], axis=-1) @ T[:3, :3].T
    at = eye - CENTER
    a, b = (rays**2).sum(axis=-1), rays @ at
    rest = b**2 - a * (at @ at - RADIUS**2)
    depth = np.where(rest > 0, (-b - np.sqrt(np.maximum(rest, 0))) / a, background_m).astype(np.float32)
    rgb = np.empty((*SHAPE, 3), np.uint8)
    rgb[:] = colour
    return CameraFrame(stamp_ns=0, rgb=rgb, depth=depth, K=K, T_world_cam=T)


def ball_map(voxel_size_m, background_m=3.9):
    tsdf = Tsdf(voxel_size_m)
    for direction in ALL_ROUND:
        tsdf.integrate(ball(CENTER + 2 * direction / np.linalg.norm(direction), background_m), 3.5)
    return tsdf


def edges_of(faces):
    """Directed edges (3 F, 2)."""
    return np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])


def volume(mesh):
    a, b, c = (mesh.vertices[mesh.faces[:, k]].astype(float) for k in range(3))
    return float((a * np.cross(b, c)).sum() / 6)


@pytest.mark.parametrize("background_m", [0.0, 3.9])
@pytest.mark.parametrize("voxel_size_m", [0.05, 0.02])
def test_a_ball_seen_from_all_sides_is_a_closed_surface_of_its_size(voxel_size_m, background_m):
    mesh = ball_map(voxel_size_m, background_m).mesh()

    edges = edges_of(mesh.faces)
    assert len(np.unique(edges, axis=0)) == len(edges)
    assert np.array_equal(np.unique(edges, axis=0), np.unique(edges[:, ::-1], axis=0))
    assert len(mesh.vertices) - len(mesh.faces) // 2 == 2  # Euler: one piece without handles
    assert np.array_equal(np.unique(mesh.faces), np.arange(len(mesh.vertices)))
    off = np.abs(np.linalg.norm(mesh.vertices - CENTER, axis=1) - RADIUS)
    assert np.median(off) < 0.2 * voxel_size_m
    assert off.max() < voxel_size_m
    assert volume(mesh) == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.06)
    assert (mesh.colours == (200, 100, 50)).all()


def test_seen_from_one_side_there_is_no_surface_where_nothing_was_seen():
    tsdf = Tsdf(0.05)
    eye = CENTER + np.array([0, 0, 2.0])
    tsdf.integrate(ball(eye, background_m=0.0), 3.5)

    vertices = tsdf.mesh().vertices - CENTER
    assert len(vertices) > 100
    assert (vertices[:, 2] > -0.05).all()
    assert (np.abs(np.linalg.norm(vertices, axis=1) - RADIUS) < 0.06).all()


def test_a_wall_is_flat_where_it_is_and_faces_the_camera():
    depth = np.full(SHAPE, 1.73, np.float32)
    rgb = np.full((*SHAPE, 3), 77, np.uint8)
    tsdf = Tsdf(0.05)
    tsdf.integrate(CameraFrame(stamp_ns=0, rgb=rgb, depth=depth, K=K, T_world_cam=np.eye(4)))
    mesh = tsdf.mesh()

    np.testing.assert_allclose(mesh.vertices[:, 2], 1.73, atol=1e-4)
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    assert (np.cross(b - a, c - a)[:, 2] < 0).all()
    assert (mesh.colours == 77).all()
    inner = np.prod([1.73 / 150 * (n - 8) - 0.1 for n in SHAPE])
    assert np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2 > inner


def test_there_is_no_crack_where_regions_meet():
    tsdf = Tsdf(0.01)  # regions of 0.64 m: the wall spans several
    rgb = np.full((*SHAPE, 3), 77, np.uint8)
    depth = np.linspace(1.2, 1.5, SHAPE[1], dtype=np.float32) * np.ones(SHAPE, np.float32)
    tsdf.integrate(CameraFrame(stamp_ns=0, rgb=rgb, depth=depth, K=K, T_world_cam=np.eye(4)))
    mesh = tsdf.mesh()

    edges = {(a, b) for a, b in edges_of(mesh.faces).tolist()}
    lone = np.unique([edge for edge in edges if edge[::-1] not in edges])
    x, y, z = mesh.vertices[lone].T
    u, v = 150 * x / z + 79.5, 150 * y / z + 59.5
    border = np.minimum.reduce([u, 159 - u, v, 119 - v])
    assert len(lone) > 100
    assert border.max() < 5  # only at the border of the image is there an edge of one triangle
    assert len(tsdf.changed_regions()) > 4


def test_what_changed_is_meshed_as_if_all_were():
    tsdf = Tsdf(0.05)
    for i, direction in enumerate(ALL_ROUND[:12]):
        tsdf.integrate(ball(CENTER + 2 * direction / np.linalg.norm(direction), colour=(i * 20 + 1, 5, 5)), 3.5)
        step_by_step = tsdf.mesh()
    other = Tsdf(0.05)
    other.restore_regions(tsdf.changed_regions())
    at_once = other.mesh()

    assert np.array_equal(step_by_step.vertices, at_once.vertices)
    assert np.array_equal(step_by_step.faces, at_once.faces)
    assert np.array_equal(step_by_step.colours, at_once.colours)


def test_only_regions_that_changed_are_meshed(monkeypatch):
    tsdf = ball_map(0.02)
    tsdf.mesh()
    made = []
    mesh_region = cubes.mesh_region
    monkeypatch.setattr(cubes, "mesh_region", lambda *args: made.append(1) or mesh_region(*args))
    tsdf.mesh()
    assert made == []
    tsdf.mesh(min_weight=2)
    n_all = len(made)
    far = ball(CENTER + np.array([0, 0, 1.2]))
    far.T_world_cam[:3, 3] += 20.0
    tsdf.integrate(far, 3.5)
    tsdf.mesh(min_weight=2)
    n_new = len(made) - n_all
    tsdf.integrate(far, 3.5)
    tsdf.mesh(min_weight=2)
    assert n_new > 0
    assert len(made) == n_all + 2 * n_new


def test_surfaces_that_too_few_frames_saw_are_left_out():
    tsdf = Tsdf(0.05)
    for _ in range(2):
        tsdf.integrate(ball(CENTER + np.array([0, 0, 2.0])), 3.5)

    assert len(tsdf.mesh(2).faces) > 100
    assert len(tsdf.mesh(3).faces) == 0
    assert len(tsdf.mesh(1).faces) == len(tsdf.mesh(2).faces)


def crossings(pattern):
    return {edge for edge, (a, b) in enumerate(cubes._EDGES) if (pattern >> a & 1) != (pattern >> b & 1)}


def test_the_table_cuts_just_the_edges_between_inside_and_outside():
    table = cubes.triangle_table()
    assert table.shape == (256, 16)
    for pattern in range(256):
        used = table[pattern][table[pattern] >= 0]
        assert set(used.tolist()) == crossings(pattern)
        assert len(used) % 3 == 0
        assert (table[pattern][len(used) :] == -1).all()


def test_pieces_of_one_cube_are_bounded_by_lines_in_its_faces_only():
    faces_of_edge = [{i for i, face in enumerate(cubes._faces()) if {a, b} <= set(face)} for a, b in cubes._EDGES]
    for row in cubes.triangle_table():
        triangles = row[row >= 0].reshape(-1, 3)
        edges = edges_of(triangles).tolist()
        for a, b in edges:
            if [b, a] not in edges:
                assert faces_of_edge[a] & faces_of_edge[b]


def test_random_fields_give_surfaces_without_cracks(rng):
    """Every pattern of corners next to every other: the mesh of noise, cut off by a layer of outside, is closed."""
    values = rng.normal(size=(12, 12, 12))
    values[[0, -1]] = values[:, [0, -1]] = values[:, :, [0, -1]] = 1
    table, corners = cubes.triangle_table(), [(c >> 2, c >> 1 & 1, c & 1) for c in range(8)]
    directed = []
    for cell in np.ndindex(11, 11, 11):
        pattern = sum((values[tuple(np.add(cell, at))] < 0) << c for c, at in enumerate(corners))
        places = [(tuple(np.add(cell, corners[low])), edge // 4) for edge, (low, _) in enumerate(cubes._EDGES)]
        triangles = table[pattern][table[pattern] >= 0].reshape(-1, 3)
        directed += [(places[a], places[b]) for a, b in edges_of(triangles)]

    assert len(directed) > 10_000
    assert sorted(directed) == sorted((b, a) for a, b in directed)
    assert len(set(directed)) > 0.99 * len(directed)


def small_mesh():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)
    return Mesh(vertices, faces, np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 8, 7]], np.uint8))


@pytest.mark.parametrize("kind", ["ply", "glb"])
def test_other_programs_read_the_same_mesh(tmp_path, kind):
    trimesh = pytest.importorskip("trimesh")
    mesh = ball_map(0.05).mesh()
    write_mesh(mesh, tmp_path / f"mesh.{kind}", kind)
    read = trimesh.load(tmp_path / f"mesh.{kind}", process=False, force="mesh")

    vertices = np.asarray(read.vertices)
    if kind == "glb":  # y up there
        vertices = np.stack([vertices[:, 0], -vertices[:, 2], vertices[:, 1]], axis=1)
    np.testing.assert_allclose(vertices, mesh.vertices, atol=1e-6)
    assert np.array_equal(read.faces, mesh.faces)
    assert np.array_equal(np.asarray(read.visual.vertex_colors)[:, :3], mesh.colours)


def test_a_glb_says_how_long_it_and_its_parts_are(tmp_path):
    write_mesh(small_mesh(), tmp_path / "small.glb", "glb")
    content = (tmp_path / "small.glb").read_bytes()
    magic, version, total, length = struct.unpack("<4sIII", content[:16])
    document = json.loads(content[20 : 20 + length])

    assert (magic, version, total) == (b"glTF", 2, len(content))
    assert document["buffers"][0]["byteLength"] == 4 * 12 + 4 * 4 + 12 * 4
    assert document["accessors"][0]["max"] == [1, 1, 1]
    assert length % 4 == 0


def test_meshes_without_triangles_and_unknown_formats(tmp_path):
    empty = Tsdf().mesh()
    write_mesh(empty, tmp_path / "empty.ply", "ply")
    assert b"element face 0" in (tmp_path / "empty.ply").read_bytes()
    with pytest.raises(BadInput, match="triangle"):
        write_mesh(empty, tmp_path / "empty.glb", "glb")
    with pytest.raises(BadInput, match="obj"):
        write_mesh(empty, tmp_path / "mesh.obj", "obj")
    assert [path.name for path in tmp_path.iterdir()] == ["empty.ply"]


def moving(angle_rad, shift_m):
    T = np.eye(4)
    T[:2, :2] = [[np.cos(angle_rad), -np.sin(angle_rad)], [np.sin(angle_rad), np.cos(angle_rad)]]
    T[:3, 3] = shift_m
    return T


@pytest.mark.parametrize("T", [np.eye(4), moving(0.0, (0.05, -0.1, 0.15)), moving(0.3, (1.013, -2.2, 0.77))])
def test_a_map_that_is_moved_shows_the_ball_elsewhere(T):
    tsdf = ball_map(0.05)
    stored = tsdf.changed_regions()
    before = tsdf.mesh()
    tsdf.move(np.tile(T, (len(tsdf.block_centers()), 1, 1)))
    mesh = tsdf.mesh()

    center = T[:3, :3] @ CENTER + T[:3, 3]
    off = np.abs(np.linalg.norm(mesh.vertices - center, axis=1) - RADIUS)
    assert np.median(off) < 0.01
    assert off.max() < 0.05
    assert (mesh.colours == (200, 100, 50)).all()
    edges = edges_of(mesh.faces)
    assert np.array_equal(np.unique(edges, axis=0), np.unique(edges[:, ::-1], axis=0))
    assert len(mesh.faces) == pytest.approx(len(before.faces), rel=0.1)
    again = Tsdf(0.05)
    again.restore_regions({**stored, **tsdf.changed_regions()})
    assert np.array_equal(again.mesh().vertices, mesh.vertices)


def test_there_is_one_transform_for_each_block():
    with pytest.raises(BadInput, match="one for each block"):
        ball_map(0.05).move(np.eye(4)[None])
