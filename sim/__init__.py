# SPDX-License-Identifier: Apache-2.0
"""Simulators as sources of frames and sinks of actions, their truth, and scores against it."""
