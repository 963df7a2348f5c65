# SPDX-License-Identifier: Apache-2.0
"""Parameters are the settings: described, bounded, refused by name."""

from pathlib import Path

import pytest
import yaml

from memory_core.errors import BadSettings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def declared(graph):
    """Returns a function: parameters by name -> (node, settings of each section)."""
    from rclpy.node import Node
    from rclpy.parameter import Parameter

    from memory_nodes import parameters
    from memory_nodes.memory_node import SECTIONS

    made = []

    def declare(**given):
        overrides = [Parameter(name.replace("__", "."), value=value) for name, value in given.items()]
        node = Node(
            "declared", context=graph.context(), parameter_overrides=overrides,
            automatically_declare_parameters_from_overrides=True,
        )  # fmt: skip
        made.append(node)
        return node, parameters.declare(node, *SECTIONS)

    yield declare
    for node in made:
        node.destroy_node()


def test_what_is_given_becomes_settings_and_the_rest_is_default(declared):
    _, (node_settings, recording, pipeline, mapper, _) = declared(queue_size=7, mapper__voxel_size_m=0.1)

    assert node_settings.queue_size == 7
    assert mapper.voxel_size_m == 0.1
    assert recording.world_frame == "map"
    assert pipeline.segmenter == "auto"


def test_a_whole_number_will_do_for_a_float(declared):
    _, (node_settings, *_) = declared(commit_period_s=2)

    assert node_settings.commit_period_s == 2.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"queue": 3}, "unknown parameter queue; there are .*queue_size"),
        ({"queue_size": 0}, "parameter queue_size: want 1 .. 100000 frames, got 0"),
        ({"queue_size": "many"}, "parameter queue_size: want int, got 'many'"),
        ({"image_qos": "good"}, "parameter image_qos: want one of reliable, best_effort, got 'good'"),
        ({"mapper__voxel_size_m": -1.0}, r"parameter mapper\.voxel_size_m: want"),
        ({"input__pose_source": "gps"}, r"parameter input\.pose_source: want one of auto, tf, odometry, pose"),
    ],
)
def test_a_wrong_parameter_is_refused_with_what_was_wanted(declared, given, message):
    with pytest.raises(BadSettings, match=message):
        declared(**given)


def test_every_parameter_is_described_and_read_only(declared):
    node, _ = declared()
    from memory_nodes.memory_node import SECTIONS

    for name in [section.prefix + spec.name for section in SECTIONS for spec in section.fields()]:
        about = node.describe_parameter(name)
        assert about.description, name
        assert about.read_only, name


def test_ranges_are_told_to_whoever_asks(declared):
    node, _ = declared()

    (whole,) = node.describe_parameter("queue_size").integer_range
    (real,) = node.describe_parameter("commit_period_s").floating_point_range
    assert (whole.from_value, whole.to_value) == (1, 100_000)
    assert (real.from_value, real.to_value) == (0.05, 60.0)


def test_setting_a_parameter_later_is_refused_with_a_reason(declared):
    from rclpy.parameter import Parameter

    node, _ = declared()
    (result,) = node.set_parameters([Parameter("queue_size", value=3)])

    assert not result.successful
    assert "read-only" in result.reason


def test_the_parameter_file_names_every_parameter_of_the_node_at_its_default():
    from memory_nodes.memory_node import SECTIONS
    from memory_nodes.parameters import as_yaml

    stored = (ROOT / "config" / "memory_node.yaml").read_text(encoding="utf-8")

    assert stored.split("\n", 2)[2] == as_yaml(SECTIONS[:2])


def test_the_printed_parameter_file_is_one_that_ros_reads(declared, tmp_path, graph):
    from rclpy.node import Node

    from memory_nodes import parameters
    from memory_nodes.memory_node import SECTIONS

    path = tmp_path / "all.yaml"
    path.write_text(parameters.as_yaml(SECTIONS))
    assert set(yaml.safe_load(path.read_text())) == {"/**"}
    context = graph.context("--ros-args", "--params-file", str(path))
    node = Node("reads", context=context, automatically_declare_parameters_from_overrides=True)

    assert parameters.declare(node, *SECTIONS) == declared()[1]
    node.destroy_node()


def test_the_documentation_lists_every_parameter_of_the_node():
    from memory_nodes.memory_node import SECTIONS

    text = (ROOT / "docs" / "ros.md").read_text(encoding="utf-8")

    for section in SECTIONS[:2]:
        for spec in section.fields():
            assert f"`{section.prefix}{spec.name}`" in text, spec.name
