# SPDX-License-Identifier: Apache-2.0
"""What all kernels share: the module that Warp compiles them with, and rows of voxels to and from the device.

Sums and products are not fused, so that a GPU rounds as the CPU does.
"""
# mypy: ignore-errors

from typing import Any

import warp as wp

wp.config.log_level = wp.LOG_ERROR  # that there is no driver is no news
OPTIONS = {"enable_backward": False, "fuse_fp": False, "fast_math": False}
wp.set_module_options(OPTIONS)


@wp.kernel
def scatter(rows: wp.array(dtype=wp.int32), values: wp.array2d(dtype=Any), held: wp.array2d(dtype=Any)):
    """held[rows] = values."""
    i, j = wp.tid()
    held[rows[i], j] = values[i, j]


@wp.kernel
def gather(rows: wp.array(dtype=wp.int32), held: wp.array2d(dtype=Any), values: wp.array2d(dtype=Any)):
    """values = held[rows]."""
    i, j = wp.tid()
    values[i, j] = held[rows[i], j]


for _kind in (wp.int8, wp.uint8, wp.int16):
    wp.overload(scatter, {"values": wp.array2d(dtype=_kind), "held": wp.array2d(dtype=_kind)})
    wp.overload(gather, {"held": wp.array2d(dtype=_kind), "values": wp.array2d(dtype=_kind)})
