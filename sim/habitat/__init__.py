# SPDX-License-Identifier: Apache-2.0
"""Habitat as a simulator: habitat_sim's images, navigation mesh and semantics behind the common interface."""
