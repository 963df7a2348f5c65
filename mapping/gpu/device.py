# SPDX-License-Identifier: Apache-2.0
"""Which processor a map is made on: "cpu", "cuda", or "auto" for a GPU where there is one."""

from __future__ import annotations

import ctypes
import importlib
from contextlib import suppress
from importlib.util import find_spec

from memory_core.errors import BackendUnavailable

DEVICES = ("auto", "cpu", "cuda", "warp-cpu")


def resolve(device: str) -> str:
    """ "cpu" for the compiled loops, else the name of the device that runs the kernels: "cuda:0" or "warp-cpu".

    "auto" is a GPU when Warp is installed and sees one, else "cpu". "warp-cpu" runs the GPU's kernels on the CPU: it is
    there to compare the two, and slower than "cpu".

    Raises:
        BackendUnavailable: there is no such device, or Warp or the GPU is missing.
    """
    if device not in DEVICES:
        raise BackendUnavailable(f"device: want one of {', '.join(DEVICES)}, got {device!r}")
    if device == "cpu":
        return device
    if device == "warp-cpu":
        _require_warp(device)
        return device
    if device == "auto":
        return "cuda:0" if has_warp() and has_cuda() else "cpu"
    _require_warp(device)
    if not has_cuda():
        raise BackendUnavailable("device 'cuda': there is no NVIDIA GPU that Warp can use; use device='cpu' or 'auto'")
    return "cuda:0"


def has_warp() -> bool:
    """Whether Warp is installed; it is not imported."""
    return find_spec("warp") is not None


def has_cuda() -> bool:
    """Whether Warp, which must be installed, finds a GPU; it is imported only where there is a driver for one."""
    if not _has_driver():
        return False
    warp = importlib.import_module("warp")
    warp.config.log_level = warp.LOG_ERROR  # that there is no driver is no news
    return bool(warp.is_cuda_available())


def _has_driver() -> bool:
    for library in ("libcuda.so.1", "nvcuda.dll"):
        with suppress(OSError):
            ctypes.CDLL(library)
            return True
    return False


def _require_warp(device: str) -> None:
    if not has_warp():
        raise BackendUnavailable(f"device {device!r}: Warp is not installed; `pip install tolman[cuda]`, or use 'cpu'")
