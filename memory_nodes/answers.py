# SPDX-License-Identifier: Apache-2.0
"""One handler for every question, and the JSON form of questions and answers."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from typing import Any, get_args

from memory_core import Answer, Question
from memory_core.errors import BadQuestion
from memory_core.memory import Memory
from memory_core.question import QuestionKind

_MAX_REQUEST_BYTES = 65536
KINDS: tuple[str, ...] = get_args(QuestionKind)

_MAX_RESULTS = 1000
_TUPLES = ("words", "near")
_OPTIONAL = ("near", "within_m", "since_ns", "until_ns", "as_of_ns", "now_ns")
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("text", "kind", "label", "room", "reference", "predicate"), (str,)),
    **dict.fromkeys(("since_ns", "until_ns", "as_of_ns", "now_ns", "limit"), (int,)),
    **dict.fromkeys(_TUPLES, (tuple,)),
    "within_m": (float, int),
    "every": (bool,),
}


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asked, whatever it came in: text, or a structured question.

    Attributes:
        id: given back with the answer; any JSON value.
        text: free words; "" when `question` is given.
        near, as_of_ns, limit: go with `text`; a structured question carries its own.
    """

    id: Any = None
    text: str = ""
    question: Question | None = None
    near: tuple[float, float, float] | None = None
    as_of_ns: int | None = None
    limit: int = 10


def answer(memory: Memory, request: Request) -> Answer:
    """The one handler behind the service and the topics."""
    if request.question is not None:
        return memory.recall(request.question)
    return memory.ask(request.text, as_of_ns=request.as_of_ns, near=request.near, limit=request.limit)


def request_from_json(text: str) -> Request:
    """A request from {"id", "text", "near", "as_of_ns", "limit"} or {"id", "question": {fields of Question}}.

    Raises:
        BadQuestion: not such an object; the message names the first thing that is wrong.
    """
    if len(text) > _MAX_REQUEST_BYTES:
        raise BadQuestion(f"question: want at most {_MAX_REQUEST_BYTES} characters, got {len(text)}")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadQuestion(f'question: want JSON such as {{"id": 1, "text": "where is the mug?"}}: {error}') from error
    if not isinstance(content, dict):
        raise BadQuestion(f"question: want a JSON object, got {type(content).__name__}")
    return _request(content)


def request_id(text: str) -> Any:
    """The id of a request that may be bad otherwise, None when there is none to be found."""
    try:
        content = json.loads(text[:_MAX_REQUEST_BYTES])
    except (ValueError, RecursionError):
        return None
    return content.get("id") if isinstance(content, dict) else None


def answer_json(request_id: Any, given: Answer | BaseException) -> str:
    """{"id", "ok": true, "answer": as `tolman ask --json`} or {"id", "ok": false, "error": one sentence}."""
    if isinstance(given, Answer):
        return json.dumps({"id": request_id, "ok": True, "answer": given.to_json()}, allow_nan=False)
    return json.dumps({"id": request_id, "ok": False, "error": str(given) or type(given).__name__})


def structured(values: dict[str, Any]) -> Question:
    """A Question of JSON values.

    Raises:
        BadQuestion: a field that does not exist, is missing or has the wrong type.
    """
    known = [spec.name for spec in fields(Question)]
    unknown = sorted(set(values) - set(known))
    if unknown or "kind" not in values:
        raise BadQuestion(f"question: want kind and any of {', '.join(known[1:])}; got {', '.join(sorted(values))}")
    if values["kind"] not in KINDS:
        raise BadQuestion(f"kind: want one of {', '.join(KINDS)}, got {values['kind']!r}")
    given: dict[str, Any] = {
        name: tuple(value) if name in _TUPLES and isinstance(value, list) else value for name, value in values.items()
    }
    question = Question(**given)
    _check_types(question)
    return question


def _request(content: dict[str, Any]) -> Request:
    unknown = sorted(set(content) - {spec.name for spec in fields(Request)})
    if unknown:
        raise BadQuestion(
            f"question: unknown {', '.join(unknown)}; want id and text or question, near, as_of_ns, limit"
        )
    nested = content.get("question")
    if nested is not None and not isinstance(nested, dict):
        raise BadQuestion(f"question: want an object with the fields of a question, got {type(nested).__name__}")
    near = content.get("near")
    request = Request(
        id=content.get("id"),
        text=content.get("text", ""),
        question=structured(nested) if nested is not None else None,
        near=tuple(near) if isinstance(near, list) else near,
        as_of_ns=content.get("as_of_ns"),
        limit=content.get("limit", 10),
    )
    _check_types(request)
    if not request.text and request.question is None:
        raise BadQuestion("question: want text, or question with the fields of a structured question")
    return request


def _check_types(asked: Request | Question) -> None:
    for spec in fields(asked):
        value, want = getattr(asked, spec.name), _TYPES.get(spec.name)
        if want is None or (value is None and spec.name in _OPTIONAL):
            continue
        if not isinstance(value, want) or (isinstance(value, bool) and want != (bool,)):
            raise BadQuestion(f"{spec.name}: want {want[0].__name__}, got {value!r}")
    if asked.near is not None:
        _check_point(asked.near)
    if not 1 <= asked.limit <= _MAX_RESULTS:
        raise BadQuestion(f"limit: want 1 .. {_MAX_RESULTS}, got {asked.limit}")


def _check_point(near: tuple[Any, ...]) -> None:
    is_number = [isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v) for v in near]
    if len(near) != 3 or not all(is_number):
        raise BadQuestion(f"near: want three finite metres x, y, z, got {near!r}")
