# SPDX-License-Identifier: Apache-2.0
"""Pixels to segments and embeddings; the only home of learned models."""
