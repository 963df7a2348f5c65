# SPDX-License-Identifier: Apache-2.0
"""`python benchmarks/octree.py [--json] [--data FOLDER]`: `tolman bench octree` from a checkout, not installed."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from memory_app.cli.bench import bench

if __name__ == "__main__":
    bench(["octree", *sys.argv[1:]])
