# SPDX-License-Identifier: Apache-2.0
"""The import arrows: which package may know which."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CORE = {"memory_core"}
MAY_IMPORT = {
    "memory_core": set(),
    "perception": CORE,
    "mapping": CORE,
    "task_planner": CORE,
    "recordings": CORE | {"perception", "mapping", "task_planner"},
    "sim": CORE | {"perception", "mapping", "task_planner"},
    "memory_app": CORE | {"perception", "mapping", "task_planner", "recordings", "sim"},
    "memory_nodes": CORE | {"perception", "mapping", "task_planner", "recordings", "sim", "memory_app"},
}
ROS = {"rclpy", "tf2_ros", "launch", "launch_ros"}
HEAVY_FOR_CORE = {"torch", "open3d", "cv2", "numba", "scipy", "matplotlib", "rosbags"}


def imports_of(path):
    """Top-level names a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def files_of(package):
    return sorted((ROOT / package).rglob("*.py"))


def is_ros(name):
    return name in ROS or name.endswith("_msgs") or name.endswith("_srvs")


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_follow_the_arrows(package):
    forbidden = set(MAY_IMPORT) - MAY_IMPORT[package] - {package}
    found = [(path.name, name) for path in files_of(package) for name in imports_of(path) if name in forbidden]

    assert files_of(package), f"{package} has no files: is the test looking in the right place?"
    assert found == []


@pytest.mark.parametrize("package", [name for name in MAY_IMPORT if name != "memory_nodes"])
def test_only_the_nodes_import_ros(package):
    found = [(path.name, name) for path in files_of(package) for name in imports_of(path) if is_ros(name)]

    assert found == []


def test_the_core_stays_light():
    found = [(p.name, name) for p in files_of("memory_core") for name in imports_of(p) if name in HEAVY_FOR_CORE]

    assert found == []


def test_learned_models_live_in_perception_only():
    others = [package for package in MAY_IMPORT if package != "perception"]
    found = [(p.name, n) for package in others for p in files_of(package) for n in imports_of(p) if n == "torch"]

    assert found == []


def test_nothing_is_pickled():
    dangerous = {"pickle", "dill", "shelve", "marshal", "joblib"}
    found = [(p.name, n) for package in MAY_IMPORT for p in files_of(package) for n in imports_of(p) if n in dangerous]

    assert found == []


def test_every_file_names_its_licence_first():
    files = [path for package in MAY_IMPORT for path in files_of(package)]
    files += [*(ROOT / "tests").rglob("*.py"), *(ROOT / "tools").rglob("*.py"), *(ROOT / "launch").rglob("*.py")]
    first_lines = {path: path.read_text(encoding="utf-8").split("\n", 1)[0] for path in files}

    assert [str(p) for p, line in first_lines.items() if line != "# SPDX-License-Identifier: Apache-2.0"] == []


def test_node_code_never_reads_the_wall_clock():
    calls = [
        path.name
        for path in files_of("memory_nodes")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("time", "time_ns")
        if isinstance(node.value, ast.Name) and node.value.id == "time"
    ]

    assert calls == []
