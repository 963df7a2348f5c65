# SPDX-License-Identifier: Apache-2.0
"""Package metadata. Name, version and description are read from package.xml, their one place."""

import xml.etree.ElementTree as ET
from glob import glob
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent
MANIFEST = ET.parse(ROOT / "package.xml").getroot()
NAME = MANIFEST.findtext("name")
PACKAGES = [
    "memory_core", "perception", "mapping", "task_planner", "recordings", "sim", "memory_app", "memory_nodes",
]  # fmt: skip

setup(
    name=NAME,
    version=MANIFEST.findtext("version"),
    description=MANIFEST.findtext("description"),
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=[pattern for name in PACKAGES for pattern in (name, f"{name}.*")]),
    package_data={"sim": ["data/*"], "memory_app": ["benchmarks/*.cpp"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        (f"share/{NAME}/launch", sorted(glob("launch/*.launch.py"))),
        (f"share/{NAME}/config", sorted(glob("config/*"))),
    ],
    install_requires=[
        "apsw>=3.46",
        "click>=8.1",
        "matplotlib>=3.6",
        "mcap>=1.1",
        "networkx>=3.0",
        "numba>=0.59",
        "numpy>=1.26",
        "opencv-python-headless>=4.8",
        "pyyaml>=6.0",
        "rosbags>=0.10",
        "scipy>=1.11",
        "tqdm>=4.65",
    ],
    extras_require={
        # A real rclpy without a ROS installation. Never in install_requires: it would shadow the distribution's own.
        "ros-pypi": [
            "ros-rclpy[fastrtps]>=7.1,<10",
            "ros-sensor-msgs",
            "ros-nav-msgs",
            "ros-visualization-msgs",
            "ros-std-srvs",
            "ros-diagnostic-msgs",
            "catkin_pkg",
        ],
        "mesh": ["open3d>=0.18"],
        "thor": ["ai2thor>=5.0,<6"],
        "torch": ["torch>=2.1"],
        "cuda": ["warp-lang>=1.19,<2"],
        "test": [
            # What AI2-THOR's client needs, but for its own copy of OpenCV, which would replace the headless one:
            # tools/setup.sh installs the client itself.
            "aws-requests-auth",
            "botocore",
            "flask",
            "hypothesis",
            "msgpack",
            "mypy",
            "progressbar2",
            "psutil",
            "pyoctomap",
            "pytest",
            "pytest-timeout",
            "pytest-xdist",
            "python-xlib",
            "requests",
            "ruff",
            "spark_dsg",
            "trimesh",
            "types-PyYAML",
            "types-tqdm",
            "warp-lang>=1.19,<2; sys_platform == 'linux' and platform_machine == 'x86_64'",
        ],
    },
    entry_points={
        "console_scripts": [
            "tolman = memory_app.cli:main",
            "memory_node = memory_nodes.cli:memory_node",
            "sim_node = memory_nodes.cli:sim_node",
        ]
    },
    zip_safe=False,
)
