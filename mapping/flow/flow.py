# SPDX-License-Identifier: Apache-2.0
"""Movers on a grid of the floor: one channel of occupancy for each velocity, each moved on at its own speed.

A sighting enters every channel; those that brought something to where it is seen again gain, the others lose. What is
out of sight moves on with its channel, so movers are where they should be when the robot looks again. Arrays are
indexed [x, y].
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mapping.flow import kernels
from mapping.flow.settings import FlowSettings
from memory_core.config import check
from memory_core.errors import BadInput, CorruptMemory

_ALIKE = 2.5  # cells and velocity steps within which two channels speak of one mover
_LIKELY = 0.02  # share below which a channel is not asked

_Channels = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]


class Mover(NamedTuple):
    """Something that moves: metres, map frame; metres per second; sightings in line; how sure its velocity is."""

    x: float
    y: float
    vx: float
    vy: float
    evidence: int
    probability: float


class FlowLayer:
    """See the module. Memory and cost of every call are bounded by the grid: O(channels x cells).

    Args:
        settings: grid and velocities.
        center: (x, y) metres in the middle of the grid at first; `ego_shift` or `center_on` move it.
    """

    def __init__(self, settings: FlowSettings | None = None, center: tuple[float, float] = (0.0, 0.0)) -> None:
        self.settings = settings or FlowSettings()
        check(self.settings)
        n, steps = self.settings.n_cells, self.settings.n_steps
        along = np.arange(-steps, steps + 1) * self.settings.velocity_step_m_s
        self.velocities: NDArray[np.float64] = np.stack(np.meshgrid(along, along, indexing="ij"), -1).reshape(-1, 2)
        self._shape = (len(self.velocities), n, n)
        self._channels, self._spare = self._empty(), self._empty()
        self._newest = 0  # number of the newest mover
        self._phase: NDArray[np.float64] = np.zeros((len(self.velocities), 2))  # cells that channels are ahead
        self._first = (self._cell(center[0]) - n // 2, self._cell(center[1]) - n // 2)

    def _empty(self) -> _Channels:
        """Evidence, share, offsets and numbers of nothing."""
        shape = self._shape
        offsets = np.zeros((*shape, 2), np.float32)
        return np.zeros(shape, np.uint8), np.zeros(shape, np.float32), offsets, np.zeros(shape, np.int32)

    def _cell(self, metres: float) -> int:
        return int(np.floor(metres / self.settings.cell_m))

    @property
    def origin(self) -> tuple[float, float]:
        """Metres x, y of the grid's lowest corner."""
        return self._first[0] * self.settings.cell_m, self._first[1] * self.settings.cell_m

    @property
    def n_bytes(self) -> int:
        """Bytes of the channels; constant."""
        return sum(array.nbytes for array in (*self._channels, *self._spare))

    def advance(self, dt_s: float) -> None:
        """Let time pass without looking: every channel moves on. The remainder of a cell is kept for the next time.

        Raises:
            BadInput: dt_s is negative or not finite.
        """
        if not 0.0 <= dt_s < np.inf:
            raise BadInput(f"dt_s: want seconds >= 0, got {dt_s!r}")
        self._phase += self.velocities * (dt_s / self.settings.cell_m)
        whole = _nearest(self._phase)
        self._phase -= whole
        self._shift(whole)

    def ego_shift(self, cells_x: int, cells_y: int) -> None:
        """The robot went on by whole cells and the grid with it."""
        self._first = (self._first[0] + int(cells_x), self._first[1] + int(cells_y))
        back = np.array([-cells_x, -cells_y], np.int64)
        self._shift(np.broadcast_to(back, (len(self.velocities), 2)))

    def center_on(self, x: float, y: float) -> None:
        """Shift the grid in whole cells so that (x, y) metres is in its middle cell."""
        half = self.settings.n_cells // 2
        self.ego_shift(self._cell(x) - half - self._first[0], self._cell(y) - half - self._first[1])

    def _shift(self, cells: NDArray[Any]) -> None:
        shifts = np.ascontiguousarray(np.clip(cells, -(1 << 20), 1 << 20), np.int64)
        if not shifts.any():
            return
        for array in self._spare:
            array[:] = 0
        kernels.shift(self._channels, shifts, self.settings.torus, self._spare)
        self._channels, self._spare = self._spare, self._channels

    def update(
        self,
        positions: ArrayLike,
        *,
        dt_s: float = 0.0,
        observed: NDArray[np.bool_] | None = None,
        ego_shift: tuple[int, int] = (0, 0),
    ) -> None:
        """Time passes, the robot goes on, and movers are seen at positions.

        Args:
            positions: (N, 2) metres, map frame; those outside the grid are passed over.
            dt_s: seconds since the last call.
            observed: (n, n) cells that were seen, after the shift; the whole grid when None. Movers count only there.
            ego_shift: whole cells by which the grid moves first.
        """
        at = np.asarray(positions, np.float64).reshape(-1, 2)
        if not np.isfinite(at).all():
            raise BadInput("positions: want finite metres (N, 2)")
        n = self.settings.n_cells
        seen = np.ones((n, n), bool) if observed is None else np.ascontiguousarray(observed, bool)
        if seen.shape != (n, n):
            raise BadInput(f"observed: want ({n}, {n}) cells, got {seen.shape}")
        self.advance(dt_s)
        if ego_shift != (0, 0):
            self.ego_shift(*ego_shift)
        places = at / self.settings.cell_m - self._first
        places = places[((places >= 0) & (places < n)).all(axis=1)]
        cells, one_of_each = np.unique(np.floor(places).astype(np.int64), axis=0, return_index=True)
        places = np.ascontiguousarray(places[one_of_each][seen[cells[:, 0], cells[:, 1]]])
        noise = self.settings.noise_m / self.settings.cell_m
        self._newest = int(
            kernels.weigh(places, self._channels, self._phase, seen, noise, self.settings.torus, self._newest)
        )

    def predict(self, dt_s: float = 0.0) -> NDArray[np.float32]:
        """(n, n) probability that a mover is in each cell in dt_s seconds, if all go on as they went."""
        if not 0.0 <= dt_s < np.inf:
            raise BadInput(f"dt_s: want seconds >= 0, got {dt_s!r}")
        probability = np.zeros(self._shape[1:], np.float32)
        ahead = self._phase + self.velocities * (dt_s / self.settings.cell_m)
        kernels.together(self._channels, ahead, self.settings.torus, probability)
        return probability

    def movers(self, dt_s: float = 0.0) -> list[Mover]:
        """What moves, most evidence first, where it will be in dt_s seconds. O(channels x cells).

        Channels that agree within two cells and velocities are one mover, at the mean of them.
        """
        of, shares, offsets, _ = self._channels
        c, i, j = np.nonzero((of >= self.settings.min_evidence) & (shares >= _LIKELY))
        evidence, share = of[c, i, j].astype(np.int64), shares[c, i, j]
        order = np.lexsort((j, i, c, -evidence, -share))
        at = (np.stack([i, j], axis=1) + offsets[c, i, j] + self._phase[c])[order]
        steps = (self.velocities[c] / self.settings.velocity_step_m_s)[order]
        left, found = np.ones(len(order), bool), []
        for k in range(len(order)):
            if not left[k]:
                continue
            near = left & (np.abs(at - at[k]) <= _ALIKE).all(axis=1) & (np.abs(steps - steps[k]) <= _ALIKE).all(axis=1)
            left &= ~near
            most = int(evidence[order][near].max())
            found.append(self._mover(at[near], steps[near], share[order][near], most, dt_s))
        slowest = self.settings.velocity_step_m_s / 2
        found = [mover for mover in found if np.hypot(mover.vx, mover.vy) >= slowest]
        return sorted(found, key=lambda mover: (-mover.evidence, -mover.probability, mover.x, mover.y))

    def _mover(self, at: NDArray[Any], steps: NDArray[Any], share: NDArray[Any], evidence: int, dt_s: float) -> Mover:
        weights = share.astype(np.float64) / share.sum()
        (x, y), (vx, vy) = weights @ at, weights @ steps * self.settings.velocity_step_m_s
        x, y = (x + self._first[0]) * self.settings.cell_m, (y + self._first[1]) * self.settings.cell_m
        return Mover(
            float(x + vx * dt_s), float(y + vy * dt_s), float(vx), float(vy), evidence, float(min(1.0, share.sum()))
        )

    def state(self) -> dict[str, Any]:
        """Values from which `restore` makes the same layer; only cells with evidence. O(channels x cells)."""
        evidence, share, offsets, numbers = self._channels
        at = np.flatnonzero(share > 0)
        return {
            "at": at.astype(np.int64), "evidence": evidence.ravel()[at], "share": share.ravel()[at],
            "offsets": offsets.reshape(-1, 2)[at], "numbers": numbers.ravel()[at],
            "newest": self._newest, "phase": self._phase.copy(), "first": list(self._first),
            "shape": list(self._shape),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`, exactly.

        Raises:
            CorruptMemory: it is damaged or of other settings.
        """
        try:
            at, first = state["at"], (int(state["first"][0]), int(state["first"][1]))
            fits = state["shape"] == list(self._shape) and state["phase"].shape == self._phase.shape
            if not fits or (len(at) and not 0 <= at.min() <= at.max() < np.prod(self._shape)):
                raise CorruptMemory("movers: what was stored is of another grid")
            evidence, share, offsets, numbers = self._empty()
            evidence.ravel()[at], share.ravel()[at] = state["evidence"], state["share"]
            offsets.reshape(-1, 2)[at], numbers.ravel()[at] = state["offsets"], state["numbers"]
            self._newest = int(state["newest"])
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise CorruptMemory(f"movers: {error!r} in what was stored") from error
        self._channels, self._phase, self._first = (evidence, share, offsets, numbers), state["phase"].copy(), first


def _nearest(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Nearest whole numbers; halves go up, so that opposite channels never drift apart by rounding."""
    return np.asarray(np.floor(cells + 0.5))
