# SPDX-License-Identifier: Apache-2.0
"""Measurements that `tolman bench` runs; the numbers of the README come from here."""
