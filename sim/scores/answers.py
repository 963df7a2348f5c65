# SPDX-License-Identifier: Apache-2.0
"""Answers to questions about a house against their judges: exactly right, right within a tolerance, or wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from memory_core.question import Answer
from sim.questions import NEARLY, Asked, Tolerance


@dataclass(frozen=True, slots=True)
class AnswerScore:
    """Shares of the questions answered; 1.0 when none was asked.

    Attributes:
        wrong: (question, why) of those that are not exactly right.
    """

    n_asked: int
    exact: float
    within: float
    wrong: tuple[tuple[str, str], ...]


def score_answers(
    asked: Sequence[Asked], ask: Callable[[str], Answer], *, tolerance: Tolerance = NEARLY
) -> AnswerScore:
    """Ask every question once and have it judged twice: exactly, and within a tolerance. O(questions)."""
    answers = [(question, ask(question.text)) for question in asked]
    wrong = [(question.text, why) for question, answer in answers if (why := question.check(answer))]
    n_within = sum(question.check(answer, tolerance) is None for question, answer in answers)
    n = max(1, len(answers))
    return AnswerScore(len(answers), 1 - len(wrong) / n, n_within / n if answers else 1.0, tuple(wrong))
