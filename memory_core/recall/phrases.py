# SPDX-License-Identifier: Apache-2.0
"""Tokens into phrases: "the small red mug", "on the kitchen table", "near me"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from memory_core.recall import lexicon
from memory_core.recall.tokens import PREPOSITIONS, Token

_MOST_WORDS = 4


@dataclass(frozen=True, slots=True)
class Phrase:
    """A thing, a room, or the asker, as a question names it.

    Attributes:
        preposition: "on", "in", "near", or "" when the phrase is what the question is about.
        label: class of the thing, "object" for any, "" when it is a room or the asker.
        words: what else was said of it.
        room: the room it is, or the room it is said to be in.
        is_known: the label is in the vocabulary.
    """

    preposition: str
    label: str = ""
    words: tuple[str, ...] = ()
    room: str = ""
    is_plural: bool = False
    is_generic: bool = False
    is_known: bool = False
    is_me: bool = False

    @property
    def name(self) -> str:
        return " ".join((*self.words, self.label))


def phrases(tokens: Iterable[Token]) -> list[Phrase] | None:
    """The phrases of a question in order; None when one of them makes no sense."""
    found: list[Phrase] = []
    preposition, run = "", list[Token]()
    for token in (*tokens, Token("break", "")):
        if token.kind in ("noun", "room", "generic", "word"):
            run.append(token)
            continue
        if run:
            phrase = _phrase(preposition, run)
            if phrase is None:
                return None
            found.append(phrase)
            preposition, run = "", []
        if token.kind == "preposition":
            preposition = PREPOSITIONS[token.text]
        elif token.kind == "me":
            found.append(Phrase("near", is_me=True))
            preposition = ""
    return found


def _phrase(preposition: str, tokens: Sequence[Token]) -> Phrase | None:
    tokens = _trimmed(tokens)
    names = [index for index, token in enumerate(tokens) if token.kind != "word"]
    if not names:
        return _unknown(preposition, tokens)
    trailing = tokens[names[-1] + 1 :]
    if not all(lexicon.is_adjective(token.text) for token in trailing):
        return _unknown(preposition, tokens)
    rooms = [tokens[index] for index in names if tokens[index].kind == "room"]
    things = [tokens[index] for index in names if tokens[index].kind != "room"]
    if len(rooms) > 1:
        return None
    room = rooms[0].text if rooms else ""
    words = _words(token for token in tokens if token.kind == "word" or token in things[:-1])
    if not things:
        return None if words else Phrase(preposition, room=room, is_plural=rooms[0].plural, is_known=True)
    head = things[-1]
    return Phrase(
        preposition, head.text, words, room, head.plural, is_generic=head.kind == "generic", is_known=head.known
    )


def _trimmed(tokens: Sequence[Token]) -> list[Token]:
    kept = list(tokens)
    while kept and kept[0].text == "of":
        kept.pop(0)
    while kept and kept[-1].text == "of":
        kept.pop()
    return kept


def _unknown(preposition: str, tokens: Sequence[Token]) -> Phrase | None:
    """A thing nobody has told of: leading adjectives are words, the rest is its name."""
    start = 0
    while start < len(tokens) and lexicon.is_adjective(tokens[start].text):
        start += 1
    name = tokens[start:]
    if not name or len(name) > _MOST_WORDS or any(token.kind in ("generic", "room") for token in name):
        return None
    if any(token.plural for token in name[:-1]):
        return None
    words = _words(tokens[:start])
    return Phrase(preposition, " ".join(token.text for token in name), words, is_plural=name[-1].plural)


def _words(tokens: Iterable[Token]) -> tuple[str, ...]:
    """Descriptive words; shades of a colour are not told apart."""
    texts = [token.text for token in tokens if token.text != "of"]
    return tuple(
        text for text, after in zip(texts, [*texts[1:], ""], strict=False)
        if not (text in ("dark", "light", "bright") and after in lexicon.COLOURS)
    )  # fmt: skip
