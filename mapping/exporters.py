# SPDX-License-Identifier: Apache-2.0
"""Maps as files for other programs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from memory_core.errors import BadInput

_UNKNOWN_SHADE, _FREE_SHADE = 205, 254  # of a PGM, as Nav2's map saver writes them
_POSITION = [("x", "<f4"), ("y", "<f4"), ("z", "<f4")]
_COLOUR = [("red", "u1"), ("green", "u1"), ("blue", "u1")]
_NAMES = {"<f4": "float", "|u1": "uchar"}


def write_file(path: Path, content: bytes) -> None:
    """Write a file by way of a temporary one beside it: `path` is either as before or complete.

    Raises:
        OSError: the file cannot be written.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_ply(points: ArrayLike, colours: ArrayLike | None, path: Path | str) -> None:
    """Write a point cloud as binary little-endian PLY; `path` is replaced only once the file is complete. O(N).

    Args:
        points: (N, 3) metres.
        colours: (N, 3) uint8 red, green, blue, or None.

    Raises:
        BadInput: the arrays do not fit together.
        OSError: the file cannot be written.
    """
    vertices = _vertices(np.asarray(points, np.float64), None if colours is None else np.asarray(colours))
    names = vertices.dtype.names or ()
    properties = [f"property {_NAMES[vertices.dtype[name].str]} {name}" for name in names]
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}", *properties, "end_header"]
    write_file(Path(path), "".join(line + "\n" for line in header).encode() + vertices.tobytes())


def _vertices(points: NDArray[np.float64], colours: NDArray[np.generic] | None) -> NDArray[np.void]:
    if points.ndim != 2 or points.shape[1] != 3:
        raise BadInput(f"points: want (N, 3) metres, got shape {points.shape}")
    if colours is not None and (colours.shape != points.shape or colours.dtype != np.uint8):
        raise BadInput(f"colours: want {points.shape} uint8 or None, got {colours.shape} {colours.dtype}")
    vertices = np.zeros(len(points), _POSITION if colours is None else _POSITION + _COLOUR)
    for axis, name in enumerate("xyz"):
        vertices[name] = points[:, axis]
    if colours is not None:
        for channel, (name, _) in enumerate(_COLOUR):
            vertices[name] = colours[:, channel]
    return vertices


def write_grid(cells: NDArray[np.int8], origin: ArrayLike, resolution_m: float, path: Path | str) -> Path:
    """Write an occupancy grid as Nav2's map server loads it: a YAML file at `path` and a PGM image beside it. O(cells).

    Args:
        cells: (H, W) int8, rows along y and columns along x; -1 unknown, 0 free, 100 occupied.
        origin: (2,) metres, corner of cells[0, 0].

    Returns:
        Path of the image.

    Raises:
        BadInput: the grid has no cells.
        OSError: a file cannot be written.
    """
    if cells.ndim != 2 or not cells.size:
        raise BadInput(f"grid: want (H, W) cells, got shape {cells.shape}; nothing is mapped at these heights")
    yaml_path = Path(path)
    image = yaml_path.with_suffix(".pgm") if yaml_path.suffix != ".pgm" else yaml_path
    yaml_path = image.with_suffix(".yaml") if yaml_path.suffix == ".pgm" else yaml_path
    shades = np.where(cells < 0, _UNKNOWN_SHADE, np.where(cells > 50, 0, _FREE_SHADE)).astype(np.uint8)
    head = f"P5\n{cells.shape[1]} {cells.shape[0]}\n255\n".encode()
    write_file(image, head + shades[::-1].tobytes())
    x, y = np.asarray(origin, np.float64).tolist()
    lines = [f"image: {image.name}", "mode: trinary", f"resolution: {resolution_m!r}", f"origin: [{x!r}, {y!r}, 0.0]"]
    lines += ["negate: 0", "occupied_thresh: 0.65", "free_thresh: 0.196"]
    write_file(yaml_path, ("\n".join(lines) + "\n").encode())
    return image
