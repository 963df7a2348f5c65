# SPDX-License-Identifier: Apache-2.0
"""What can still be read of an SQLite bag file with torn or damaged pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw

from recordings.salvage import RawMessage

_TOPICS = "SELECT id, name, type, serialization_format FROM topics"
_ROWS = "SELECT id, topic_id, timestamp, data FROM messages NOT INDEXED WHERE id > ? ORDER BY id"
# No message takes fewer bytes, so there are no ids beyond the size of the file divided by this.
_MIN_ROW_BYTES = 8


class SqliteSalvage:
    """Reads the rows of a damaged file by their id, leaping over what cannot be read.

    Attributes:
        problem: the first damage met; empty while all is well.
        is_closed: always true; an SQLite file has no end mark.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        self.is_closed = True
        self._last_id = 0
        self._is_damaged = False

    def messages(self) -> Iterator[RawMessage]:
        """All readable messages, in the order they were written; never raises for damaged content."""
        self.problem = ""
        try:
            flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
            connection = apsw.Connection(f"{self.path.absolute().as_uri()}?immutable=1", flags=flags)
            # SQLite refuses a file that is shorter than its header says, unless it is told to take what there is.
            connection.execute("PRAGMA writable_schema = ON")
            topics = {row[0]: tuple(str(name) for name in row[1:]) for row in connection.execute(_TOPICS)}
        except apsw.Error as error:
            self.problem = f"the list of topics cannot be read ({error})"
            return
        try:
            for topic_id, log_ns, data in self._rows(connection):
                if topic_id in topics and isinstance(data, bytes) and isinstance(log_ns, int):
                    topic, msgtype, encoding = topics[topic_id]
                    yield RawMessage(topic, msgtype, encoding, log_ns, data)
        finally:
            connection.close()

    def _rows(self, connection: apsw.Connection) -> Iterator[tuple[object, object, object]]:
        self._last_id, leap = 0, 1
        while self._last_id <= self.path.stat().st_size // _MIN_ROW_BYTES:
            begin = self._last_id
            yield from self._rows_until_damage(connection)
            if not self._is_damaged:
                return
            leap = 1 if self._last_id > begin else 2 * leap
            self._last_id += leap

    def _rows_until_damage(self, connection: apsw.Connection) -> Iterator[tuple[object, object, object]]:
        self._is_damaged = False
        try:
            for row_id, topic_id, log_ns, data in connection.execute(_ROWS, (self._last_id,)):
                self._last_id = int(row_id)
                yield topic_id, log_ns, data
        except apsw.Error as error:
            self._is_damaged = True
            self.problem = self.problem or f"damaged after message {self._last_id} ({error})"
