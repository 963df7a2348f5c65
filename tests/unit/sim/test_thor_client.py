# SPDX-License-Identifier: Apache-2.0
"""What is replaced of the ai2thor client is there to be replaced, and does not wait for the dead."""

import os
import struct
import subprocess
import sys

import pytest

controller = pytest.importorskip("ai2thor.controller", reason="needs the client: pip install ai2thor")

from sim.thor import client  # noqa: E402 (it imports the client)


@pytest.fixture
def fifo():
    """A server with its pipes made, and no process yet."""
    server = client.WatchedFifoServer(width=4, height=3, timeout=0.3)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def dead():
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"])
    process.wait()
    return process


@pytest.mark.parametrize("ours", [client.WatchedFifoServer, client.WatchedWsgiServer, client.WatchedController])
def test_everything_replaced_exists_in_the_client(ours):
    [theirs] = ours.__bases__
    replaced = {name for name, value in vars(ours).items() if callable(value)} - {"_reader_of", "abandon"}
    assert replaced
    assert replaced <= set(dir(theirs))


def test_nobody_ever_writes(fifo):
    with pytest.raises(client.SimulatorEnded, match=r"did not answer within 0\.3 s"):
        fifo.receive()


def test_a_process_that_is_dead_is_not_waited_for(fifo, dead):
    fifo.unity_proc = dead
    with pytest.raises(client.SimulatorEnded, match="status 7"):
        fifo.receive(timeout=1000.0)
    fifo.timeout = 1000.0
    with pytest.raises(client.SimulatorEnded, match="status 7"):
        fifo.send({"action": "Done"})


def test_a_pipe_that_closes_in_the_middle_of_a_message(fifo):
    fifo.server_pipe = os.fdopen(os.open(fifo.server_pipe_path, os.O_RDONLY | os.O_NONBLOCK), "rb", 0)
    with open(fifo.server_pipe_path, "wb") as pipe:
        pipe.write(struct.pack("!BI", 1, 1000) + b"half of it")
    with pytest.raises(client.SimulatorEnded, match="has gone"):
        fifo.receive(timeout=1000.0)


def test_a_reader_who_does_not_read_is_not_waited_for_either(fifo):
    """A message larger than the pipe holds."""
    reader = os.open(fifo.client_pipe_path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(client.SimulatorEnded, match="did not answer"):
            fifo.send({"action": "CreateHouse", "house": "x" * 3_000_000})
    finally:
        os.close(reader)


def test_a_reader_who_hangs_up(fifo):
    reader = os.open(fifo.client_pipe_path, os.O_RDONLY | os.O_NONBLOCK)
    fifo.send({"action": "Done"})
    os.close(reader)
    with pytest.raises(client.SimulatorEnded, match="has gone"):
        fifo.send({"action": "Done"})


def test_http_does_not_wait_for_the_dead_and_gives_its_port_back(dead):
    server = client.WatchedWsgiServer(host="127.0.0.1", timeout=1000.0, width=4, height=3)
    server.start()
    server.unity_proc = dead
    with pytest.raises(client.SimulatorEnded, match="status 7"):
        server.receive()
    server.stop()
    server.stop()
    assert not server.server_thread.is_alive()
