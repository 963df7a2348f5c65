# SPDX-License-Identifier: Apache-2.0
"""Things over time: surfaces, tracks, association, relations and changes."""
