# SPDX-License-Identifier: Apache-2.0
"""The process may die at any moment: what was acknowledged is there, the rest is not, and the end is the same."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from memory_core.memory import Memory

ROOT = Path(__file__).resolve().parents[3]
LAST = 60

BUILDER = """
import importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("script", sys.argv[1])
script = importlib.util.module_from_spec(spec); spec.loader.exec_module(script)
from memory_core.memory import Memory
with Memory.open(sys.argv[2]) as memory:
    point = memory.checkpoint("s1")
    for n in range(point.n_frames + 1 if point else 1, int(sys.argv[3]) + 1):
        things = [script.instance(f"o{i}", "mug", (i, n / 10, 0), t=n, n=n) for i in range(1, 6)]
        blocks = {f"b{n % 3}": script.region(n), "b9": script.region(-n % 5 + 100)}
        events = [script.told("saw", thing, n) for thing in things]
        memory.remember(script.update(n, n, events, keyframes=(script.keyframe(n, n, ["o1"]),), blocks=blocks))
        print(n, flush=True)
"""


def builder(path):
    arguments = [str(ROOT / "tests" / "unit" / "memory_core" / "conftest.py"), str(path), str(LAST)]
    command = [sys.executable, "-c", BUILDER, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def run_until_killed(path, draw):
    """Kill the builder a random while after a random update; returns the last update that it acknowledged."""
    child = builder(path)
    wanted = draw.randint(1, 12)
    last = 0
    for line in child.stdout:
        last = int(line)
        wanted -= 1
        if wanted == 0:
            break
    deadline = time.perf_counter() + draw.uniform(0, 0.02)
    while time.perf_counter() < deadline:
        pass
    child.send_signal(signal.SIGKILL)
    rest, _ = child.communicate()
    return max([last, *(int(line) for line in rest.split("\n")[:-1])])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    path = tmp_path_factory.mktemp("undisturbed") / "m"
    assert builder(path).wait() == 0
    with Memory.open(path, read_only=True) as memory:
        return memory.digest()


def test_killed_again_and_again_it_ends_as_if_never_stopped(tmp_path, undisturbed):
    draw = random.Random(11)
    for _ in range(5):
        last = run_until_killed(tmp_path / "m", draw)
        with Memory.open(tmp_path / "m") as memory:
            point = memory.checkpoint("s1")
            assert point.n_frames >= last
            assert memory.graph().instances["o3"].n_observations == point.n_frames
            assert memory.verify().problems == []

    assert builder(tmp_path / "m").wait() == 0

    with Memory.open(tmp_path / "m") as memory:
        assert memory.digest() == undisturbed
        assert memory.verify().problems == []
        memory.compact()
        assert memory.verify().counts["orphans"] == 0
