# SPDX-License-Identifier: Apache-2.0
"""Speed, memory and disk of a whole build, decoding included, as `tolman build` does it in a process of its own."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from memory_app.benchmarks.report import machine, row


def run(data: Path | None = None, frames: int | None = None) -> dict[str, Any]:
    """Build `data` (default: the house that ships) once, cold process, warm compile cache.

    Returns:
        The report of DESIGN's benchmark contract; no peer does the same job, so only our side is filled.
    """
    source = str(data) if data else "house"
    with tempfile.TemporaryDirectory() as folder:
        _build("house", Path(folder) / "warm", 2)
        built = _build(source, Path(folder) / "memory", frames)
    n_new = built["frames"] - built["resumed_at"]
    rows = [
        row("build, decoding included", n_new / built["seconds"], "frames/s"),
        *(row(f"stage {name}", 1e3 * s / n_new, "ms/frame") for name, s in built["stage_s"].items()),
        row("peak memory of the process", built["peak_mb"], "MB"),
        row("disk", built["info"]["bytes_on_disk"] / 1e6, "MB"),
        row("frames in the memory", built["frames"], "frames"),
    ]
    return {"bench": f"pipeline {Path(source).name}", "machine": machine(), "rows": rows}


def _build(source: str, directory: Path, frames: int | None) -> dict[str, Any]:
    command = [sys.executable, "-m", "memory_app", "build", source, "--memory", str(directory), "--json"]
    done = subprocess.run(
        command + (["--limit", str(frames)] if frames else []), check=True, stdout=subprocess.PIPE, text=True
    )
    built: dict[str, Any] = json.loads(done.stdout)
    built["peak_mb"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return built
