# SPDX-License-Identifier: Apache-2.0
"""Frames and segments to maps and scene graphs."""
