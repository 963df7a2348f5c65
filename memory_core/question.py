# SPDX-License-Identifier: Apache-2.0
"""One schema for questions and answers behind Python, the command line, ROS and agents."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

QuestionKind = Literal["where", "near", "in_room", "related", "last_seen", "count", "changed", "recall"]
Status = Literal["found", "not_seen", "gone", "ambiguous", "unsupported"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. Empty fields do not restrict.

    Attributes:
        kind: where is X; what is near X or a point; what is in ROOM; what is on/in X (related); when was X last
            seen; how many X (in ROOM); what changed since T; or recall, a plain filter.
        label: class asked for, singular, lower case, as the user said it.
        words: further words the object must match, e.g. ("red",).
        room: room label or id.
        reference: label of a landmark ("near the sofa"), words before it allowed ("on the white table").
        predicate: "on", "in" or "near", relation to the reference; of what changed: "appeared", "moved", "vanished"
            or "changed", the only kind of change wanted.
        near: (x, y, z) map frame, metres: only what is within `within_m`; without it, nearer matches come first.
        since_ns, until_ns: interval of time that matters.
        as_of_ns: answer as the memory stood at that time.
        now_ns: what "now" is; None means the newest stamp in the memory.
        limit: most results to list; `Answer.count` is exact regardless. With 1 the best match is meant, so several
            are not ambiguous.
        every: all matches are wanted ("the mugs"), so several of them are not ambiguous.
    """

    kind: QuestionKind
    label: str = ""
    words: tuple[str, ...] = ()
    room: str = ""
    reference: str = ""
    predicate: str = ""
    near: tuple[float, float, float] | None = None
    within_m: float | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    as_of_ns: int | None = None
    now_ns: int | None = None
    limit: int = 10
    every: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What proves an answer: the event and the kept image ("" if none) that shows it."""

    event_id: int
    stamp_ns: int
    snapshot: str


@dataclass(frozen=True, slots=True)
class Result:
    """One thing an answer speaks of. Positions and sizes are metres in `frame`; `words` are those of the instance."""

    id: str
    kind: str
    label: str
    position: tuple[float, float, float]
    size: tuple[float, float, float]
    frame: str
    room: str
    place: str
    state: str
    first_seen_ns: int
    last_seen_ns: int
    age_s: float
    confidence: float
    description: str = ""
    evidence: tuple[Evidence, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the memory says, why, and how sure it is.

    Attributes:
        question: None when the text was not understood (status "unsupported").
        count: for "how many": the exact number; results may be fewer because of the limit.
        text: one or more plain sentences.
    """

    question: Question | None
    status: Status
    text: str
    results: tuple[Result, ...] = ()
    count: int = 0
    latency_ms: float = 0.0
    examples: tuple[str, ...] = field(default_factory=tuple)

    def to_json(self) -> dict[str, Any]:
        """JSON values, as `tolman ask --json` prints them."""
        return asdict(self)
