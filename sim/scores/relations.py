# SPDX-License-Identifier: Apache-2.0
"""Relations of a scene graph against the true ones: what is on or in what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memory_core.graph import SceneGraph
from sim.scores.objects import Match
from sim.types import SimObject

Triple = tuple[str, str, str]

_PREDICATES = ("on", "in")


@dataclass(frozen=True, slots=True)
class RelationScore:
    """Agreement about what is on or in what, among the objects that both know. Figures about nothing are 1.0.

    Attributes:
        missed, spurious: (uid, predicate, uid of the parent).
    """

    precision: float
    recall: float
    n_true: int
    missed: tuple[Triple, ...]
    spurious: tuple[Triple, ...]

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def score_relations(graph: SceneGraph, truth: Sequence[SimObject], matches: Sequence[Match]) -> RelationScore:
    """Compare relations between objects that have a match; O(relations + objects).

    What nobody could know (an object that is not in the graph) is the objects' score, not this one's.
    """
    uids = {match.instance_id: match.uid for match in matches}
    known = set(uids.values())
    true = {(o.uid, o.relation, o.parent) for o in truth if o.relation and o.uid in known and o.parent in known}
    told = {
        (uids[one.subject], one.predicate, uids[one.object])
        for one in graph.relations
        if one.predicate in _PREDICATES and one.subject in uids and one.object in uids
    }
    right = len(true & told)
    return RelationScore(
        precision=right / len(told) if told else 1.0,
        recall=right / len(true) if true else 1.0,
        n_true=len(true),
        missed=tuple(sorted(true - told)),
        spurious=tuple(sorted(told - true)),
    )
