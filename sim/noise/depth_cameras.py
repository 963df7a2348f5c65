# SPDX-License-Identifier: Apache-2.0
"""What real depth cameras make of a perfect depth image: noise, steps, shadows, holes and flying pixels.

Figures are typical of the two kinds of camera, not of one model. Everything is plain numpy and O(pixels).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from memory_core.geometry import Vec

Depth = NDArray[np.float32]
Camera = Callable[[Depth, NDArray[np.uint8], Vec, np.random.Generator], Depth]

_EDGE_SHARE = 0.04  # of the depth: a greater step between neighbours is an edge of a thing
_DARK = 40.0  # luminance 0..255 below which returns become rare

_PATTERN_PX_M = 585.0 * 0.075  # focal length times baseline of the sensor itself, whatever size the image has
_BASELINE_M = 0.075
_DISPARITY_STEP_PX = 1 / 8
_PATTERN_RANGE_M = (0.4, 5.0)
_GRAZING_COS = 0.17  # 80 degrees

_TOF_RANGE_M = (0.25, 5.5)
_WIGGLE_M, _WIGGLE_WAVE_M = 0.004, 1.5
_MULTIPATH_SHARE, _MULTIPATH_MOST_M = 0.25, 0.03
_MULTIPATH_WINDOW = 15


def structured_light(depth: Depth, rgb: NDArray[np.uint8], K: Vec, rng: np.random.Generator) -> Depth:
    """A projected pattern seen from beside the projector (Kinect, Astra, RealSense D4xx with its projector).

    Noise grows with the square of the distance and at grazing angles; depth comes in steps of 1/8 pixel of disparity;
    beside near things lies a shadow without depth; edges are ragged; grazing, dark, too near and too far surfaces
    give nothing.

    Args:
        depth: (H, W) metres, 0 for nothing; rgb: (H, W, 3) of the same pixels; K: (3, 3) pixels.
    """
    seen = _jittered(depth, rng)
    cos = _cos_of_incidence(seen, K)
    gone = (depth == 0) | _shadow(depth, K) | (cos < _GRAZING_COS)
    gone |= _edges(seen) & (rng.random(depth.shape) < 0.5)
    gone |= rng.random(depth.shape) < _dark_share(rgb) * 0.9
    tilt = np.minimum(np.arccos(np.clip(cos, 0, 1)), 1.4)
    sigma = 0.0012 + 0.0019 * np.square(seen - 0.4)
    sigma += 0.0001 / np.sqrt(np.maximum(seen, 0.1)) * np.square(tilt / (np.pi / 2 - tilt))
    noisy = np.maximum(seen + sigma * rng.standard_normal(depth.shape), 0.05)
    steps = np.maximum(np.round(_PATTERN_PX_M / noisy / _DISPARITY_STEP_PX), 1)
    return _within(_PATTERN_PX_M / (steps * _DISPARITY_STEP_PX), gone, _PATTERN_RANGE_M)


def time_of_flight(depth: Depth, rgb: NDArray[np.uint8], K: Vec, rng: np.random.Generator) -> Depth:
    """Modulated light timed on its way (Kinect v2, Azure Kinect).

    Noise grows with distance and darkness; between a thing and what is behind it pixels fly; corners that shine on
    themselves look deeper than they are, and all depths err by a wave of some millimetres; dark far surfaces give
    nothing, nor does what is too near or too far.

    Args:
        depth: (H, W) metres, 0 for nothing; rgb: (H, W, 3) of the same pixels; K: (3, 3) pixels.
    """
    z = depth.astype(np.float64)
    brightness = np.maximum(_luminance(rgb) / 255, 0.05)
    cos = np.maximum(_cos_of_incidence(depth, K), 0.1)
    strength = np.sqrt(brightness * cos)
    biased = z + _WIGGLE_M * np.sin(2 * np.pi * z / _WIGGLE_WAVE_M) + _multipath(z)
    near, far = _neighbourhood(depth)
    flies = _edges(depth) & (rng.random(depth.shape) < 0.4) & (near > 0)
    biased = np.where(flies, near + rng.random(depth.shape) * (far - near), biased)
    sigma = (0.0007 + 0.0004 * np.square(z)) / strength
    noisy = biased + sigma * rng.standard_normal(depth.shape)
    gone = (depth == 0) | (rng.random(depth.shape) < np.clip(z * 0.12 / strength - 1.6, 0, 1))
    return _within(noisy, gone, _TOF_RANGE_M)


CAMERAS: dict[str, Camera] = {"structured_light": structured_light, "tof": time_of_flight}


def _within(depth: Vec, gone: NDArray[np.bool_], range_m: tuple[float, float]) -> Depth:
    kept = ~gone & (depth >= range_m[0]) & (depth <= range_m[1])
    return np.where(kept, depth, 0.0).astype(np.float32)


def _luminance(rgb: NDArray[np.uint8]) -> Vec:
    return np.asarray(rgb @ np.array([0.299, 0.587, 0.114]))


def _dark_share(rgb: NDArray[np.uint8]) -> Vec:
    """(H, W) 0..1, 1 for black and 0 from `_DARK` on."""
    return np.asarray(np.clip(1 - _luminance(rgb) / _DARK, 0, 1))


def _jittered(depth: Depth, rng: np.random.Generator) -> Depth:
    """Every pixel takes the depth of one beside it now and then: edges become ragged."""
    height, width = depth.shape
    v, u = np.indices(depth.shape)
    dv, du = np.round(rng.normal(0, 0.4 * width / 640 + 0.1, (2, height, width))).astype(int)
    return np.asarray(depth[np.clip(v + dv, 0, height - 1), np.clip(u + du, 0, width - 1)])


def _neighbourhood(depth: Depth) -> tuple[Depth, Depth]:
    """(H, W) least and greatest depth of a pixel and its four neighbours, 0 where one of them is nothing."""
    padded = np.pad(depth, 1, mode="edge")
    stack = [padded[1:-1, 1:-1], padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]]
    return np.minimum.reduce(stack), np.maximum.reduce(stack)


def _edges(depth: Depth) -> NDArray[np.bool_]:
    near, far = _neighbourhood(depth)
    return np.asarray(far - near > _EDGE_SHARE * np.maximum(near, 0.1))


def _shadow(depth: Depth, K: Vec) -> NDArray[np.bool_]:
    """Pixels the projector, beside the camera, does not reach: their place in its image lies behind a nearer one's."""
    with np.errstate(divide="ignore"):
        shift = np.where(depth > 0, K[0, 0] * _BASELINE_M / depth, -np.inf)
    place = np.arange(depth.shape[1]) + shift
    furthest = np.maximum.accumulate(place, axis=1)
    before = np.pad(furthest[:, :-1], ((0, 0), (1, 0)), constant_values=-np.inf)
    return np.asarray(place < before - 1)


def _cos_of_incidence(depth: Depth, K: Vec) -> Vec:
    """(H, W) cosine between a pixel's ray and the surface's normal, 1 head-on; 1 / depth is linear on a plane."""
    inverse = np.where(depth > 0, 1.0 / np.maximum(depth, 1e-3), 0.0)
    slope_v, slope_u = (_central(inverse, axis) for axis in (0, 1))
    height, width = depth.shape
    u, v = np.arange(width) - K[0, 2], (np.arange(height) - K[1, 2])[:, None]
    normal = np.stack([K[0, 0] * slope_u, K[1, 1] * slope_v, inverse - u * slope_u - v * slope_v], axis=-1)
    ray_length = np.sqrt(1 + np.square(u / K[0, 0]) + np.square(v / K[1, 1]))
    return np.asarray(inverse / np.maximum(np.linalg.norm(normal, axis=-1) * ray_length, 1e-9))


def _central(values: Vec, axis: int) -> Vec:
    """The flatter of the slopes to both sides, so that an edge does not look like a steep surface."""
    step = np.diff(values, axis=axis)
    before = np.concatenate([step.take([0], axis=axis), step], axis=axis) if step.size else np.zeros_like(values)
    after = np.concatenate([step, step.take([-1], axis=axis)], axis=axis) if step.size else np.zeros_like(values)
    return np.where(np.abs(before) < np.abs(after), before, after)


def _multipath(z: Vec) -> Vec:
    """(H, W) metres that light bouncing in a hollow adds: a share of how far a pixel lies behind those around it."""
    hollow = np.clip(z - _mean_around(z), 0, _MULTIPATH_MOST_M / _MULTIPATH_SHARE)
    return np.where(hollow < 0.1 * z, _MULTIPATH_SHARE * hollow, 0.0)


def _mean_around(values: Vec) -> Vec:
    """(H, W) mean over a square window, by sums over rows and columns."""
    half = _MULTIPATH_WINDOW // 2
    for axis in (0, 1):
        widths = [(0, 0), (0, 0)]
        widths[axis] = (half + 1, half)
        total = np.cumsum(np.pad(values, widths, mode="edge"), axis=axis)
        n = values.shape[axis]
        upper, lower = (total.take(range(s, s + n), axis=axis) for s in (_MULTIPATH_WINDOW, 0))
        values = (upper - lower) / _MULTIPATH_WINDOW
    return values
