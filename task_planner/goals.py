# SPDX-License-Identifier: Apache-2.0
"""Instructions to goals: which verb, which thing, where to. Says nothing about what the memory knows."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Literal

Verb = Literal["go", "find", "look", "take", "bring", "put", "open", "close", "switch on", "switch off"]

EXAMPLES = (
    "go to the sofa",
    "find the mug",
    "bring me the apple",
    "put the apple in the fridge",
    "open the drawer and then turn on the lamp",
)

MAX_CHARACTERS = 400
MAX_GOALS = 8


@dataclass(frozen=True, slots=True)
class Thing:
    """What a noun phrase says: "the red mug on the table in the kitchen".

    Attributes:
        phrase: the noun with its adjectives, articles removed ("red mug").
        relation, reference: "on", "in", "near" or "" (any of them) and the thing it refers to, None when not said.
        room: phrase of the room it is in, "" when not said.
    """

    phrase: str
    relation: str = ""
    reference: Thing | None = None
    room: str = ""

    def __str__(self) -> str:
        said = f"{self.phrase} {self.relation or 'at'} {self.reference}" if self.reference else self.phrase
        return f"{said} in {self.room}" if self.room else said


@dataclass(frozen=True, slots=True)
class Goal:
    """One thing to achieve; `relation` ("in", "on" or "" for either) and `destination` only for put."""

    verb: Verb
    thing: Thing
    relation: str = ""
    destination: Thing | None = None

    def __str__(self) -> str:
        end = f" {self.relation or 'to'} {self.destination}" if self.destination else ""
        return f"{self.verb} {self.thing}{end}"


_GO = (
    r"(?:go|drive|move|navigate|walk|head|come|travel|proceed|return|run|get)"
    r"(?: straight| over| back| up| down| closer)*"
    r" (?:to|towards?|near|next to|beside|by|into|in front of|close to|in|at)"
)
_LEAD = r"(?:take|bring|lead|guide|show) me(?: over| back)?(?: the way)? (?:to|into)"
_CARRY = r"(?:take|bring|carry|transport|deliver|transfer|fetch|get|move|return)"
_PUT = r"(?:put|place|set|lay|drop|leave|store|stow|insert|throw|stick|stash|move|return)(?: back| down| away)?"
_THING = r"(?P<x>\S.*?)"

# Tried in order; the first that matches the whole clause wins.
_PATTERNS: tuple[tuple[Verb, str], ...] = (
    ("go", rf"(?:{_GO}|{_LEAD}|visit|approach|enter) (?P<x>.+)"),
    ("bring", r"(?:bring|fetch|get|hand|give|pass|grab)(?: over)? me (?P<x>.+)"),
    ("bring", rf"(?:bring|fetch|get|hand|give|pass|carry|take) {_THING}(?: over| back)?(?: to me| here)"),
    ("find", r"(?:find|locate|look for|search for|search|seek|hunt for|spot)(?: me)? (?P<x>.+)|show me (?P<x2>.+)"),
    ("look", r"(?:look at|watch|inspect|face|check|examine|turn to|turn towards) (?P<x>.+)"),
    ("switch on", r"(?:turn|switch|power) on (?P<x>.+)|(?:turn|switch|power) (?P<x2>\S.*?) on"),
    ("switch off", r"(?:turn|switch|power) off (?P<x>.+)|(?:turn|switch|power) (?P<x2>\S.*?) off"),
    ("open", r"open(?: up)? (?P<x>.+)"),
    ("close", r"(?:close|shut) (?P<x>.+)"),
    ("put", rf"{_CARRY} (?P<x>.+?)(?: back| over)? (?P<relation>into|onto|inside|to) (?P<y>.+)"),
    ("put", rf"{_PUT} (?P<rest>.+)"),
    ("take", r"(?:pick|lift) up (?P<x>.+)|(?:pick|lift) (?P<x2>\S.*?) up"),
    ("take", r"(?:pick|take|grab|get|fetch|bring|lift|collect|hold)(?: up)? (?P<x>.+)"),
)

_FIRST_WORDS = (
    "go|drive|navigate|walk|head|come|travel|proceed|return|run|take|bring|lead|guide|show|carry|transport|deliver|fetch|get|"
    "move|put|place|set|lay|drop|leave|store|stow|insert|throw|stick|stash|visit|approach|enter|hand|give|pass|grab|find|"
    "locate|look|search|seek|hunt|spot|watch|inspect|face|check|examine|turn|switch|power|open|close|shut|pick|lift|"
    "collect|hold"
)
_POLITE = re.compile(
    r"^(?:(?:hey|hi|hello|ok|okay|robot|tolman|please|kindly|now|first|then|and|also|just|next|finally|"
    r"(?:can|could|would|will) you|i (?:want|need|would like|d like) you to|you (?:should|must|have to))[ ,:]+)+(?=(?:"
    + _FIRST_WORDS
    + r")\b)"
)
_NEXT = r"(?=(?:please )?(?:" + _FIRST_WORDS + r")\b)"
_CLAUSE_END = re.compile(r"(?:\s*[,;.!]\s*|\s+)(?:and(?: then)?|then)(?:\s*,)?\s+" + _NEXT + r"|\s*[,;.!]\s*" + _NEXT)
_GO_AND = re.compile(r"\b(?:go|come|try)(?: and| to)? " + _NEXT)
_RELATIONS = {
    "on top of": "on", "onto": "on", "on to": "on", "on": "on", "upon": "on", "off": "on",
    "inside of": "in", "inside": "in", "into": "in", "in to": "in", "in": "in", "out of": "in", "within": "in",
    "next to": "near", "close to": "near", "near": "near", "beside": "near", "by": "near", "at": "near",
    "from": "", "to": "",
}  # fmt: skip
_PREPOSITION = re.compile(r"\b(" + "|".join(sorted(_RELATIONS, key=len, reverse=True)) + r")\b")
_DESTINATION = re.compile(
    r"(?: back| down| over| away)* (on top of|onto|on to|upon|on|inside of|inside|into|in to|in|to) "
)
_ARTICLES = re.compile(r"\b(?:the|a|an|my|your|our|his|her|their|this|that|some|any|one|of)\b")
_PRONOUNS = frozenset({"it", "them", "there"})


def parse(text: str, rooms: frozenset[str]) -> tuple[Goal, ...]:
    """Goals in the order to achieve them; () when any part of the text is not understood.

    Args:
        text: one instruction, possibly several joined by "and", "then", commas.
        rooms: phrases that name rooms, to tell "the table in the kitchen" from "the mug in the sink".
    """
    if len(text) > MAX_CHARACTERS:
        return ()
    clauses = [clause for clause in _CLAUSE_END.split(_POLITE.sub("", _normalised(text))) if clause]
    if len(clauses) > MAX_GOALS:
        return ()
    goals: list[Goal] = []
    for clause in clauses:
        goal = _goal(_POLITE.sub("", clause), rooms)
        goal = goal and _without_pronouns(goal, goals[-1] if goals else None)
        if goal is None:
            return ()
        goals.append(goal)
    return tuple(goals)


def _normalised(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).lower().replace("'", "").replace("\u2019", "")
    plain = re.sub(r"[^\w,;.!: -]+", " ", plain).replace("-", " ").replace("_", " ")
    plain = re.sub(r"\b(?:that|which) (?:is|are|lies|stands)\b", " ", plain)
    plain = _GO_AND.sub("", re.sub(r"\s+", " ", plain).strip(" ,;.!:"))
    return re.sub(r"[ ,]+(?:please|now|thanks|thank you|for me)$", "", plain)


def _goal(clause: str, rooms: frozenset[str]) -> Goal | None:
    for verb, pattern in _PATTERNS:
        match = re.fullmatch(pattern, clause)
        if match is None:
            continue
        said = match.groupdict()
        if verb == "put":
            found = _put(said, rooms)
            if found is None:
                continue
            return found
        return _made(verb, _thing(said.get("x") or said.get("x2") or "", rooms))
    return None


def _made(verb: Verb, thing: Thing | None) -> Goal | None:
    return Goal(verb, thing) if thing else None


def _put(said: dict[str, str | None], rooms: frozenset[str]) -> Goal | None:
    if said.get("rest"):
        rest = said["rest"] or ""
        splits = list(_DESTINATION.finditer(rest))
        if not splits:
            return None
        last = splits[-1]
        if len(splits) > 1 and _noun(rest[last.end() :]) in rooms:
            last = splits[-2]
        x, preposition, y = rest[: last.start()], last.group(1), rest[last.end() :]
    else:
        x, preposition, y = said["x"] or "", said["relation"] or "", said["y"] or ""
    thing, destination = _thing(x, rooms), _thing(y, rooms)
    if thing is None or destination is None:
        return None
    return Goal("put", thing, _RELATIONS[preposition], destination)


def _thing(phrase: str, rooms: frozenset[str]) -> Thing | None:
    parts = _PREPOSITION.split(phrase, maxsplit=1)
    noun = _noun(parts[0])
    if not noun or len(parts) == 1:
        return Thing(noun) if noun else None
    rest = _thing(parts[2], rooms)
    if rest is None:
        return None
    if rest == Thing(rest.phrase) and rest.phrase in rooms:
        return Thing(noun, room=rest.phrase)
    return Thing(noun, _RELATIONS[parts[1]], rest)


def _noun(phrase: str) -> str:
    return re.sub(r"\s+", " ", _ARTICLES.sub(" ", phrase)).strip(" ,;.!:")


def _without_pronouns(goal: Goal, before: Goal | None) -> Goal | None:
    """The goal with "it" replaced by the thing of the goal before; None when there is none."""
    thing, destination = goal.thing, goal.destination
    if thing.phrase in _PRONOUNS:
        if before is None:
            return None
        acts_on_furniture = goal.verb in ("open", "close", "go", "switch on", "switch off")
        thing = before.destination if acts_on_furniture and before.destination else before.thing
    if destination is not None and destination.phrase in _PRONOUNS:
        if before is None:
            return None
        destination = before.destination or before.thing
    return replace(goal, thing=thing, destination=destination)
