# SPDX-License-Identifier: Apache-2.0
"""What is installed is ours alone, and says the same everywhere."""

import importlib.metadata
import importlib.util
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NAMES = ["memory_core", "perception", "mapping", "task_planner", "recordings", "sim", "memory_app", "memory_nodes"]


@pytest.mark.parametrize("name", NAMES)
def test_no_other_distribution_brings_our_import_names(name):
    providers = set(importlib.metadata.packages_distributions().get(name, ["tolman"]))

    assert providers == {"tolman"}


@pytest.mark.parametrize("name", NAMES)
def test_our_import_names_come_from_this_checkout(name):
    spec = importlib.util.find_spec(name)

    assert Path(spec.origin).resolve().parent == ROOT / name


def test_the_version_lives_in_package_xml():
    manifest = ET.parse(ROOT / "package.xml").getroot()

    assert importlib.metadata.version("tolman") == manifest.findtext("version")


def test_licence_is_the_same_in_manifest_and_file():
    manifest = ET.parse(ROOT / "package.xml").getroot()

    assert manifest.findtext("license") == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_package_xml_is_a_valid_ros_manifest():
    catkin_pkg = pytest.importorskip("catkin_pkg.package", reason="catkin_pkg comes with the ROS extra")
    package = catkin_pkg.parse_package(str(ROOT / "package.xml"))

    assert package.get_build_type() == "ament_python"


def test_a_wheel_holds_code_and_data_but_no_tests(tmp_path):
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(".*", "build", "*.egg-info", "demo_out"))
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path, checkout],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    listing = subprocess.run(
        [sys.executable, "-m", "zipfile", "-l", wheel], check=True, capture_output=True, text=True
    ).stdout

    assert all(f"{name}/__init__.py" in listing for name in NAMES)
    assert "sim/data/" in listing
    assert "launch/bringup.launch.py" in listing
    assert " tests/" not in listing
