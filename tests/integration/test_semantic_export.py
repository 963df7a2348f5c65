# SPDX-License-Identifier: Apache-2.0
"""tolman export --format semantic writes a picture and its labels."""

import json

import cv2
from click.testing import CliRunner

from memory_app.cli.export import export
from memory_app.pipeline import Pipeline
from memory_core.memory import Memory
from sim import house_source


def test_the_picture_and_its_labels_tell_of_the_memorys_objects(tmp_path):
    with Memory.open(tmp_path / "m") as memory:
        Pipeline().run(house_source("house", width=160, height=120), memory, limit=30)
        names = {instance.label for instance in memory.graph().instances.values()}
    done = CliRunner().invoke(export, [str(tmp_path / "m"), "--format", "semantic", "-o", str(tmp_path / "map.png")])
    labels = json.loads((tmp_path / "map.json").read_text(encoding="utf-8"))["labels"]

    assert done.exit_code == 0, done.output
    assert cv2.imread(str(tmp_path / "map.png")).shape == (1920, 1920, 3)
    assert labels
    assert {label["label"] for label in labels} <= names
