# SPDX-License-Identifier: Apache-2.0
"""Laws of the semantic map: labels are the patches that were painted, its size never changes, too little is nothing."""

from dataclasses import replace

import numpy as np
import pytest

from mapping.semantic_map import SemanticMap, SemanticMapSettings, semantic_map_of
from mapping.semantic_map.drawing import colour
from memory_core.errors import BadInput, BadSettings, CorruptMemory
from perception import TruthSegmenter

SMALL = SemanticMapSettings(size_m=5.0, cell_m=0.05)


def block(x, y, width, height):
    return [(x + i, y + j) for i in range(width) for j in range(height)]


@pytest.fixture
def painted():
    """Two chairs apart, one sofa, one cup; cells counted from the map's origin."""
    grid = SemanticMap(SMALL)
    grid.paint("chair", block(-40, -40, 6, 6))
    grid.paint("chair", block(20, 10, 5, 7))
    grid.paint("sofa", block(-10, 30, 21, 9))
    grid.paint("cup", block(0, 0, 2, 2))
    return grid


def test_every_painted_patch_gets_its_label_at_its_middle(painted):
    found = [(label, n_cells) for label, _, _, n_cells in painted.labels()]
    middles = np.array([(label.x, label.y) for label in painted.labels()])
    wanted = np.array([(-37, -37), (22.5, 13.5), (0.5, 34.5)]) * 0.05

    assert found == [("chair", 36), ("chair", 35), ("sofa", 189)]
    assert np.abs(middles - wanted).max() <= 0.05


def test_what_is_smaller_than_the_limit_gets_no_label_unless_its_class_may(painted):
    lenient = SemanticMap(SMALL, min_cells_of={"cup": 4})
    lenient.restore(painted.state())

    assert "cup" not in {label.label for label in painted.labels()}
    assert "cup" in {label.label for label in lenient.labels()}


def test_patches_that_touch_only_at_a_corner_are_one(painted):
    painted.paint("sofa", block(11, 39, 5, 5))

    assert [n for label, _, _, n in painted.labels() if label == "sofa"] == [189 + 25]


def test_too_few_hits_never_make_a_label_however_often_they_come():
    grid = SemanticMap(SMALL)
    for _ in range(10):
        grid.paint("chair", block(0, 0, 6, 6), hits=SMALL.hits - 1)
    assert grid.labels() == []

    grid.paint("chair", block(0, 0, 6, 6), hits=SMALL.hits)
    assert [label.label for label in grid.labels()] == ["chair"]


@pytest.fixture
def kitchen(box_world):
    box_world.put("table", (0, 0, 0.36), (1.03, 0.63, 0.73))
    box_world.put("chair", (0.2, -0.75, 0.41), (0.43, 0.43, 0.83))
    return box_world


def observed(frames, **options):
    grid = SemanticMap(SMALL, **options)
    sizes = set()
    for frame in frames:
        grid.observe(frame, TruthSegmenter(min_pixels=8).segment(frame))
        sizes.add(len(grid.state()))
    return grid, sizes


def test_its_bytes_are_as_many_after_a_tour_as_before_the_first_frame(kitchen):
    _, sizes = observed(kitchen.walk_around(n=16))

    assert sizes == {len(SemanticMap(SMALL).state())}


def test_frames_paint_what_they_show_where_it_is(kitchen):
    grid, _ = observed(kitchen.walk_around(n=16))
    found = {label.label: label for label in grid.labels()}

    assert set(found) == {"table", "chair"}
    for name, label in found.items():
        box = kitchen.boxes[name]
        assert box.distance_m((label.x, label.y, box.center[2])) == 0.0
    for i, j in np.argwhere(grid.channel("table")):
        x, y = np.array([i, j]) * 0.05 + grid.origin + 0.025
        assert kitchen.boxes["table"].distance_m((x, y, 0.4)) < 0.08
    assert grid.channel("explored").sum() > grid.channel("obstacle").sum() > 0


def test_a_tour_leaves_its_way_and_where_it_ended(kitchen):
    frames = kitchen.walk_around(n=60)
    grid, _ = observed(frames)
    past, current = np.argwhere(grid.channel("past")), np.argwhere(grid.channel("current"))
    radii = np.linalg.norm(past * 0.05 + grid.origin + 0.025, axis=1)
    end = np.floor((frames[-1].T_world_cam[:2, 3] - grid.origin) / 0.05)

    assert current.tolist() == [end.tolist()]
    assert np.abs(radii - 1.8).max() < 0.1
    assert len(past) > 150


def test_walls_and_doors_are_never_things(kitchen):
    kitchen.labels["chair"] = "door"
    grid, _ = observed(kitchen.walk_around(n=8))

    assert "door" not in grid.classes


def test_a_map_that_follows_keeps_what_it_still_shows_in_place(painted):
    before = {(label.label, label.n_cells): (label.x, label.y) for label in painted.labels()}
    painted.recenter(0.5, 0.25)
    after = {(label.label, label.n_cells): (label.x, label.y) for label in painted.labels()}

    assert after == {key: pytest.approx(value) for key, value in before.items()}
    assert painted.origin == pytest.approx((0.5 - 2.5, 0.25 - 2.5))


def test_what_leaves_the_square_is_forgotten(painted):
    painted.recenter(100.0, 0.0)
    painted.recenter(0.0, 0.0)

    assert painted.labels() == []


def test_the_robot_stays_in_the_middle_half_of_a_map_that_follows():
    grid = SemanticMap(SMALL, follows=True)
    for x in np.arange(0, 30, 0.1):
        grid.stand_at(float(x), 0.0)
        i, j = np.argwhere(grid.channel("current"))[0]
        assert 25 <= i <= 75
        assert 25 <= j <= 75


def test_classes_beyond_the_channels_share_the_first():
    grid = SemanticMap(replace(SMALL, n_classes=3))
    for number, name in enumerate(("a", "b", "c", "d")):
        grid.paint(name, block(-40 + 20 * number, 0, 5, 5))

    assert grid.classes == ["object", "a", "b"]
    assert [label.label for label in grid.labels()] == ["a", "b", "object", "object"]
    assert grid.channels().shape == (4 + 3, 100, 100)


def test_a_restored_map_is_the_same(painted):
    painted.stand_at(0.3, 0.3)
    painted.stand_at(1.3, -0.3)
    other = SemanticMap(SMALL, center=(7.0, 7.0))
    other.restore(painted.state())

    assert other.state() == painted.state()
    assert other.labels() == painted.labels()
    assert np.array_equal(other.image(), painted.image())


def test_the_picture_shows_classes_where_they_are_with_up_as_y(painted):
    painted.min_cells_of = {"chair": 10**6, "sofa": 10**6}  # no names over the cells
    picture = painted.image(pixels_per_cell=3)
    column, row = (50 + 22) * 3, (100 - (50 + 13)) * 3

    assert picture.shape == (300, 300, 3)
    assert tuple(picture[row, column]) == colour("chair")


def test_names_are_written_over_their_patches(painted):
    with_names = painted.image(4)
    painted.min_cells_of = {"chair": 10**6, "sofa": 10**6}

    assert (with_names != painted.image(4)).any(axis=2).sum() > 500


def test_the_map_of_a_memory_has_its_objects_and_columns(kitchen, mapped):
    mapper, _ = mapped(kitchen.walk_around(n=24))
    grid = semantic_map_of(mapper.graph(), mapper.octree, SMALL, center=(0.0, 0.0), trail=[(1.8, 0.0), (0.0, 1.8)])
    found = {label.label: label for label in grid.labels()}

    assert set(found) == {"table", "chair"}
    for name, label in found.items():
        box = kitchen.boxes[name]
        assert np.hypot(label.x - box.center[0], label.y - box.center[1]) < 0.1
        footprint = box.size[0] * box.size[1] / 0.05**2
        assert 0.5 * footprint < label.n_cells < 1.5 * footprint
    assert grid.channel("current").sum() == 1
    assert grid.channel("past").sum() > 30
    assert (grid.channel("obstacle") <= grid.channel("explored")).all()


@pytest.mark.parametrize("cell_m", [0.03, 0.05, 0.12])
def test_cells_need_not_be_as_large_as_voxels(kitchen, mapped, cell_m):
    mapper, _ = mapped(kitchen.walk_around(n=12))
    settings = replace(SMALL, cell_m=cell_m, min_cells=3)
    areas = {label.label: label.n_cells * cell_m**2 for label in
             semantic_map_of(mapper.graph(), mapper.octree, settings, center=(0.0, 0.0)).labels()}  # fmt: skip

    assert areas["table"] == pytest.approx(1.03 * 0.63, rel=0.4)


def test_where_channels_run_out_the_largest_classes_have_them(kitchen, mapped):
    mapper, _ = mapped(kitchen.walk_around(n=12))
    grid = semantic_map_of(mapper.graph(), mapper.octree, replace(SMALL, n_classes=2), center=(0.0, 0.0))

    assert grid.classes == ["object", "table"]
    assert [label.label for label in grid.labels()] == ["object", "table"]


def test_an_empty_memory_gives_an_empty_map(mapped):
    from mapping import Octree
    from memory_core.graph import SceneGraph

    grid = semantic_map_of(SceneGraph(0), Octree(), SMALL)

    assert grid.labels() == []
    assert not grid.channels().any()


def test_states_of_other_maps_and_torn_ones_are_refused(painted):
    with pytest.raises(CorruptMemory, match="semantic map: want one of"):
        SemanticMap(replace(SMALL, n_classes=4)).restore(painted.state())
    with pytest.raises(CorruptMemory):
        SemanticMap(SMALL).restore(painted.state()[:100])


def test_impossible_requests_are_refused(painted):
    with pytest.raises(BadInput, match=r"channel: want one of obstacle, .*, got 'ghost'"):
        painted.channel("ghost")
    with pytest.raises(BadInput, match="pixels_per_cell"):
        painted.image(0)
    with pytest.raises(BadSettings, match="cell_m"):
        SemanticMap(replace(SMALL, cell_m=0.0))
