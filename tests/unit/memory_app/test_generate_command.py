# SPDX-License-Identifier: Apache-2.0
"""tolman sim generate writes a house that loads, and draws it."""

import json

import pytest
from click.testing import CliRunner

from memory_app.cli.generate import generate
from memory_core.errors import BadHouse, BadInput
from sim.house.schema import load_house


def run(*arguments):
    return CliRunner().invoke(generate, [str(argument) for argument in arguments])


def test_the_file_is_the_house_that_its_name_makes(tmp_path):
    result = run("--rooms", 3, "--seed", 7, "-o", tmp_path / "house.json", "--json")
    told = json.loads(result.output)
    assert told["house"] == "house:gen?rooms=3&seed=7&kind=flat"
    assert told["rooms"] == len(load_house(tmp_path / "house.json").rooms) == 3
    named = load_house(told["house"].removeprefix("house:"))
    assert [o.uid for o in named.objects] == [o.uid for o in load_house(tmp_path / "house.json").objects]


def test_the_floor_plan_is_a_picture_and_always_the_same(tmp_path):
    pictures = []
    for name in ("a.png", "b.png"):
        result = run("--rooms", 2, "-o", tmp_path / "house.json", "--picture", tmp_path / name)
        assert result.exit_code == 0, result.output
        pictures.append((tmp_path / name).read_bytes())
    assert pictures[0] == pictures[1]
    assert pictures[0].startswith(b"\x89PNG")


def test_it_says_in_one_sentence_what_cannot_be(tmp_path):
    assert isinstance(run("--rooms", 0, "-o", tmp_path / "house.json").exception, BadHouse)
    assert isinstance(run("-o", tmp_path / "missing" / "house.json").exception, BadInput)
    picture = run("-o", tmp_path / "house.json", "--picture", tmp_path / "missing" / "plan.png")
    assert isinstance(picture.exception, BadInput)


@pytest.mark.parametrize("kind", ["flat", "house", "office"])
def test_all_kinds_can_be_asked_for(tmp_path, kind):
    assert run("--kind", kind, "--rooms", 6, "-o", tmp_path / "house.json").output.startswith(str(tmp_path))
