# SPDX-License-Identifier: Apache-2.0
"""Interfaces are compiled once, only when something changed, and what is missing is named."""

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def builder():
    spec = importlib.util.spec_from_file_location("build_interfaces", ROOT / "tools" / "build_interfaces.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["build_interfaces"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["build_interfaces"]


def test_what_is_built_is_not_built_again(builder, capsys):
    assert builder.main([]) == 0
    assert capsys.readouterr().out == "tf2_msgs: up to date\ntolman_msgs: up to date\n"


def test_a_changed_definition_is_noticed(builder, tmp_path):
    before = builder.fingerprint(builder.read_package(ROOT / "tolman_msgs"))
    copy = shutil.copytree(ROOT / "tolman_msgs", tmp_path / "tolman_msgs")
    with (copy / "msg" / "Evidence.msg").open("a") as definition:
        definition.write("string more\n")

    assert builder.fingerprint(builder.read_package(copy)) != before


def test_dependencies_are_followed_to_the_end(builder):
    found = builder.read_package(ROOT / "tolman_msgs").dependencies

    assert {"geometry_msgs", "std_msgs", "builtin_interfaces", "service_msgs"} <= set(found)


def test_the_transform_type_is_the_one_that_everybody_speaks(builder):
    description = json.loads((builder.SHARE / "tf2_msgs" / "msg" / "TFMessage.json").read_text())

    # REP 2011: the hash of the type's structure; the same in every ROS 2 since Iron.
    known = "RIHS01_e369d0f05a23ae52508854b66f6aa0437f3449d652e8cbf22d5abe85d020f087"
    assert description["type_hashes"][0]["hash_string"] == known


def test_a_missing_compiler_is_named_with_how_to_get_one(builder, monkeypatch, capsys):
    monkeypatch.setenv("CC", "no-such-compiler")

    assert builder.main([]) == 1
    assert "no compiler no-such-compiler; install one with: sudo apt install gcc g++" in capsys.readouterr().err


def test_missing_wheels_are_named_with_how_to_get_them(builder, monkeypatch):
    monkeypatch.setattr(builder.importlib.util, "find_spec", lambda name: None)

    with pytest.raises(builder.CannotBuild, match=r"pip install 'tolman\[ros-pypi\]'"):
        builder.check_tools()


def test_a_package_of_a_ros_installation_is_left_alone(builder, monkeypatch, tmp_path):
    (tmp_path / "tf2_msgs").mkdir()
    (tmp_path / "tf2_msgs" / "__init__.py").touch()
    spec = importlib.util.spec_from_file_location("tf2_msgs", tmp_path / "tf2_msgs" / "__init__.py")
    monkeypatch.setattr(builder.importlib.util, "find_spec", lambda name: spec)
    source = builder._tf2_source(tmp_path / "scratch")

    assert builder.ensure(source, tmp_path) == f"tf2_msgs: provided by {tmp_path / 'tf2_msgs'}, left alone"


def test_a_folder_that_is_no_package_is_refused(builder, tmp_path):
    with pytest.raises(builder.CannotBuild, match=r"want a package\.xml"):
        builder.ensure(tmp_path, tmp_path)
