# SPDX-License-Identifier: Apache-2.0
"""Surfaces with colour: distances to the nearest surface in hashed blocks, and the mesh of where they are zero."""
