# SPDX-License-Identifier: Apache-2.0
"""The launch files can be executed and refer to things that exist."""

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


class Recorded:
    """Stands for any class of launch: keeps what it was made with."""

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs


class _RecorderModule(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        made = type(name, (Recorded,), {})
        setattr(self, name, made)
        return made


class _Recorder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Serves `launch` and `launch_ros`, which no wheel brings."""

    def find_spec(self, fullname, path, target=None):
        if fullname.split(".")[0] in ("launch", "launch_ros"):
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec):
        module = _RecorderModule(spec.name)
        module.__path__ = []
        return module

    def exec_module(self, module):
        pass


@pytest.fixture
def described():
    """Returns a function: name of a launch file -> (module, entities of its description)."""
    recorder = _Recorder()
    sys.meta_path.insert(0, recorder)

    def run(name):
        path = ROOT / "launch" / f"{name}.launch.py"
        spec = importlib.util.spec_from_file_location(f"described_{name}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module, module.generate_launch_description().args[0]

    yield run
    sys.meta_path.remove(recorder)
    for name in [name for name in sys.modules if name.split(".")[0] in ("launch", "launch_ros")]:
        del sys.modules[name]


def arguments(entities):
    return {e.args[0]: e.kwargs for e in entities if type(e).__name__ == "DeclareLaunchArgument"}


def nodes(entities, package="tolman"):
    return [e for e in entities if type(e).__name__ == "Node" and e.kwargs["package"] == package]


@pytest.mark.parametrize("name", ["bringup", "replay", "sim"])
def test_every_argument_is_described(described, name):
    _, entities = described(name)

    assert arguments(entities)
    assert all(about["description"] for about in arguments(entities).values())


@pytest.mark.parametrize("name", ["bringup", "replay", "sim"])
def test_the_usual_arguments_are_there(described, name):
    _, entities = described(name)

    usual = {
        "namespace",
        "use_sim_time",
        "params_file",
        "log_level",
        "memory_dir",
        "rgb",
        "depth",
        "camera_info",
        "rviz",
    }
    assert usual <= set(arguments(entities))


def test_bringup_starts_without_any_argument(described):
    _, entities = described("bringup")

    assert all(about["default_value"] is not None for about in arguments(entities).values())


@pytest.mark.parametrize("name", ["bringup", "replay", "sim"])
def test_executables_are_entry_points(described, name):
    _, entities = described(name)
    setup = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    scripts = {
        node.value.split("=")[0].strip()
        for node in ast.walk(setup)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ":" in node.value and "=" in node.value
    }

    assert nodes(entities)
    assert {node.kwargs["executable"] for node in nodes(entities)} <= scripts


def test_every_parameter_and_topic_that_bringup_sets_exists(described):
    from memory_nodes.memory_node import SECTIONS

    module, entities = described("bringup")
    known = {section.prefix + spec.name for section in SECTIONS for spec in section.fields()}

    assert set(module.PARAMETERS.values()) <= known
    assert set(module.PARAMETERS) | set(module.REMAPPED) <= set(arguments(entities))


@pytest.mark.parametrize("name", ["replay", "sim"])
def test_arguments_that_are_handed_on_are_those_that_bringup_has(described, name):
    module, entities = described(name)
    handed_on = {
        name for name, _ in next(e for e in entities if "Include" in type(e).__name__).kwargs["launch_arguments"]
    }
    _, bringup = described("bringup")

    assert handed_on == set(module.HANDED_ON) <= set(arguments(bringup))


def test_every_parameter_and_topic_that_the_simulator_is_given_exists(described):
    from memory_nodes.sim_settings import SECTIONS

    module, entities = described("sim")
    (robot,) = nodes(entities)

    assert set(module.PARAMETERS) <= {spec.name for spec in SECTIONS[0].fields()}
    assert set(module.PARAMETERS) | set(module.REMAPPED) <= set(arguments(entities))
    assert all(about["default_value"] is not None for about in arguments(entities).values())
    assert robot.kwargs["executable"] == "sim_node"
    assert yaml.safe_load((ROOT / "config" / "sim.yaml").read_text(encoding="utf-8"))


def test_the_files_that_are_named_exist(described):
    _, entities = described("bringup")
    text = (ROOT / "launch" / "bringup.launch.py").read_text(encoding="utf-8")

    assert nodes(entities, "rviz2")
    for name in ("memory_node.yaml", "tolman.rviz"):
        assert name in text
        assert yaml.safe_load((ROOT / "config" / name).read_text(encoding="utf-8"))
