# SPDX-License-Identifier: Apache-2.0
"""Which depth image belongs to which colour image."""

from __future__ import annotations

from bisect import insort

from recordings.drops import Drops
from recordings.messages import ImageMessage

Pair = tuple[ImageMessage, ImageMessage]

_MISSING = {"rgb": "no_depth", "depth": "no_rgb"}
_OTHER = {"rgb": "depth", "depth": "rgb"}


class _Stream:
    """Images of one kind that wait for a partner, oldest first; and the newest stamp there has been."""

    def __init__(self) -> None:
        self.stamps: list[int] = []
        self.images: dict[int, ImageMessage] = {}
        self.newest_ns = -1

    def add(self, image: ImageMessage) -> None:
        insort(self.stamps, image.stamp_ns)
        self.images[image.stamp_ns] = image
        self.newest_ns = max(self.newest_ns, image.stamp_ns)

    def take(self) -> ImageMessage:
        return self.images.pop(self.stamps.pop(0))


class ImagePairing:
    """Pairs colour and depth by stamp: equal stamps, else nearest to each other within a slop; each used once.

    The result depends on the stamps only, not on how the two streams interleave, as long as each comes in order.
    """

    def __init__(self, *, slop_ns: int, max_queue: int, drops: Drops) -> None:
        """Holds at most `max_queue` images of each kind; counts what finds no partner in `drops`."""
        self._slop_ns = slop_ns
        self._max_queue = max_queue
        self._drops = drops
        self._streams = {"rgb": _Stream(), "depth": _Stream()}
        self._decided_ns = -1

    @property
    def newest_ns(self) -> int:
        """The newest stamp of any image that came."""
        return max(stream.newest_ns for stream in self._streams.values())

    def add(self, kind: str, image: ImageMessage) -> list[Pair]:
        """Take an image of kind "rgb" or "depth"; returns the pairs (rgb, depth) now certain, in stamp order."""
        stream = self._streams[kind]
        if image.stamp_ns in stream.images:
            self._drops.add("duplicate", f"two {kind} images at {image.stamp_ns / 1e9:.6f} s")
            return []
        if image.stamp_ns <= self._decided_ns:
            self._drops.add("out_of_order", f"{kind} at {image.stamp_ns / 1e9:.6f} s came after newer pairs")
            return []
        stream.add(image)
        pairs = self._settle(at_end=False)
        if len(stream.stamps) > self._max_queue:
            self._give_up(kind, f"{self._max_queue} {kind} images wait for {_OTHER[kind]}")
        return pairs

    def finish(self) -> list[Pair]:
        """The last pairs when nothing more comes; what stays alone is dropped."""
        return self._settle(at_end=True)

    def _settle(self, at_end: bool) -> list[Pair]:
        pairs: list[Pair] = []
        while (kind := self._oldest()) is not None:
            decision = self._decide(kind, at_end)
            if decision == "wait":
                break
            if decision == "pair":
                pairs.append(self._take_pair())
            else:
                self._give_up(kind, f"{kind} at {self._streams[kind].stamps[0] / 1e9:.6f} s", decision)
        return pairs

    def _oldest(self) -> str | None:
        waiting = [(stream.stamps[0], kind) for kind, stream in self._streams.items() if stream.stamps]
        return min(waiting)[1] if waiting else None

    def _decide(self, kind: str, at_end: bool) -> str:
        """What happens to the oldest image: "pair" with the other's oldest, "wait", or a reason to drop it."""
        own, other = self._streams[kind], self._streams[_OTHER[kind]]
        stamp_ns = own.stamps[0]
        if not other.stamps:
            may_come = other.newest_ns < stamp_ns and not at_end
            return "wait" if may_come else _MISSING[kind]
        distance = other.stamps[0] - stamp_ns
        if distance == 0:
            return "pair"
        if distance > self._slop_ns:
            return _MISSING[kind]
        if len(own.stamps) == 1:
            return "pair" if at_end else "wait"
        # The other image may be nearer to our next one.
        return "unsynchronised" if abs(own.stamps[1] - other.stamps[0]) < distance else "pair"

    def _take_pair(self) -> Pair:
        rgb, depth = self._streams["rgb"].take(), self._streams["depth"].take()
        self._decided_ns = max(rgb.stamp_ns, depth.stamp_ns)
        return rgb, depth

    def _give_up(self, kind: str, message: str, reason: str | None = None) -> None:
        image = self._streams[kind].take()
        self._decided_ns = max(self._decided_ns, image.stamp_ns)
        self._drops.add(reason or _MISSING[kind], message)
