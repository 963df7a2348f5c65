# SPDX-License-Identifier: Apache-2.0
"""Bags and data sets as sources of frames, and writers of bags."""
