# SPDX-License-Identifier: Apache-2.0
"""What the README and the docs show is true: the code runs, the commands exist, the pictures are there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from memory_app.cli import _COMMANDS

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(page):
    """Every line of a shell block that starts tolman, without its comment."""
    for block in blocks(page, "(?:sh|bash|console)?"):
        for line in block.splitlines():
            if line.startswith("tolman "):
                yield shlex.split(line, comments=True)


def test_the_python_session_of_the_readme_runs(tmp_path):
    (code,) = blocks(ROOT / "README.md", "python")

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_tolman_command_shown_exists(page):
    shown = [words[1] for words in commands(page) if len(words) > 1 and not words[1].startswith("-")]

    assert set(shown) <= set(_COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_readme_names_the_two_commands_that_the_makefile_has():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    for target in ("demo", "test"):
        assert f"make {target}" in readme
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_ci_runs_the_test_command_of_the_readme():
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
