# SPDX-License-Identifier: Apache-2.0
"""Events in words: one readable sentence each, which is also what full-text search finds."""

from __future__ import annotations

from memory_core.graph import Instance, Relation


def name(instance: Instance) -> str:
    """How an object is called in a sentence, e.g. "small red mug (o3)"."""
    return f"{' '.join((*instance.words, instance.label))} ({instance.id})"


def sentence(kind: str, instance: Instance, room_label: str = "") -> str:
    """What happened to an object and where."""
    x, y, z = instance.position
    at = f"at ({x:.2f}, {y:.2f}, {z:.2f})" + (f" in the {room_label}" if room_label else "")
    subject = f"The {name(instance)}"
    if kind == "appeared":
        return f"A {name(instance)} appeared {at}."
    if kind == "vanished":
        return f"{subject} is no longer {at}."
    if kind == "moved":
        return f"{subject} was moved and is now {at}."
    if kind == "changed":
        return f"{subject} changed, {at}."
    if kind == "corrected":
        return f"{subject} is {at}, by the corrected trajectory."
    return f"{subject} was seen {at}."


def merge_sentence(ended: Instance, stays_id: str) -> str:
    return f"The {name(ended)} turned out to be the same thing as {stays_id}."


def relation_sentence(relation: Relation, one: Instance | None, other: Instance | None, *, holds: bool) -> str:
    """How two objects stand to each other, or no longer do; an object that is no more is called by its id."""
    verb = "is" if holds else "is no longer"
    subject, target = name(one) if one else relation.subject, name(other) if other else relation.object
    return f"The {subject} {verb} {relation.predicate} the {target}."
