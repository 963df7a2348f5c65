# SPDX-License-Identifier: Apache-2.0
"""Images agree with the geometry they show."""

import numpy as np
import pytest

from memory_core.errors import BadSettings
from memory_core.geometry import Box, invert_pose, transform_points, unproject
from sim.frames import base_pose, camera_pose
from sim.house.assets import AssetTable
from sim.house.building import hole_in
from sim.house.floor import Floor
from sim.house.proxies import Extent, parts_of
from sim.house.renderer import Renderer
from sim.house.schema import parse_house
from sim.house.world import World

SAMPLE = (0, 57, 121, 199, 301, 433)


def views(world, rng, n_views):
    floor = Floor(world)
    wanted = world.house.start
    grid = floor.reachable(floor.start((wanted.x, wanted.y) if wanted else None))
    for x, y in grid[rng.integers(len(grid), size=n_views)]:
        yield camera_pose(base_pose(x, y, rng.uniform(-np.pi, np.pi)), 1.5, rng.uniform(-0.2, 0.8))


def worlds(procthor_world, own_world):
    return [own_world, *(procthor_world(index) for index in SAMPLE)]


def test_pixels_of_an_object_lie_in_its_box(procthor_world, own_world, rng):
    n_objects = 0
    for world in worlds(procthor_world, own_world):
        renderer = Renderer(world.scene, 160, 120, 90)
        for T in views(world, rng, 6):
            _, depth, ids = renderer.render(T)
            points, numbers = transform_points(T, unproject(depth, renderer.K)), ids[depth > 0]
            for thing in world.things.values():
                own = transform_points(invert_pose(thing.body.T_world_body), points[numbers == thing.body.number])
                inside = (np.abs(own) <= thing.size / 2 + 0.02).all(axis=1)
                assert len(own) == 0 or inside.mean() >= 0.99, thing.uid
                n_objects += len(own) > 0
    assert n_objects > 200


def test_plain_numpy_draws_the_same(procthor_world, own_world, rng):
    for world in worlds(procthor_world, own_world)[:3]:
        fast, plain = (Renderer(world.scene, 160, 120, 90, compiled=c) for c in (True, False))
        for T in views(world, rng, 3):
            (rgb, depth, ids), (rgb2, depth2, ids2) = fast.render(T), plain.render(T)
            assert np.mean(ids == ids2) >= 0.999
            same = ids == ids2
            assert np.abs(depth - depth2)[same].max() < 1e-3
            assert np.mean(np.abs(rgb.astype(int) - rgb2)[same] <= 1) > 0.999


def test_every_ray_ends_in_the_house_or_leaves_through_a_window(procthor_world, own_world, rng):
    for world in worlds(procthor_world, own_world):
        renderer = Renderer(world.scene, 160, 120, 90)
        for T in views(world, rng, 6):
            _, depth, _ = renderer.render(T)
            v, u = np.nonzero(depth == 0)
            K = renderer.K
            rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(len(u))], axis=1) @ T[:3, :3].T
            assert leaves_through_an_opening(world.house, T[:3, 3], rays).all()


def leaves_through_an_opening(house, eye, rays):
    through = np.zeros(len(rays), bool)
    walls = {wall.id: wall for wall in house.walls}
    for opening in (o for o in house.openings if o.is_open):
        for wall in (walls[name] for name in opening.walls if name in walls):
            low, high, bottom, top = hole_in(opening, wall)
            along = (wall.end - wall.start) / wall.length_m
            normal = np.array([-along[1], along[0]])
            with np.errstate(divide="ignore", invalid="ignore"):
                share = ((wall.start - eye[:2]) @ normal) / (rays[:, :2] @ normal)
                hit = eye + share[:, None] * rays
            at = (hit[:, :2] - wall.start) @ along
            through |= (
                (share > 0)
                & (at > low - 0.02)
                & (at < high + 0.02)
                & (hit[:, 2] > bottom - 0.02)
                & (hit[:, 2] < top + 0.02)
            )
    return through


def test_windows_give_no_depth(own_world):
    renderer = Renderer(own_world.scene, 160, 120, 90)
    T = camera_pose(base_pose(2.5, -8.0, -np.pi / 2), 1.5, 0.0)  # in the kitchen, at the window in its outer wall
    _, depth, ids = renderer.render(T)
    assert depth[60, 80] == 0
    assert ids[60, 80] == 0


def test_a_thing_in_a_shelf_is_seen_from_its_front(own_world):
    shelf = own_world.things["ShelvingUnit|2|1"]
    held = own_world.children(shelf.uid)
    assert len(held) >= 4
    x, y = shelf.body.T_world_body[:2, 3] + 1.2 * shelf.body.T_world_body[:2, 0]
    yaw = np.arctan2(-shelf.body.T_world_body[1, 0], -shelf.body.T_world_body[0, 0])
    ids = Renderer(own_world.scene, 320, 240, 90).ids(camera_pose(base_pose(x, y, yaw), 1.2, 0.3))
    for thing in held:
        assert np.count_nonzero(ids == thing.body.number) > 30, thing.uid


def test_moving_a_thing_moves_its_pixels_and_shows_what_is_behind(own_house):
    world = World(parse_house(own_house, "test"), AssetTable())
    ball = world.things["BasketBall|2|1"]
    x, y, _ = ball.body.T_world_body[:3, 3]
    renderer = Renderer(world.scene, 160, 120, 90)
    T = camera_pose(base_pose(x - 1.0, y, 0.0), 1.5, 0.8)
    before = renderer.ids(T) == ball.body.number
    there = ball.body.T_world_body.copy()
    there[1, 3] += 0.3
    world.move(ball, there)
    _, depth, ids = renderer.render(T)
    after = ids == ball.body.number
    assert before.any()
    assert after.any()
    assert np.argwhere(after)[:, 1].mean() < np.argwhere(before)[:, 1].mean() - 10  # to the left
    behind = before & ~after
    assert set(ids[behind]) <= {body.number for body in world.scene.bodies if body.label == "floor"}
    assert (depth[behind] > 0).all()


def test_what_stands_on_a_moved_thing_moves_with_it(own_house):
    world = World(parse_house(own_house, "test"), AssetTable())
    table, mug = world.things["CoffeeTable|2|1"], world.things["Mug|2|1"]
    before = mug.body.T_world_body[:3, 3].copy()
    there = table.body.T_world_body.copy()
    there[:3, 3] += [0.1, 0.2, 0.0]
    world.move(table, there)
    np.testing.assert_allclose(mug.body.T_world_body[:3, 3] - before, [0.1, 0.2, 0.0], atol=1e-9)


def test_an_l_shaped_room_is_whole(own_house):
    corners = [(0, 0), (6, 0), (6, 3), (3, 3), (3, 6), (0, 6)]
    floor = [{"x": x, "y": 0, "z": z} for x, z in corners]
    walls = [
        {
            "id": f"wall|2|{i}",
            "roomId": "room|2",
            "polygon": [{"x": x, "y": y, "z": z} for y in (0, 2.5) for x, z in (a, b)],
        }
        for i, (a, b) in enumerate(zip(corners, corners[1:] + corners[:1], strict=True))
    ]
    room = {"id": "room|2", "roomType": "Bedroom", "floorPolygon": floor}
    world = World(parse_house({"rooms": [room], "walls": walls, "objects": []}, "L"), AssetTable())
    renderer = Renderer(world.scene, 160, 120, 90)
    for x, y in ((1.0, -1.0), (5.0, -1.0), (1.0, -5.0), (3.2, -2.8)):
        for yaw in range(6):
            _, depth, _ = renderer.render(camera_pose(base_pose(x, y, yaw), 1.5, 0.3 * (yaw - 2)))
            assert (depth > 0).all()


@pytest.mark.parametrize(
    "shape",
    [
        "box",
        "table",
        "chair",
        "sofa",
        "bed",
        "shelf",
        "cabinet",
        "basin",
        "counter",
        "lamp",
        "plant",
        "laptop",
        "toilet",
        "drawer",
        "screen",
    ],
)
def test_the_boxes_of_a_shape_fill_the_extent_and_stay_inside(shape):
    extent = Extent((0.5, 0.8, 1.0), ())
    parts = parts_of(shape, extent)
    low = np.min([part.box.minimum for part in parts], axis=0)
    high = np.max([part.box.maximum for part in parts], axis=0)
    np.testing.assert_allclose(low, extent.low, atol=1e-9)
    np.testing.assert_allclose(high, extent.high, atol=1e-9)


@pytest.mark.parametrize("shape", ["box", "table", "chair", "sofa", "bed", "shelf", "basin", "counter"])
def test_no_shape_swallows_what_it_holds(shape):
    held = (Box.of((0.05, 0.1, -0.1), (0.1, 0.1, 0.1)), Box.of((0.0, -0.2, 0.2), (0.08, 0.08, 0.1)))
    for things in (held[:1], held[1:], held):
        boxes = [part.box for part in parts_of(shape, Extent((0.5, 0.8, 1.0), things))]
        assert not any(box.distance_m(thing.center) == 0 for box in boxes for thing in things)


def test_impossible_cameras_are_refused(own_world):
    for arguments in ((0, 10, 90.0), (10, 10, 0.5), (10, 10, 200.0), (10, 10**6, 90.0)):
        with pytest.raises(BadSettings, match="camera"):
            Renderer(own_world.scene, *arguments)


@pytest.mark.parametrize("shape", ["box", "table", "chair", "sofa", "bed", "shelf", "cabinet", "basin"])
def test_what_is_held_rests_on_something(shape):
    held = (Box.of((0.0, 0.1, -0.05), (0.1, 0.1, 0.1)), Box.of((0.1, -0.2, 0.1), (0.08, 0.08, 0.1)))
    boxes = [part.box for part in parts_of(shape, Extent((0.5, 0.8, 1.0), held))]
    for thing in held:
        x, y, _ = thing.center
        under = [box for box in boxes if box.distance_m((x, y, box.center[2])) == 0]
        assert min(abs(box.maximum[2] - thing.minimum[2]) for box in under) <= 0.011
