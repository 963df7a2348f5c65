# SPDX-License-Identifier: Apache-2.0
"""Laws of the images that explain the objects: each object by exactly one, few of them, and little changes."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mapping.snapshots import Snapshots

OBJECTS = [f"o{n}" for n in range(1, 9)]
SHOWN = st.dictionaries(st.sampled_from(OBJECTS), st.integers(1, 5000), max_size=5)
STEP = st.one_of(st.tuples(st.just("see"), SHOWN), st.tuples(st.just("forget"), st.sampled_from(OBJECTS)))
HISTORY = st.lists(st.lists(STEP, max_size=4), max_size=6)


def where(seed=0):
    rng = np.random.default_rng(seed)
    return {name: tuple(rng.uniform(-3, 3, 3)) for name in OBJECTS}


class Script:
    """Plays a history; knows which images show which object."""

    def __init__(self, centers=None) -> None:
        self.snapshots = Snapshots()
        self.centers = centers or where()
        self.views: dict[str, dict[str, int]] = {}
        self.n_images = 0

    def play(self, steps):
        for kind, value in steps:
            if kind == "see":
                self.n_images += 1
                image = f"k{self.n_images}"
                self.snapshots.see(image, value)
                for name, n_pixels in value.items():
                    self.views.setdefault(name, {})[image] = n_pixels
            else:
                self.snapshots.forget(value)
                self.views.pop(value, None)
        return self.snapshots.update(self.centers)

    def images(self):
        return {image for views in self.views.values() for image in views}


@given(HISTORY)
@settings(deadline=None)
def test_every_object_that_an_image_shows_is_in_exactly_one_snapshot_which_shows_it(history):
    script = Script()
    for steps in history:
        script.play(steps)
        members = [name for names in script.snapshots.all().values() for name in names]
        assert sorted(members) == sorted(script.views)
        for image, names in script.snapshots.all().items():
            assert all(image in script.views[name] for name in names)


@given(HISTORY)
@settings(deadline=None)
def test_there_are_never_more_snapshots_than_images_or_objects(history):
    script = Script()
    for steps in history:
        script.play(steps)
        assert len(script.snapshots.all()) <= min(len(script.images()), len(script.views))


@given(HISTORY, st.lists(STEP, min_size=1, max_size=2))
@settings(deadline=None)
def test_what_was_not_touched_and_shares_no_snapshot_with_what_was_keeps_its_snapshot(history, steps):
    script = Script()
    for earlier in history:
        script.play(earlier)
    before = script.snapshots.all()
    touched = {name for kind, value in steps for name in (value if kind == "see" else [value])}
    script.play(steps)
    for image, names in before.items():
        if touched.isdisjoint(names):
            assert set(names) <= set(script.snapshots.all()[image])


@given(HISTORY)
@settings(deadline=None)
def test_the_answers_of_the_updates_add_up_to_what_is_known(history):
    script, told = Script(), {}
    for steps in history:
        told.update(script.play(steps))
    assert {name: image for name, image in told.items() if image} == {
        name: script.snapshots.of(name) for name in script.views
    }


@given(HISTORY, HISTORY)
@settings(deadline=None)
def test_a_restart_leaves_no_trace(first, second):
    whole, resumed = Script(), Script()
    for steps in first:
        whole.play(steps)
        resumed.play(steps)
    again = Snapshots()
    again.restore(json.loads(json.dumps(resumed.snapshots.state(), sort_keys=True)))
    resumed.snapshots = again
    for steps in second:
        assert whole.play(steps) == resumed.play(steps)
    assert whole.snapshots.state() == resumed.snapshots.state()


def test_objects_that_one_image_shows_together_share_it():
    script = Script({"o1": (0, 0, 0), "o2": (0.2, 0, 0), "o3": (5, 0, 0), "o4": (5.2, 0, 0)})
    script.play([("see", {"o1": 900}), ("see", {"o2": 900}), ("see", {"o1": 500, "o2": 500})])
    script.play([("see", {"o3": 100, "o4": 100})])
    assert script.snapshots.all() == {"k3": ("o1", "o2"), "k4": ("o3", "o4")}


def test_an_image_that_hardly_shows_an_object_does_not_explain_it():
    script = Script({"o1": (0, 0, 0), "o2": (0.2, 0, 0)})
    script.play([("see", {"o1": 5000, "o2": 20}), ("see", {"o2": 900})])
    assert script.snapshots.all() == {"k1": ("o1",), "k2": ("o2",)}


def test_a_hundred_objects_seen_by_a_thousand_images_need_few():
    rng = np.random.default_rng(1)
    places = rng.uniform(0, 20, (100, 3)) * (1, 1, 0.1)
    script = Script({f"o{n}": tuple(place) for n, place in enumerate(places)})
    for _ in range(50):
        steps = []
        for eye in rng.uniform(0, 20, (20, 2)):
            near = np.flatnonzero(np.linalg.norm(places[:, :2] - eye, axis=1) < 3.0)
            steps.append(("see", {f"o{n}": int(rng.integers(800, 1200)) for n in near}))
        script.play(steps)
    assert len(script.snapshots.all()) <= 40
