# SPDX-License-Identifier: Apache-2.0
"""python -m memory_app: the `tolman` command."""

from memory_app.cli import main

main()
