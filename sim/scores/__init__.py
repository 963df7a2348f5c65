# SPDX-License-Identifier: Apache-2.0
"""Truth and scores: how well a memory, a route or an answer agrees with a simulator. For evaluation only.

Answers are scored by `sim.scores.answers`, with the judges of `sim.questions`.
"""

from sim.scores.changes import Change, ChangeScore, score_changes
from sim.scores.objects import Match, ObjectScore, id_switches, score_objects
from sim.scores.relations import RelationScore, score_relations
from sim.scores.rooms import score_rooms, v_measure
from sim.scores.routes import RouteEpisode, RouteScore, ndtw, score_routes
from sim.scores.sightings import ENOUGH_PIXELS, Sighting, TruthfulSource, Witness, sightings, visible_pixels

__all__ = [
    "ENOUGH_PIXELS",
    "Change",
    "ChangeScore",
    "Match",
    "ObjectScore",
    "RelationScore",
    "RouteEpisode",
    "RouteScore",
    "Sighting",
    "TruthfulSource",
    "Witness",
    "id_switches",
    "ndtw",
    "score_changes",
    "score_objects",
    "score_relations",
    "score_rooms",
    "score_routes",
    "sightings",
    "v_measure",
    "visible_pixels",
]
