# SPDX-License-Identifier: Apache-2.0
"""Rows of voxels on the device, and which of the two has the newer ones: the device or the host.

A row travels only when the other side needs it: to the device before a frame changes it, to the host before something
there reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from mapping.gpu import shared_kernels

_CHUNK = 1 << 16  # rows that travel at once

Rows = NDArray[Any]


class Mirror:
    """Arrays (N, m) of the host, each with a twin on the device. All operations are O(rows that they name)."""

    def __init__(self, device: str, arrays: Sequence[NDArray[Any]]) -> None:
        self.device = device
        self._hosts = list(arrays)
        self._twins = [self._twin(array) for array in arrays]
        capacity = len(arrays[0])
        self._host_newer: NDArray[np.bool_] = np.zeros(capacity, np.bool_)
        self._device_newer: NDArray[np.bool_] = np.zeros(capacity, np.bool_)
        self._any_on_device = False

    @property
    def twins(self) -> list[Any]:
        """The arrays on the device, in the order in which they were given."""
        return self._twins

    def follow(self, arrays: Sequence[NDArray[Any]], n_used: int) -> None:
        """The host's arrays are others now, with the same first n_used rows."""
        more = len(arrays[0]) - len(self._host_newer)
        self._hosts = list(arrays)
        for k, (old, array) in enumerate(zip(self._twins, arrays, strict=True)):
            self._twins[k] = self._twin(array)
            wp.copy(self._twins[k], old, count=n_used * array.shape[1])
        self._host_newer = np.concatenate([self._host_newer, np.zeros(more, np.bool_)])
        self._device_newer = np.concatenate([self._device_newer, np.zeros(more, np.bool_)])

    def written_on_host(self, rows: Rows) -> None:
        self._host_newer[rows] = True
        self._device_newer[rows] = False

    def written_on_device(self, rows: Rows) -> None:
        """Rows that `upload` was called for."""
        self._device_newer[rows] = True
        self._any_on_device = self._any_on_device or len(rows) > 0

    def upload(self, rows: Rows) -> None:
        """Make the device have these rows as they are."""
        wanted = np.unique(rows[self._host_newer[rows]]).astype(np.int32)
        for part in _parts(wanted):
            at = wp.array(part, dtype=wp.int32, device=self.device)
            for host, twin in zip(self._hosts, self._twins, strict=True):
                values = wp.array(host[part], device=self.device)
                wp.launch(shared_kernels.scatter, values.shape, [at, values, twin], device=self.device)
        self._host_newer[wanted] = False

    def upload_all(self) -> None:
        """Make the device have all rows as they are. O(rows that the host wrote since the last call + capacity)."""
        self.upload(np.nonzero(self._host_newer)[0])

    def download(self) -> None:
        """Make the host have all rows as they are. O(rows that the device changed since the last call + capacity)."""
        if not self._any_on_device:
            return
        for part in _parts(np.nonzero(self._device_newer)[0].astype(np.int32)):
            at = wp.array(part, dtype=wp.int32, device=self.device)
            for host, twin in zip(self._hosts, self._twins, strict=True):
                values = wp.empty((len(part), host.shape[1]), dtype=twin.dtype, device=self.device)
                wp.launch(shared_kernels.gather, values.shape, [at, twin, values], device=self.device)
                host[part] = values.numpy()
        self._device_newer[:] = False
        self._any_on_device = False

    def _twin(self, array: NDArray[Any]) -> Any:
        kind = wp.dtype_from_numpy(array.dtype)
        return wp.empty(array.shape, dtype=kind, device=self.device)


def _parts(rows: Rows) -> list[Rows]:
    return [rows[first : first + _CHUNK] for first in range(0, len(rows), _CHUNK)]
