# SPDX-License-Identifier: Apache-2.0
"""Questions answered from the views."""

from __future__ import annotations

import apsw

from memory_core.question import Answer, Question


def recall(connection: apsw.Connection, question: Question) -> Answer:
    return Answer(question, "unsupported", "Not yet.")


def ask(connection: apsw.Connection, text: str, **_: object) -> Answer:
    return Answer(None, "unsupported", "Not yet.")
