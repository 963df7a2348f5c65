# SPDX-License-Identifier: Apache-2.0
"""Composition: the pipeline, the command line and the demo."""
