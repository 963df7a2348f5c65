# SPDX-License-Identifier: Apache-2.0
"""The durable side of a memory: one directory with a SQLite file and content-addressed blobs."""
