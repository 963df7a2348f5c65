# SPDX-License-Identifier: Apache-2.0
"""Occupancy of space: hashed blocks of voxels, their kernels, storage and exports."""
