# SPDX-License-Identifier: Apache-2.0
"""Starting, spinning and stopping nodes: signals end a process cleanly, and a failing callback does not end it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import rclpy
from rclpy.executors import Executor, MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from memory_nodes.counts import Counts

_SPIN_S = 0.1
_THROTTLE_S = 5.0
# Mapping must not keep an answer waiting for Python's lock: its default of 5 ms, once for each step of an answer.
_SWITCH_S = 0.0005


class ServedNode(Node):
    """A node that has something to finish before it is destroyed.

    Attributes:
        n_threads: how many of its callbacks may run at once.
    """

    n_threads = 1

    def close(self) -> None:
        """Finish: join threads, commit, release files. Called when the node is no longer served."""


@contextmanager
def ros(arguments: Sequence[str]) -> Iterator[threading.Event]:
    """ROS is up inside; the event is set by SIGINT and SIGTERM.

    Args:
        arguments: as a process gets them, "--ros-args ..." among them.
    """
    stop = threading.Event()
    # rclpy's own handlers invalidate the context while timers still publish; ours only raise a flag.
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        rclpy.init(args=list(arguments), signal_handler_options=SignalHandlerOptions.NO)
        yield stop
    finally:
        rclpy.try_shutdown()
        for number, handler in before.items():
            signal.signal(number, handler)


def spin(nodes: Sequence[ServedNode], stop: threading.Event) -> None:
    """Serve each node on a thread of its own until `stop` is set, then close and destroy them.

    A thread and executor for each node, because one that answers a question must not keep images waiting, and the
    single-threaded executor delivers images three times sooner than the multi-threaded one.
    """
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    failures: list[Exception] = []
    threads = [threading.Thread(target=_serve, args=(node, stop, failures), name=node.get_name()) for node in nodes]
    for thread in threads:
        thread.start()
    try:
        stop.wait()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval_s)
        # Last in, first out: all are closed in their order, then all destroyed, whatever one of them raises.
        with ExitStack() as closing:
            for finish in [node.destroy_node for node in reversed(nodes)] + [node.close for node in reversed(nodes)]:
                closing.callback(finish)
    if failures:
        raise failures[0]


def _serve(node: ServedNode, stop: threading.Event, failures: list[Exception]) -> None:
    executor: Executor = SingleThreadedExecutor(context=node.context)
    if node.n_threads > 1:
        executor = MultiThreadedExecutor(node.n_threads, context=node.context)
    executor.add_node(node)
    try:
        while not stop.is_set() and node.context.ok():
            executor.spin_once(timeout_sec=_SPIN_S)
    except Exception as error:
        failures.append(error)
    finally:
        stop.set()
        executor.shutdown(timeout_sec=1.0)


def guarded(node: Node, counts: Counts, name: str, callback: Callable[..., None]) -> Callable[..., None]:
    """The callback, except that an exception is counted and logged instead of ending the process.

    This is a node's last line of defence: whatever one message does, the next one is served.
    """

    def call(*arguments: Any) -> None:
        try:
            callback(*arguments)
        except Exception as error:
            counts.add(f"error: {name}")
            warn(node, f"{name}: {type(error).__name__}: {error}")

    return call


def warn(node: Node, message: str) -> None:
    """Log a warning, at most one every few seconds for each place that warns."""
    node.get_logger().warning(message, throttle_duration_sec=_THROTTLE_S)
