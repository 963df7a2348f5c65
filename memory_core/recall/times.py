# SPDX-License-Identifier: Apache-2.0
"""Times in words: "since yesterday", "in the last 10 minutes", "an hour ago", "since 10:42" (UTC)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SECOND = 1_000_000_000
_DAY = 86_400 * _SECOND
_EVER = -(1 << 62)
_UNITS = {
    "second": _SECOND, "sec": _SECOND, "s": _SECOND, "minute": 60 * _SECOND, "min": 60 * _SECOND,
    "hour": 3600 * _SECOND, "h": 3600 * _SECOND, "day": _DAY, "week": 7 * _DAY, "month": 30 * _DAY,
}  # fmt: skip
_NUMBERS = {
    "a": 1.0, "an": 1.0, "one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "six": 6.0, "seven": 7.0,
    "eight": 8.0, "nine": 9.0, "ten": 10.0, "fifteen": 15.0, "twenty": 20.0, "thirty": 30.0, "half an": 0.5,
    "half a": 0.5, "a couple of": 2.0, "couple of": 2.0,
}  # fmt: skip
_COUNT = rf"(?:\d{{1,9}}(?:\.\d{{1,9}})?|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
_UNIT = rf"(?:{'|'.join(sorted(_UNITS, key=len, reverse=True))})s?"
_SPAN = rf"(?P<n>{_COUNT})? ?(?P<unit>{_UNIT})"
_CLOCK = r"(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)"
_SINCE = re.compile(
    rf"\bsince (?:the |about |around )?(?:{_SPAN} ago|(?P<day>yesterday|today|this morning)|last (?P<last>{_UNIT})"
    rf"|{_CLOCK}|(?P<start>start|beginning))\b"
)
_LAST = re.compile(rf"\b(?:in|during|over|within|for)? ?(?:the )?(?:last|past) {_SPAN}\b")
_TODAY = re.compile(r"\b(?:today|this morning)\b")
_AGO = re.compile(rf"\b(?:about |around )?(?:{_SPAN} ago|(?P<day>yesterday)|at {_CLOCK})(?!\w)")


@dataclass(frozen=True, slots=True)
class Times:
    """What a text says about time; the rest of the text is in `text`."""

    text: str
    since_ns: int | None = None
    as_of_ns: int | None = None


def extract(text: str, now_ns: int) -> Times:
    """Take the time out of a question in lower case. O(length).

    A day means 24 hours: what counts is how long ago it was, not the calendar.
    """
    if match := _SINCE.search(text):
        return Times(_without(text, match), since_ns=_moment(match, now_ns))
    if match := _LAST.search(text):
        return Times(_without(text, match), since_ns=max(_EVER, now_ns - _duration(match)))
    if match := _TODAY.search(text):
        return Times(_without(text, match), since_ns=now_ns - _DAY)
    if match := _AGO.search(text):
        return Times(_without(text, match), as_of_ns=_moment(match, now_ns))
    return Times(text)


def _without(text: str, match: re.Match[str]) -> str:
    return f"{text[: match.start()]} , {text[match.end() :]}"


def _moment(match: re.Match[str], now_ns: int) -> int:
    return max(_EVER, _unlimited(match, now_ns))


def _unlimited(match: re.Match[str], now_ns: int) -> int:
    found = match.groupdict()
    if found.get("start"):
        return _EVER
    if found.get("day"):
        return now_ns - _DAY
    if found.get("last"):
        return now_ns - _unit(found["last"])
    if found.get("hour") is not None:
        return _clock(int(found["hour"]), int(found["minute"]), now_ns)
    return now_ns - _duration(match)


def _clock(hour: int, minute: int, now_ns: int) -> int:
    """The last time before now that a clock showed this, UTC."""
    of_day = (hour * 60 + minute) * 60 * _SECOND
    midnight = now_ns - now_ns % _DAY
    return midnight + of_day if midnight + of_day <= now_ns else midnight - _DAY + of_day


def _duration(match: re.Match[str]) -> int:
    count = match["n"] or "one"
    number = _NUMBERS[count] if count in _NUMBERS else float(count)
    return int(number * _unit(match["unit"]))


def _unit(name: str) -> int:
    return _UNITS[name] if name in _UNITS else _UNITS[name.removesuffix("s")]
