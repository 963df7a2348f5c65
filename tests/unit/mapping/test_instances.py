# SPDX-License-Identifier: Apache-2.0
"""One thing is one instance, two things are two, however they are seen."""

import numpy as np
import pytest

from mapping import Mapper, MapperSettings
from mapping.objects.instances import robust_box
from memory_core.segment import Segment
from perception import TruthSegmenter


def labels(graph):
    return sorted(i.label for i in graph.instances.values() if i.state == "present")


def test_things_that_touch_and_are_of_one_class_stay_two(box_world, mapped):
    box_world.put("pillow1", (-0.2, 0, 0.1), (0.4, 0.4, 0.2))
    box_world.put("pillow2", (0.2, 0, 0.1), (0.4, 0.4, 0.2))
    mapper, _ = mapped(box_world.walk_around())

    assert labels(mapper.graph()) == ["pillow", "pillow"]


def test_things_seen_side_by_side_stay_two_though_their_boxes_overlap(box_world, mapped):
    box_world.put("crate1", (0, 0, 0.2), (1.0, 1.0, 0.4))
    box_world.put("crate2", (0.42, 0.42, 0.3), (0.3, 0.3, 0.6))
    mapper, _ = mapped(box_world.walk_around())

    assert labels(mapper.graph()) == ["crate", "crate"]


def test_a_thing_seen_from_its_two_sides_with_a_gap_between_is_one(box_world, mapped):
    box_world.put("cabinet", (0, 0, 0.5), (0.5, 0.8, 1.0))
    front = [box_world.frame((2.0, 0.1 * k, 1.6), (0, 0, 0.5), 0.1 * k) for k in range(6)]
    back = [box_world.frame((-2.0, 0.1 * k, 1.6), (0, 0, 0.5), 5.0 + 0.1 * k) for k in range(6)]
    mapper, _ = mapped(front + back)

    assert labels(mapper.graph()) == ["cabinet"]


def test_things_of_other_classes_do_not_merge_however_close(box_world, mapped):
    box_world.put("plate", (0, 0, 0.01), (0.25, 0.25, 0.02))
    box_world.put("apple", (0, 0, 0.06), (0.08, 0.08, 0.08), colour=(40, 180, 40))
    mapper, _ = mapped(box_world.walk_around(target=(0, 0, 0.1), radius_m=1.0))

    assert labels(mapper.graph()) == ["apple", "plate"]


def test_a_glimpse_is_not_an_object(box_world, mapped):
    box_world.put("cat", (0, 0, 0.2), (0.3, 0.3, 0.4))
    frames = [box_world.frame((1.5, 0, 1.0), (0, 0, 0.3), 0.1 * k) for k in range(2)]
    mapper, _ = mapped(frames)

    assert labels(mapper.graph()) == []


def test_colour_and_size_are_said_in_words(box_world, mapped):
    box_world.put("ball", (0, 0, 0.15), (0.3, 0.3, 0.3), colour=(220, 20, 20))
    box_world.put("crate", (1.0, 0, 0.25), (0.6, 0.5, 0.5), colour=(20, 40, 210))
    mapper, _ = mapped(box_world.walk_around(target=(0.5, 0, 0.3), radius_m=2.0))
    words = {i.label: i.words for i in mapper.graph().instances.values()}

    assert words == {"ball": ("small", "red"), "crate": ("medium", "blue")}


def test_a_segmenter_that_wavers_between_two_names_makes_one_thing(box_world):
    box_world.put("mug", (0, 0, 0.1), (0.2, 0.2, 0.2))
    mapper, segmenter = Mapper(), TruthSegmenter(min_pixels=8)
    for k, frame in enumerate(box_world.walk_around(radius_m=1.2)):
        scores = {"mug": 0.6, "cup": 0.4} if k % 3 else {"mug": 0.4, "cup": 0.6}
        mapper.integrate(frame, [Segment(s.box_px, s.mask, scores, "test") for s in segmenter.segment(frame)])
    (one,) = mapper.update(final=True).graph.instances.values()

    assert one.label == "mug"
    assert sum(one.label_scores.values()) == pytest.approx(1.0, abs=1e-3)
    assert set(one.label_scores) == {"mug", "cup"}


def test_the_order_of_the_segments_does_not_matter_for_what_is_found(box_world):
    for k in range(4):
        box_world.put(f"cup{k}", (0.3 * k - 0.45, 0, 0.1), (0.12, 0.12, 0.2), colour=(50 * k, 90, 200))
    frames = box_world.walk_around(n=12)
    found = []
    for turn in (1, -1):
        mapper, segmenter = Mapper(), TruthSegmenter(min_pixels=8)
        for frame in frames:
            mapper.integrate(frame, segmenter.segment(frame)[::turn])
        graph = mapper.update(final=True).graph
        found.append(sorted(i.box.center for i in graph.instances.values()))

    np.testing.assert_allclose(found[0], found[1], atol=1e-3)


def test_the_voxels_kept_for_one_thing_are_bounded(box_world, mapped):
    box_world.put("wall unit", (0, 0, 0.9), (2.0, 0.5, 1.8))
    mapper = Mapper(MapperSettings(instance_voxels=200))
    mapper, _ = mapped(box_world.walk_around(radius_m=2.5), mapper=mapper)

    assert all(0 < len(mapper._surface(one)) <= 200 for one in mapper.graph().instances)


def test_a_stray_voxel_does_not_stretch_a_box(rng):
    points = rng.uniform(0, 1, (500, 3)).astype(np.float32)
    points[7] = (9.0, 9.0, 9.0)
    box = robust_box(np.full(500, 5, np.uint16), points, trim=0.01)

    assert max(box.maximum) <= 1.0
    assert min(box.size) > 0.9
