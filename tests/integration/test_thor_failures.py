# SPDX-License-Identifier: Apache-2.0
"""Whatever happens to AI2-THOR's process gives one error soon, leaves no process, and spoils no memory."""

import os
import select
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import sim
from memory_app.pipeline import Pipeline
from memory_core.errors import BackendUnavailable, BadHouse, BadSettings
from memory_core.memory import Memory
from sim import Action
from sim.thor.standin import command, pipes

pytest.importorskip("ai2thor.controller", reason="needs the client: pip install ai2thor")

ROOT = Path(__file__).resolve().parents[2]
SIZE = {"width": 64, "height": 48}
SLEEPER = (sys.executable, "-c", "import time; time.sleep(100)")
PATIENCE_S = 60.0  # for a loaded machine; nothing here may need it


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    """The client writes below the home directory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(autouse=True)
def children():
    """Returns a function: what this process has started and not ended. There must be none after a test."""

    def alive():
        return [p for p in psutil.Process().children() if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]

    before = set(alive())
    yield alive
    assert set(alive()) <= before


@pytest.fixture
def start():
    """Returns a function that starts AI2-THOR with a stand-in, and ends it after the test."""
    started = []

    def begin(*arguments, **given):
        given = {"scene": "FloorPlan1", "executable": command(*arguments), **SIZE, **given}
        started.append(sim.make("ai2thor", **{"start_timeout_s": PATIENCE_S, **given}))
        return started[-1]

    yield begin
    for simulator in started:
        simulator.close()


class Walk:
    """The frames of a simulator that turns round and round."""

    name = "walk"
    n_frames = None

    def __init__(self, simulator):
        self.drops, self.warnings = {}, []
        self._simulator = simulator

    def frames(self, start=0):
        yield self._simulator.observe()
        while True:
            yield self._simulator.step(Action("RotateLeft", angle_deg=40.0)).frame
            if self._simulator.observe().stamp_ns > 1_500_000_000:
                self._simulator.step(Action("LookDown"))


@pytest.mark.parametrize("server", ["FIFO", "WSGI"])
@pytest.mark.parametrize("executable", ["false", "no-such-program-at-all"])
def test_dead_at_start(server, executable):
    with pytest.raises(BackendUnavailable, match="starting"):
        sim.make("ai2thor", executable=executable, server=server, start_timeout_s=PATIENCE_S, **SIZE)


@pytest.mark.parametrize("server", ["FIFO", "WSGI"])
def test_silent_at_start(server):
    with pytest.raises(BackendUnavailable, match="did not answer within 1 s"):
        sim.make("ai2thor", executable=shlex.join(SLEEPER), server=server, start_timeout_s=1.0, **SIZE)


@pytest.mark.parametrize("server", ["FIFO", "WSGI"])
def test_dead_in_an_action_and_the_memory_so_far_is_whole(start, server, tmp_path, children):
    simulator = start("--fault", "in:LookDown", server=server)
    with Memory.open(tmp_path / "memory") as memory:
        with pytest.raises(BackendUnavailable, match=r"ended with status 3 \(while carrying out LookDown"):
            Pipeline().run(Walk(simulator), memory)
        assert memory.verify().ok
    assert not children()
    with pytest.raises(BackendUnavailable, match="call reset"):
        simulator.observe()
    with pytest.raises(BackendUnavailable, match="call reset"):
        simulator.step(Action("Done"))


@pytest.mark.parametrize("server", ["FIFO", "WSGI"])
def test_dead_between_actions_and_reset_starts_it_again(start, server, children):
    simulator = start(server=server)
    first = simulator.observe()
    [process] = children()
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(BackendUnavailable, match="status -9"):
        simulator.step(Action("MoveAhead"))
    again = simulator.reset()
    assert again.depth.tobytes() == first.depth.tobytes()
    assert simulator.step(Action("Done")).ok


@pytest.mark.parametrize("server", ["FIFO", "WSGI"])
def test_stuck_in_an_action(start, server, children):
    simulator = start("--fault", "stuck:LookUp", server=server, action_timeout_s=1.0)
    with pytest.raises(BackendUnavailable, match="did not answer within 1 s"):
        simulator.step(Action("LookUp"))
    assert not children()


def test_without_a_display_and_with_gpus_named_a_build_that_needs_neither_runs(start, monkeypatch, children):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    simulator = start()
    assert simulator.step(Action("Done")).ok
    with pytest.raises(BackendUnavailable, match="FloorPlan999"):
        simulator.reset("FloorPlan999")
    assert not children()


@pytest.mark.parametrize("display", ["", ":77"])
def test_no_build_and_no_network(monkeypatch, display):
    import requests

    def unreachable(url, timeout):
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "head", unreachable)
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(BackendUnavailable, match=r"cannot be fetched \(ConnectionError.*executable="):
        sim.make("ai2thor", display=display, **SIZE)


def test_no_client(monkeypatch):
    monkeypatch.setitem(sys.modules, "ai2thor.wsgi_server", None)
    monkeypatch.delitem(sys.modules, "sim.thor.client", raising=False)
    with pytest.raises(BackendUnavailable, match="pip install"):
        sim.make("ai2thor", executable="false", **SIZE)


def test_a_house_that_is_not_there(tmp_path):
    with pytest.raises(BadHouse):
        sim.make("ai2thor", scene=tmp_path / "none.json", executable=command(), **SIZE)


def test_options_are_checked_before_anything_starts():
    with pytest.raises(BadSettings, match="server"):
        sim.make("ai2thor", server="smoke signals", executable="false")
    with pytest.raises(BadSettings, match="colour"):
        sim.make("ai2thor", colour="blue", executable="false")


def test_the_stand_in_does_not_outlive_who_started_it(tmp_path):
    script = (
        "import sim, psutil, sys, time\n"
        "from sim.thor.standin import command\n"
        f"s = sim.make('ai2thor', executable=command(), start_timeout_s={PATIENCE_S}, width=64, height=48)\n"
        "print(psutil.Process().children()[0].pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    with parent:
        pid = int(parent.stdout.readline())
        watch = os.pidfd_open(pid)
        parent.kill()
    try:
        ended, _, _ = select.select([watch], [], [], PATIENCE_S)
        assert ended
    finally:
        os.close(watch)


def test_the_stand_in_does_not_wait_for_ever_for_a_client(tmp_path, monkeypatch):
    """One that died before it opened its pipe."""
    monkeypatch.setattr(pipes, "_WAIT_S", 0.1)
    os.mkfifo(tmp_path / "server")
    paths = {name: str(tmp_path / name.lower()) for name in ("SERVER", "CLIENT")}
    with pytest.raises(TimeoutError):
        pipes.Pipes({f"AI2THOR_FIFO_{name}_PIPE_PATH": path for name, path in paths.items()})
