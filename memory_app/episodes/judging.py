# SPDX-License-Identifier: Apache-2.0
"""A memory against the truth of a simulator: every figure of the scores, and what they come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memory_core.memory import Memory
from sim import Simulator
from sim.questions import generate
from sim.scores import ENOUGH_PIXELS, Sighting, score_objects, score_relations, score_rooms
from sim.scores.answers import score_answers

Figures = dict[str, float | None]


def judge(
    memory: Memory, sim: Simulator, seen: Mapping[str, Sighting], seed: int = 0
) -> tuple[Figures, dict[str, Any]]:
    """Figures of a memory, and what was missed or invented. O(objects^3 + questions).

    Args:
        seen: of all frames that the memory is made of.
        seed: of the questions' wording.
    """
    graph, truth = memory.graph(), sim.objects()
    pixels = {uid: sighting.n_pixels for uid, sighting in seen.items()}
    objects = score_objects(graph, truth, pixels)
    relations = score_relations(graph, truth, objects.matches)
    answers = score_answers(generate(truth, sim.rooms(), seen, seed=seed), memory.ask)
    n_clear = sum(pixels.get(o.uid, 0) >= ENOUGH_PIXELS for o in truth)
    figures: Figures = {
        "object recall": objects.recall,
        "object precision": objects.precision,
        "objects seen clearly": n_clear / max(1, len(truth)),
        "centre error m": objects.median_center_error_m,
        "size error m": objects.median_size_error_m,
        "IoU": objects.mean_iou,
        "right room": objects.room_accuracy,
        "relation F1": relations.f1,
        "room V": score_rooms(graph, sim.rooms()),
        "answers exact": answers.exact,
        "answers within": answers.within,
    }
    labels = {o.uid: o.label for o in truth}
    details = {
        "missed": {uid: [labels[uid], pixels[uid]] for uid in objects.missed},
        "spurious": {
            id: [graph.instances[id].label, *_rounded(graph.instances[id].position)] for id in objects.spurious
        },
        "relations missed": [list(one) for one in relations.missed],
        "relations spurious": [list(one) for one in relations.spurious],
        "wrong answers": dict(answers.wrong),
    }
    return figures, details


def _rounded(point: tuple[float, float, float]) -> list[float]:
    return [round(value, 2) for value in point]
