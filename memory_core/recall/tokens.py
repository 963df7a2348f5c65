# SPDX-License-Identifier: Apache-2.0
"""Text into tokens: cues of a question (upper case), prepositions, names of things and rooms, other words."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from memory_core.recall import lexicon
from memory_core.recall.vocabulary import Vocabulary


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


TokenKind = Literal["cue", "preposition", "noun", "room", "generic", "word", "me", "refuse", "break"]

_LONGEST = 4  # words in a name

# Longer phrases first; what the user writes is lower case by then, so upper case can only come from here.
_CUES = tuple(
    (re.compile(rf"(?<!\w)(?:{pattern})(?!\w)"), f" {cue} ")
    for pattern, cue in (
        (r"how many|(?:the )?number of|count(?: of| up)?", "COUNT"),
        (r"(?:in |at )?(?:which|what) (?:room|place)|where(?:abouts)?(?: else)?|find|locate|(?:location|position) of"
         r"|(?:look|looking|search|searching) for|lost|misplaced", "WHERE"),
        (r"what happened|(?:what|anything|something|everything)(?: is| are| that is)? (?:new|different)", "CHANGED"),
        (r"(?:has |have |had |is |are )?(?:been )?chang(?:e|es|ed)", "CHANGED"),
        (r"moved|move|moves", "MOVED"),
        (r"appear|appeared|arrived|been added|was added", "APPEARED"),
        (r"disappear|disappeared|vanish|vanished|gone|missing|been removed|was removed|taken away", "VANISHED"),
        (r"at what time|what time|how long ago|when", "WHEN"),
        (r"(?:last|most recently) (?:seen|saw|see|noticed|spotted)|(?:the )?last time", "LAST"),
        (r"contains?|contained|hold(?:s|ing)?", "CONTAIN"),
        (r"does|do", "DO"),
        (r"seen?|saw|notice|noticed|spot|spotted|(?:remember|know)(?: of| about)?", "SEEN"),
        (r"is there|are there|was there|were there|there is|there are|got any", "EXIST"),
        (r"list|name all|show all|show(?: me)?|tell me about|which|what|whats", "WHAT"),
        (r"is|are|was|were", "BE"),
        (r"have|has|had", "HAVE"),
        (r"on (?:the )?top of|atop|upon|onto|on", "ON"),
        (r"inside of|inside|within|into|in", "IN"),
        (r"in the vicinity of|(?:close|near|next|adjacent) to|near(?:by)?|beside|by|around|alongside|at", "NEAR"),
    )
)  # fmt: skip
PREPOSITIONS = {"ON": "on", "IN": "in", "NEAR": "near"}

_CONTRACTIONS = tuple(
    (re.compile(pattern), whole)
    for pattern, whole in (
        (r"\b(what|where|which|when|there|who|how|it|that)'?s\b(?!')", r"\1 is"),
        (r"\b(what|where|which|when|there|who|how)'re\b", r"\1 are"),
        (r"\b(what|where|when|how)'d\b", r"\1 did"),
        (r"\b(i|you|we|they)'ve\b", r"\1 have"),
        (r"\bcan't\b|\bcannot\b", "can"),
        (r"'s\b", ""),
    )
)
_POLITE = re.compile(
    r"\b(?:(?:can|could|would|will) you(?: please)?(?: tell me| show me)?"
    r"|do you (?:know|remember|recall)(?= wh| how| if)"
    r"|(?:please )?tell me(?! about)|remind me|(?:any|no) idea|i (?:want|need|would like) to know|i wonder|excuse me"
    r"|in total|in all|altogether|overall|thank you|thanks|good (?:morning|evening)|right now|at the moment"
    r"|these days)\b"
)
FILLERS = _set(
    "i you we they he she it its us them me myself my our your yours his her their mine did done can could will would "
    "shall should may might must am be been being please hey hi hello ok okay so well now just actually exactly still "
    "already currently ever lately recently again tolman robot buddy leave left put place placed keep kept store "
    "stored located lies lying stands standing sits sitting found get got to for also really maybe out up down there "
    "present visible available last kinds kind sort sorts"
)
DETERMINERS = _set("the a an some any this that these those my our your his her their every each all both")
_REFUSED = _set(
    "and or nor not no never without except but than why who whose whom how because before after until between "
    "under underneath below beneath behind above over across beyond outside opposite from with "
    "tomorrow tonight monday tuesday wednesday thursday friday saturday sunday bring give take fetch carry drive turn "
    "forget delete remove first since sit eat sleep cook work "
    "m cm mm s sec secs meter meters metre metres feet foot inch inches second seconds minute minutes hour hours"
)
_HERE = frozenset({"me", "us", "here", "myself"})


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a question. `text` of a noun is singular, as in the vocabulary."""

    kind: TokenKind
    text: str
    plural: bool = False
    known: bool = False


def normalised(text: str) -> str:
    """Lower case, one form for each letter, no control characters, no contractions, single spaces."""
    clean = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'").replace("\u2018", "'")
    clean = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in clean)
    for pattern, whole in _CONTRACTIONS:
        clean = pattern.sub(whole, clean)
    return " ".join(re.sub(r"(?<=\w)-(?=\w)", " ", clean).split())


def tokenise(text: str, vocabulary: Vocabulary) -> list[Token]:
    """Tokens of a normalised text. O(length)."""
    text = re.sub(r"\bin front of\b", "outside", _POLITE.sub(" , ", text))
    words = _words(text, vocabulary)
    tokens: list[Token] = []
    position = 0
    while position < len(words):
        token, used = _next(words, position, vocabulary)
        tokens.append(token)
        position += used
    return tokens


def _words(text: str, vocabulary: Vocabulary) -> list[str]:
    """Words, punctuation as "," and cues in upper case; names of several words are kept from being cut by a cue."""
    words = re.findall(r"\w+|[^\w\s]", text)
    words = [word if word[0].isalnum() else "," for word in words]
    pieces: list[str] = []
    position = 0
    while position < len(words):
        size = next((n for n in range(_LONGEST, 1, -1) if _is_name(words[position : position + n], vocabulary)), 0)
        pieces.append("_".join(words[position : position + size]) if size else words[position])
        position += size or 1
    joined = " ".join(pieces)
    for pattern, cue in _CUES:
        joined = pattern.sub(cue, joined)
    return joined.split()


def _is_name(words: list[str], vocabulary: Vocabulary) -> bool:
    if len(words) < 2 or "," in words:
        return False
    name = _singular(words, vocabulary)
    numbered_room = len(words) == 2 and words[0] == "room" and words[1].isdecimal()
    return numbered_room or name in vocabulary.nouns or name in vocabulary.room_names


def _singular(words: list[str], vocabulary: Vocabulary) -> str:
    """The name in the singular; as it stands when the vocabulary has it so."""
    name = " ".join(words)
    if name in vocabulary.nouns or name in vocabulary.room_names:
        return name
    last = lexicon.singular(words[-1], vocabulary.nouns | vocabulary.room_names)
    return " ".join([*words[:-1], last])


def _next(words: list[str], position: int, vocabulary: Vocabulary) -> tuple[Token, int]:
    word = words[position]
    if word == ",":
        return Token("break", word), 1
    if word.isupper() and word.isascii():
        return Token("preposition" if word in PREPOSITIONS else "cue", word), 1
    if "_" not in word and (grammatical := _grammatical(words, position, vocabulary)):
        return grammatical, 1
    name = _singular(word.split("_"), vocabulary)
    return _content(name, name != word.replace("_", " "), vocabulary), 1


def _grammatical(words: list[str], position: int, vocabulary: Vocabulary) -> Token | None:
    word = words[position]
    before = words[position - 1] if position else ""
    if word in _HERE and (word == "here" or before == "NEAR"):
        return Token("me", word)
    if word in DETERMINERS:
        return Token("break", word)
    if word in vocabulary.labels and (before in DETERMINERS or before == "COUNT"):
        return None
    if word in _REFUSED:
        return Token("refuse", word)
    return Token("break", word) if word in FILLERS else None


def _content(name: str, plural: bool, vocabulary: Vocabulary) -> Token:
    if name in vocabulary.labels - lexicon.GENERIC or re.fullmatch(r"o\d+", name):
        return Token("noun", name, plural, known=True)
    if name in vocabulary.room_names or re.fullmatch(r"room \d+", name):
        return Token("room", name, plural, known=True)
    if name in lexicon.GENERIC:
        return Token("generic", "object", plural)
    if name in vocabulary.nouns or any(label.endswith(f" {name}") for label in vocabulary.labels):
        return Token("noun", name, plural, known=True)
    return Token("word", name, plural)
