# SPDX-License-Identifier: Apache-2.0
"""Writes a table of model sizes from dumps of iTHOR scenes' metadata; name it with --asset-database.

usage: python tools/measure_assets.py TABLE.json DUMP.json...
"""

import json
import sys
from pathlib import Path

from sim.house.measuring import measured_assets
from sim.house.schema import load_house


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    table = measured_assets(load_house(dump) for dump in sys.argv[2:])
    Path(sys.argv[1]).write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{sum(map(len, table.values()))} models of {len(table)} types\n")


if __name__ == "__main__":
    main()
