# SPDX-License-Identifier: Apache-2.0
"""OctoMap as a peer to measure against: the C++ library in a process of its own, and the pyoctomap binding."""

from __future__ import annotations

import importlib
import shutil
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from memory_core.errors import BackendUnavailable
from memory_core.frame import CameraFrame
from memory_core.geometry import transform_points, unproject


class Cost(NamedTuple):
    """Milliseconds of some work: on the clock, and of the processor for this thread alone."""

    wall_ms: float
    cpu_ms: float


def cost(work: Callable[[], object]) -> Cost:
    """What it costs to call `work` once."""
    wall, cpu = time.perf_counter(), time.thread_time()
    work()
    return Cost((time.perf_counter() - wall) * 1e3, (time.thread_time() - cpu) * 1e3)


SOURCE = Path(__file__).with_name("octomap_driver.cpp")


def build_driver(folder: Path) -> Path:
    """Compile the C++ driver into a folder, unless it is there already.

    Raises:
        BackendUnavailable: there is no g++ or no OctoMap to compile against.
    """
    compiler = shutil.which("g++")
    if compiler is None:
        raise BackendUnavailable("no g++")
    program = folder / "octomap_driver"
    if program.exists():
        return program
    command = [compiler, "-O3", "-march=native", str(SOURCE), "-o", str(program), "-loctomap", "-loctomath"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = "no liboctomap-dev" if "octomap/" in done.stderr else done.stderr.strip().splitlines()[0]
        raise BackendUnavailable(reason)
    return program


class CppOctomap:
    """One OctoMap tree in the driver; a context manager that ends the process. Times are those the driver measured."""

    name = "OctoMap C++"

    def __init__(self, program: Path, voxel_size_m: float, max_range_m: float, *, discretize: bool) -> None:
        command = [str(program), repr(voxel_size_m), repr(max_range_m), str(int(discretize))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> CppOctomap:
        return self

    def __exit__(self, *_: object) -> None:
        _pipe(self._process.stdin).close()
        self._process.wait()
        _pipe(self._process.stdout).close()

    def insert(self, frame: CameraFrame) -> Cost:
        """Cost of insertPointCloud, without making the points."""
        K = frame.K
        head = struct.pack("<2i4d", *frame.depth.shape, K[0, 0], K[1, 1], K[0, 2], K[1, 2])
        return self._cost(b"F" + head + frame.T_world_cam.tobytes() + frame.depth.tobytes())

    def search(self, points: NDArray[np.float64]) -> Cost:
        """Cost to look up points (N, 3)."""
        return self._cost(b"Q" + struct.pack("<i", len(points)) + points.tobytes())

    def cast(self, origin: NDArray[np.float64], directions: NDArray[np.float64]) -> Cost:
        """Cost to cast rays (N, 3) from origin (3,)."""
        return self._cost(b"R" + struct.pack("<i", len(directions)) + origin.tobytes() + directions.tobytes())

    def occupancy(self, points: NDArray[np.float64]) -> NDArray[np.int8]:
        """(N,) -1 unknown, 0 free, 1 occupied at points (N, 3)."""
        self._request(b"L" + struct.pack("<i", len(points)) + np.ascontiguousarray(points).tobytes())
        return np.frombuffer(_pipe(self._process.stdout).read(len(points)), np.int8)

    def memory_bytes(self) -> float:
        return self._request(b"M")[0]

    def _cost(self, content: bytes) -> Cost:
        wall_ms, cpu_ms = self._request(content)[:2]
        return Cost(wall_ms, cpu_ms)

    def _request(self, content: bytes) -> list[float]:
        out = _pipe(self._process.stdin)
        out.write(content)
        out.flush()
        answer = _pipe(self._process.stdout).readline().split()
        if not answer:
            raise BackendUnavailable("the OctoMap driver ended early")
        return [float(word) for word in answer]


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise BackendUnavailable("the OctoMap driver has no pipe")
    return stream


class PyOctomap:
    """One OctoMap tree of the pyoctomap wheel.

    Raises:
        BackendUnavailable: pyoctomap is not installed.
    """

    name = "pyoctomap"

    def __init__(self, voxel_size_m: float, max_range_m: float, *, discretize: bool) -> None:
        try:
            library: Any = importlib.import_module("pyoctomap")
        except ImportError as error:
            raise BackendUnavailable(f"pyoctomap cannot be imported: {error}") from error
        self._tree = library.OcTree(voxel_size_m)
        self._max_range_m, self._discretize = max_range_m, discretize

    def insert(self, frame: CameraFrame) -> Cost:
        """Cost of insertPointCloud, without making the points."""
        points = transform_points(frame.T_world_cam, unproject(frame.depth, frame.K))
        options = {"max_range": self._max_range_m, "discretize": self._discretize}
        return cost(lambda: self._tree.insertPointCloud(points, frame.T_world_cam[:3, 3].copy(), **options))

    def search(self, points: NDArray[np.float64]) -> Cost:
        """Cost to look up points (N, 3)."""
        return cost(lambda: self.occupancy(points))

    def cast(self, origin: NDArray[np.float64], directions: NDArray[np.float64]) -> Cost:
        """Cost to cast rays (N, 3) from origin (3,), one call each."""
        end = np.zeros(3)

        def cast_all() -> None:
            for direction in directions:
                self._tree.castRay(origin, direction, end, True, self._max_range_m)

        return cost(cast_all)

    def occupancy(self, points: NDArray[np.float64]) -> NDArray[np.int8]:
        """(N,) -1 unknown, 0 free, 1 occupied at points (N, 3)."""
        return np.asarray(self._tree.getLabels(points), np.int8)
