# SPDX-License-Identifier: Apache-2.0
"""Real nodes on real rclpy, isolated from each other and from whatever else runs on this network."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from memory_core import CameraFrame

ROOT = Path(__file__).resolve().parents[2]

# Before rclpy is imported: workers of a parallel run, and strangers, must not hear each other.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
os.environ["ROS_DOMAIN_ID"] = str(30 + os.getpid() % 8 * 8 + _WORKER % 8)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ["ROS_LOG_DIR"] = tempfile.mkdtemp(prefix="tolman_ros_log_")
os.environ.pop("RMW_IMPLEMENTATION", None)

# Generous, because discovery now and then takes seconds; nothing waits this long when it works.
WAIT_S = 20.0

ROOM_K = np.array([[70.0, 0, 47.5], [0, 70.0, 35.5], [0, 0, 1]])
# label: centre and size of a box on the floor, colour
ROOM = {
    "sofa": ((2.0, 0.6, 0.3), (0.6, 1.2, 0.6), (200, 40, 40)),
    "chair": ((1.5, -0.9, 0.25), (0.4, 0.4, 0.5), (40, 200, 40)),
    "mug": ((1.4, -0.2, 0.1), (0.2, 0.2, 0.2), (40, 40, 220)),
}


@pytest.fixture(scope="session", autouse=True)
def interfaces():
    """tolman_msgs and tf2_msgs, compiled if they are not; the tests fail, not skip, where ROS is missing."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "build_interfaces.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def wait_until():
    """Returns a function that waits for a condition and fails with its name when it does not come true."""
    pause = threading.Event()

    def wait(condition, what, timeout_s=WAIT_S):
        until = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < until, f"not within {timeout_s:g} s: {what}"
            pause.wait(0.01)

    return wait


@pytest.fixture
def graph(monkeypatch):
    """Returns a function that serves nodes on their own threads in a fresh context; all of it ends with the test."""
    import rclpy

    from memory_nodes import runtime

    contexts, served = [], []

    def context(*arguments):
        made = rclpy.Context()
        rclpy.init(args=list(arguments), context=made)
        contexts.append(made)
        return made

    def serve(nodes):
        stop = threading.Event()
        thread = threading.Thread(target=runtime.spin, args=(nodes, stop))
        thread.start()

        def end():
            stop.set()
            thread.join(10.0)
            assert not thread.is_alive(), "a node does not stop"

        served.append(end)
        return end

    serve.context = context
    yield serve
    for end in served:
        end()
    for made in contexts:
        made.try_shutdown()


@pytest.fixture
def probe(graph):
    """A node of the test's own in the same graph, served."""
    from memory_nodes.runtime import ServedNode

    node = ServedNode("probe", context=graph.context())
    graph([node])
    return node


@pytest.fixture(scope="session")
def room_frames():
    """40 frames of a camera that turns in front of three boxes on a floor, 96x72, 15 Hz, with instance ids."""
    return [_room_frame(i) for i in range(40)]


def _room_frame(index):
    angle = 0.5 * np.sin(index / 6.0)
    forward = np.array([np.cos(angle), np.sin(angle), -0.35])
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    T = np.eye(4)
    T[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    T[:3, 3] = [-0.5 + index * 0.01, 0.0, 1.0]
    v, u = np.mgrid[0:72, 0:96]
    rays = np.stack([(u - ROOM_K[0, 2]) / ROOM_K[0, 0], (v - ROOM_K[1, 2]) / ROOM_K[1, 1], np.ones(u.shape)], axis=-1)
    rays = rays @ T[:3, :3].T
    with np.errstate(divide="ignore"):
        depth = np.where(rays[..., 2] < 0, -T[2, 3] / rays[..., 2], 10.0)
    ids, rgb = np.zeros(u.shape, np.int32), np.full((*u.shape, 3), 120, np.uint8)
    for number, (center, size, color) in enumerate(ROOM.values(), start=1):
        near = _enter(T[:3, 3], rays, np.array(center), np.array(size))
        is_nearer = near < depth
        depth[is_nearer], ids[is_nearer], rgb[is_nearer] = near[is_nearer], number, color
    return CameraFrame(
        stamp_ns=1_000_000_000_000 + index * 66_666_667,
        rgb=rgb,
        depth=np.where(depth < 8.0, depth, 0.0).astype(np.float32),
        K=ROOM_K,
        T_world_cam=_canonical(T),
        instance_ids=ids,
        instance_labels=dict(enumerate(ROOM, start=1)),
    )


def _canonical(T):
    from memory_core.geometry import canonical_pose

    return canonical_pose(T)


def _enter(origin, rays, center, size):
    """Distance along each ray (in units of the ray) to a box; infinity where it misses."""
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = ((center + sign * size / 2 - origin) / rays for sign in (-1, 1))
    enter, leave = np.minimum(a, b).max(axis=-1), np.maximum(a, b).min(axis=-1)
    return np.where((enter < leave) & (enter > 0), enter, np.inf)


@contextmanager
def _process(*command):
    made = subprocess.Popen(
        [sys.executable, "-c", "import sys; from memory_app.cli import main; main(sys.argv[1:])", *map(str, command)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
    )  # fmt: skip
    try:
        yield made
    finally:
        if made.poll() is None:
            made.send_signal(signal.SIGKILL)
        made.wait()
        made.stdout.close()


@pytest.fixture(scope="session")
def tolman_process():
    """Returns a context manager: `tolman ARGUMENTS...` as a process, killed at the end if it still runs."""
    return _process
