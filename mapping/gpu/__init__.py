# SPDX-License-Identifier: Apache-2.0
"""Mapping on a graphics processor: the same arrays and the same arithmetic as on the CPU, in kernels of NVIDIA Warp.

The host keeps the books (regions, rows, paging, fading, stamps); the device holds the voxels of the rows. Only
`mapping.gpu.device` may be imported without Warp.
"""
