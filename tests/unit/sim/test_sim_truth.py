# SPDX-License-Identifier: Apache-2.0
"""Scores, questions and tasks that follow from the truth."""

from dataclasses import replace

import numpy as np
import pytest

from memory_core.geometry import Box
from memory_core.graph import Instance, Room, SceneGraph
from memory_core.question import Answer, Evidence, Question, Result
from sim import Action, AgentPose, house_source
from sim.questions import generate
from sim.scores import score_objects, sightings, visible_pixels
from sim.tasks import generate_tasks, is_near
from sim.wording import plural


@pytest.fixture(scope="module")
def seen(tour):
    return sightings(tour)


@pytest.fixture(scope="module")
def pixels(tour, seen):
    """Pixels by uid, as `visible_pixels` counts them."""
    return {o.uid: seen[o.uid].n_pixels if o.uid in seen else 0 for o in tour.objects()}


def perfect_graph(tour, pixels, min_pixels=1000):
    instances = {}
    for n, o in enumerate(tour.objects()):
        if pixels[o.uid] >= min_pixels:
            instances[f"o{n}"] = Instance(
                f"o{n}", o.label, {o.label: 1.0}, o.box, "present", 0, 0, 3, 1.0, (), f"r{o.room_id}"
            )
    rooms = {f"r{r.id}": Room(f"r{r.id}", r.label, r.box.center, r.box) for r in tour.rooms()}
    return SceneGraph(0, instances, rooms=rooms)


def with_instances(graph, instances):
    return replace(graph, instances={i.id: i for i in instances})


def test_the_truth_itself_scores_full_marks(tour, pixels):
    score = score_objects(perfect_graph(tour, pixels), tour.objects(), pixels)
    assert (score.recall, score.precision, score.room_accuracy) == (1, 1, 1)
    assert (score.median_center_error_m, score.p95_center_error_m, score.missed, score.spurious) == (0, 0, (), ())


def test_an_empty_memory_recalls_nothing_and_says_nothing_wrong(tour, pixels):
    score = score_objects(SceneGraph(0), tour.objects(), pixels)
    assert (score.recall, score.precision) == (0, 1)
    assert len(score.missed) == sum(n >= 1000 for n in pixels.values())


def test_every_kind_of_fault_costs_what_it_should(tour, pixels):
    graph = perfect_graph(tour, pixels)
    kept = list(graph.instances.values())
    n = len(kept)
    assert score_objects(with_instances(graph, kept[1:]), tour.objects(), pixels).recall == pytest.approx(1 - 1 / n)
    twice = score_objects(with_instances(graph, [*kept, replace(kept[0], id="double")]), tour.objects(), pixels)
    assert twice.precision == pytest.approx(n / (n + 1))
    assert len(twice.spurious) == 1
    wrong = score_objects(with_instances(graph, [replace(kept[0], label="piano"), *kept[1:]]), tour.objects(), pixels)
    assert (wrong.spurious, wrong.recall) == ((kept[0].id,), pytest.approx(1 - 1 / n))
    shifted = [replace(i, box=Box.of(np.add(i.box.center, (0.03, 0, 0)), i.box.size)) for i in kept]
    assert score_objects(with_instances(graph, shifted), tour.objects(), pixels).median_center_error_m == pytest.approx(
        0.03
    )
    room = kept[0].room_id
    moved = [replace(kept[0], room_id=next(r for r in sorted(graph.rooms) if r != room)), *kept[1:]]
    assert score_objects(with_instances(graph, moved), tour.objects(), pixels).room_accuracy == pytest.approx(1 - 1 / n)
    gone = [replace(kept[0], state="gone"), *kept[1:]]
    assert score_objects(with_instances(graph, gone), tour.objects(), pixels).missed


def test_two_rooms_of_the_memory_cannot_both_be_the_same_room(tour, pixels):
    graph = perfect_graph(tour, pixels)
    kitchen = [i for i in graph.instances.values() if i.room_id == "rroom|3"]
    split = [replace(i, room_id="rextra") if i in kitchen[: len(kitchen) // 3] else i for i in graph.instances.values()]
    score = score_objects(with_instances(graph, split), tour.objects(), pixels)
    assert score.room_accuracy == pytest.approx(1 - len(kitchen) // 3 / len(split))


def test_a_thing_never_seen_must_not_be_known(tour, pixels):
    graph = perfect_graph(tour, pixels)
    hidden = next(o for o in tour.objects() if pixels[o.uid] == 0)
    known = Instance("ghost", hidden.label, {hidden.label: 1.0}, hidden.box, "present", 0, 0, 3, 1.0)
    score = score_objects(with_instances(graph, [*graph.instances.values(), known]), tour.objects(), pixels)
    assert score.spurious == ("ghost",)


def test_pixels_and_stamps_of_sightings_agree_with_the_frames(bathroom):
    tour = house_source(bathroom, width=80, height=60)
    stamps = [frame.stamp_ns for frame in tour.frames()]
    seen, pixels = sightings(tour), visible_pixels(tour)
    assert set(pixels) == {o.uid for o in tour.objects()} >= set(seen)
    assert len(seen) >= 5
    for uid, sighting in seen.items():
        assert pixels[uid] == sighting.n_pixels > 0
        assert stamps[0] <= sighting.first_ns <= sighting.last_clear_ns <= sighting.last_ns <= stamps[-1]


class Oracle:
    """Answers generated questions from the truth, knowing what each is about from the judge's own wording."""

    def __init__(self, tour, seen):
        self.objects = [o for o in tour.objects() if o.uid in seen]
        self.seen = seen

    def result(self, o):
        sighting = self.seen[o.uid]
        proof = (Evidence(1, sighting.last_ns, "k1"),)
        return Result(
            o.uid, "object", o.label, o.box.center, o.box.size, "map", o.room_id, "", "present",
            sighting.first_ns, sighting.last_ns, 0.0, 1.0, evidence=proof,
        )  # fmt: skip

    def answer(self, objects, status="found", count=None):
        results = tuple(self.result(o) for o in objects)
        return Answer(Question(kind="where"), status, "", results, len(results) if count is None else count)


@pytest.fixture(scope="module")
def asked(tour, seen):
    return generate(tour.objects(), tour.rooms(), seen, seed=1, min_pixels=250)


def test_there_are_many_questions_of_every_kind(asked):
    kinds = {question.kind for question in asked}
    assert len(asked) >= 50
    assert {"where", "near", "in_room", "on", "last_seen", "count", "count_in_room"} <= kinds
    assert len({question.text for question in asked}) > 0.95 * len(asked)


def test_questions_depend_only_on_the_seed(tour, seen, asked):
    again = generate(tour.objects(), tour.rooms(), seen, seed=1, min_pixels=250)
    other = generate(tour.objects(), tour.rooms(), seen, seed=2, min_pixels=250)
    assert [q.text for q in again] == [q.text for q in asked]
    assert [q.text for q in other] != [q.text for q in asked]


def test_some_answer_from_the_truth_satisfies_every_judge_and_nonsense_satisfies_none(tour, seen, asked):
    oracle = Oracle(tour, seen)
    labels = sorted({o.label for o in oracle.objects})
    sets = [[o for o in oracle.objects if o.label == label] for label in labels]
    sets += [[o for o in oracle.objects if o.room_id == room.id] for room in tour.rooms()]
    sets += [[o for o in oracle.objects if o.parent == p.uid] for p in oracle.objects]
    sets += [[o for o in oracle.objects if o.uid != p.uid and o.box.gap_m(p.box) < 0.5][:10] for p in oracle.objects]
    answers = [oracle.answer(objects) for objects in sets if objects]
    answers += [Answer(Question(kind="where"), "not_seen", "")]
    answers += [Answer(Question(kind="count"), "found", "", count=n) for n in range(12)]
    for question in asked:
        assert any(question.check(answer) is None for answer in answers), question.text
        assert any(question.check(answer) for answer in answers), question.text
        assert question.check(Answer(None, "unsupported", "")), question.text


def test_an_answer_without_evidence_is_refused(tour, seen, asked):
    oracle = Oracle(tour, seen)
    question = next(q for q in asked if q.kind == "where" and q.check(oracle.answer([])) and "sofa" in q.text)
    good = oracle.answer([o for o in oracle.objects if o.label == "sofa"])
    assert question.check(good) is None
    bare = replace(good, results=tuple(replace(r, evidence=()) for r in good.results))
    assert question.check(bare) == "a result has no evidence"


@pytest.mark.parametrize(
    ("one", "many"),
    [("mug", "mugs"), ("box", "boxes"), ("knife", "knives"), ("watch", "watches"), ("berry", "berries")],
)
def test_plurals(one, many):
    assert plural(one) == many


def test_tasks_are_of_all_kinds_and_open_at_the_start(simulator, seen):
    simulator.reset()
    before = simulator.objects()
    tasks = generate_tasks(simulator, seen, n_tasks=30, seed=0, min_pixels=250)
    assert len(tasks) == 30
    assert {task.kind for task in tasks} == {"go_to", "find", "pick_and_place"}
    assert not any(task.check(simulator) for task in tasks)
    assert simulator.objects() == before
    assert [t.text for t in generate_tasks(simulator, seen, n_tasks=30, min_pixels=250)] == [t.text for t in tasks]


def test_a_done_task_is_judged_done(simulator, seen, look_at):
    simulator.reset()
    tasks = {t.text: t for t in generate_tasks(simulator, seen, n_tasks=160, min_pixels=250)}
    look_at(simulator, "Toilet|5|1", distance_m=0.5)
    assert tasks["go to the toilet"].check(simulator)
    assert tasks["find the toilet"].check(simulator)
    assert tasks["go to the bathroom"].check(simulator)
    assert not tasks["go to the fridge"].check(simulator)
    text = next(text for text in sorted(tasks) if text.startswith("put the ") and text.endswith(" on the dining table"))
    uid = next(o.uid for o in simulator.objects() if f"put the {o.label} on" in text)
    look_at(simulator, uid)
    assert simulator.step(Action("PickupObject", uid)).ok
    assert not tasks[text].check(simulator)
    look_at(simulator, "DiningTable|3|1")
    assert simulator.step(Action("PutObject", "DiningTable|3|1")).ok
    assert tasks[text].check(simulator)


def test_near_means_within_a_metre_and_turned_to_it(simulator):
    simulator.reset()
    fridge = simulator.object("Fridge|3|1")
    x, y = fridge.box.center[0] + 1.1, fridge.box.center[1] + 0.6
    for yaw, near in ((np.pi + 0.5, True), (0.0, False)):
        assert simulator.step(Action("Teleport", pose=AgentPose(x=x, y=y, yaw_rad=yaw))).ok
        assert is_near(simulator, fridge) == near
