# SPDX-License-Identifier: Apache-2.0
"""What /diagnostics says once a second: is anything coming, is it kept up with, and what is lost and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from memory_nodes.convert import header


@dataclass(frozen=True, slots=True)
class Health:
    """Measured at one moment.

    Attributes:
        counts: counters since the start.
        drops: inputs that could not become frames, by reason.
        topics: input name to topic.
        publishers: input name to how many publish on it.
        n_waiting, queue_size: frames that wait for the mapper, and how many may.
        commit_age_s: how long the oldest uncommitted frame has waited.
        memory_bytes: size of the memory on disk.
    """

    counts: Mapping[str, int]
    drops: Mapping[str, int]
    topics: Mapping[str, str]
    publishers: Mapping[str, int]
    n_waiting: int
    queue_size: int
    commit_age_s: float
    memory_bytes: int


_NEEDED = ("rgb", "depth", "camera_info")
_POSES = ("tf", "odom", "pose")


class Diagnostics:
    """Turns successive healths into messages; rates are over the time between two."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._before: Mapping[str, int] = {}
        self._before_ns = 0

    def message(self, health: Health, stamp_ns: int, steady_ns: int) -> DiagnosticArray:
        """The next message; `steady_ns` is on a clock that never jumps, as a simulated one may."""
        seconds = (steady_ns - self._before_ns) / 1e9 if self._before else 0.0
        rates = {name: (n - self._before.get(name, 0)) / seconds for name, n in health.counts.items() if seconds > 0}
        self._before, self._before_ns = dict(health.counts), steady_ns
        level, summary = judge(health, rates)
        values = {
            **{f"{name} [Hz]": f"{rates.get(f'received: {name}', 0.0):.1f}" for name in health.topics},
            "frames mapped [Hz]": f"{rates.get('frames mapped', 0.0):.1f}",
            "queue": f"{health.n_waiting} of {health.queue_size}",
            "last commit age [s]": f"{health.commit_age_s:.2f}",
            "memory [bytes]": str(health.memory_bytes),
            **{f"input dropped: {reason}": str(n) for reason, n in sorted(health.drops.items())},
            **{name: str(n) for name, n in sorted(health.counts.items())},
        }
        pairs = [KeyValue(key=key, value=value) for key, value in values.items()]
        status = DiagnosticStatus(level=level, name=self._name, message=summary, hardware_id="", values=pairs)
        return DiagnosticArray(header=header("", stamp_ns), status=[status])


def judge(health: Health, rates: Mapping[str, float]) -> tuple[bytes, str]:
    """Level and one sentence: the first thing that is wrong, named so that it can be mended."""
    for name in _NEEDED:
        if not health.counts.get(f"received: {name}"):
            return DiagnosticStatus.STALE, f"waiting for {name}: {_silence(health, name)}"
    if not any(health.counts.get(f"received: {name}") for name in _POSES):
        listened = [health.topics[name] for name in _POSES if name in health.topics]
        return DiagnosticStatus.STALE, f"waiting for a pose: nothing came on {', '.join(listened)}"
    if not health.counts.get("frames"):
        reasons = ", ".join(f"{reason} {n}" for reason, n in sorted(health.drops.items())) or "nothing was dropped yet"
        return DiagnosticStatus.WARN, f"images come but no frame could be placed: {reasons}"
    if rates.get("error: commit"):
        return DiagnosticStatus.ERROR, "commits fail; see the log"
    if any(rate for name, rate in rates.items() if name.startswith("error: ")):
        return DiagnosticStatus.WARN, "inputs cause errors; see the log"
    if rates.get("drop: queue full"):
        return DiagnosticStatus.WARN, f"mapping is too slow: {rates['drop: queue full']:.1f} frames dropped per second"
    return DiagnosticStatus.OK, f"{health.counts['frames']} frames, {health.n_waiting} waiting"


def _silence(health: Health, name: str) -> str:
    topic, n = health.topics.get(name, name), health.publishers.get(name, 0)
    if health.counts.get(f"incompatible qos: {name}"):
        return f"the publisher of {topic} offers best effort only; say image_qos:=best_effort"
    return f"nothing came on {topic}" + (f" from {n} publishers" if n else ", which nobody publishes")
