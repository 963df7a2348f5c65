# SPDX-License-Identifier: Apache-2.0
"""tolman up, tolman play, and the executables that launch files start."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rclpy.utilities import remove_ros_args
from tqdm import tqdm

from memory_core.errors import BadInput, BadSettings, BadSource, TolmanError
from memory_nodes import runtime, transport
from memory_nodes.parameters import as_yaml
from memory_nodes.player import Player, PlayOptions
from recordings import BagSource, open_source
from sim.making import SIMULATORS

_ROS_ARGUMENTS = {"ignore_unknown_options": True, "allow_interspersed_args": True}
_EPILOG_UP = """\b
Examples:
  tolman up --memory ~/memory --like kitchen.mcap      (then: tolman play kitchen.mcap)
  tolman up --memory ~/memory --rgb /camera/color/image_raw \\
      --depth /camera/aligned_depth_to_color/image_raw --camera-info /camera/color/camera_info
  tolman up --memory ~/memory --params-file my_robot.yaml --ros-args -r __ns:=/robot1
  tolman up --memory ~/memory --sim house              (then publish on cmd_vel, goal_pose or /tolman_sim/act)

\b
Ask:  ros2 service call /tolman/query tolman_msgs/srv/Query "{text: 'where is the mug?'}"
or publish {"id": 1, "text": "where is the mug?"} on /tolman/question and read /tolman/answer."""


@click.command(context_settings=_ROS_ARGUMENTS, epilog=_EPILOG_UP)
@click.option("--memory", "memory_dir", type=click.Path(path_type=Path), help="Directory of the memory.")
@click.option("--like", metavar="BAG", type=click.Path(path_type=Path), help="Take the topics that this bag has.")
@click.option("--rgb", metavar="TOPIC", help="Colour images. [default: rgb]")
@click.option("--depth", metavar="TOPIC", help="Depth images registered to colour. [default: depth]")
@click.option("--camera-info", metavar="TOPIC", help="CameraInfo of the colour images. [default: camera_info]")
@click.option("--odom", metavar="TOPIC", help="Take poses from this nav_msgs/Odometry.")
@click.option("--pose", metavar="TOPIC", help="Take poses from this geometry_msgs/PoseStamped of the camera.")
@click.option("--instances", metavar="TOPIC", help="A simulator's instance images, which then label what is seen.")
@click.option("--instance-labels", metavar="TOPIC", help="Names of the instances. [default: instance_labels]")
@click.option("--compressed", is_flag=True, help="Subscribe the compressed transports of rgb and depth.")
@click.option("--sim-time", is_flag=True, help="Take the time from /clock.")
@click.option("--params-file", type=click.Path(path_type=Path), help="YAML of ROS parameters; see config/.")
@click.option("--print-params", is_flag=True, help="Print a parameter file with every parameter and its meaning.")
@click.option("--no-planner", is_flag=True, help="Memory only.")
@click.option("--sim", "simulator", type=click.Choice(SIMULATORS), help="Let a simulator be the robot.")
@click.option("--scene", metavar="SCENE", help="What the simulator loads, as for tolman sim --scene.")
@click.argument("ros_args", nargs=-1, type=click.UNPROCESSED)
def up(
    memory_dir: Path | None, no_planner: bool, print_params: bool, simulator: str | None, scene: str | None,
    ros_args: tuple[str, ...], **given: object,
) -> None:  # fmt: skip
    """Run the memory and the planner as ROS 2 nodes until interrupted.

    What the robot sees on RGB-D topics with poses goes into the memory; questions are answered from it. Interrupting
    commits what is pending. Parameters and remappings follow after --ros-args as for any node.
    """
    if print_params:
        from memory_nodes.memory_node import SECTIONS

        click.echo(as_yaml(SECTIONS), nl=False)
        return
    from memory_nodes.bringup import run

    like = given.pop("like")
    topics = topics_of(like) if isinstance(like, Path) else {}
    chosen = topics | {name: value for name, value in given.items() if value}
    if scene and not simulator:
        raise BadSettings("--scene is what a simulator loads: say which, e.g. --sim house")
    if simulator:
        chosen |= {"sim_time": True, "instances": "instances"}
    robot = {"simulator": simulator, "scene": scene or ""} if simulator else None
    arguments = [*ros_arguments(memory_dir, chosen), *_only_ros(ros_args)]
    run(arguments, with_planner=not no_planner, simulator=robot)


def topics_of(bag: Path) -> dict[str, object]:
    """The options of `tolman up` that subscribe what `tolman build` would read from a bag.

    Raises:
        BadSource: the bag cannot be read or has no RGB-D images.
    """
    source = open_source(bag)
    if not isinstance(source, BagSource):
        raise BadSource(f"{bag}: want a ROS bag, which names topics; this is another kind of recording")
    found = source.topics
    options: dict[str, object] = {
        "rgb": found.rgb.removesuffix("/compressed"),
        "depth": found.depth.removesuffix("/compressedDepth"),
        "camera_info": found.info,
        "instances": found.instances,
        "instance_labels": found.labels,
        "compressed": found.rgb.endswith("/compressed"),
    }
    if not found.tf:
        options |= {"odom": found.odometry} if found.odometry else {"pose": found.pose}
    return options


def ros_arguments(memory_dir: Path | None, given: dict[str, object]) -> list[str]:
    """The ROS arguments that the options of `tolman up` stand for."""
    parameters = {
        "memory_dir": memory_dir,
        "image_transport": "compressed" if given.get("compressed") else None,
        "use_sim_time": "true" if given.get("sim_time") else None,
        "input.pose_source": "odometry" if given.get("odom") else "pose" if given.get("pose") else None,
        "use_instances": "true" if given.get("instances") else None,
    }
    found = ["--ros-args"]
    if given.get("params_file"):
        found += ["--params-file", str(given["params_file"])]
    for name, value in parameters.items():
        found += [] if value is None else ["-p", f"{name}:={value}"]
    for name in ("rgb", "depth", "camera_info", "odom", "pose", "instances", "instance_labels"):
        found += ["-r", f"{name}:={given[name]}"] if given.get(name) else []
    return [*found, "--"] if len(found) > 1 else []


@click.command(context_settings=_ROS_ARGUMENTS)
@click.argument("bag", type=click.Path(path_type=Path))
@click.option("--rate", type=click.FloatRange(0.001, 1000.0), default=1.0, show_default=True, help="Times real time.")
@click.option("--loop", is_flag=True, help="Begin again at the end, until interrupted.")
@click.option("--topics", "--topic", "topics", multiple=True, metavar="TOPIC", help="Only this topic; may be repeated.")
@click.option(
    "--start-offset",
    "start_offset_s",
    type=click.FloatRange(0.0),
    default=0.0,
    metavar="S",
    help="Begin S seconds into it.",
)
@click.option("--wait", "wait_s", type=click.FloatRange(0.0), default=10.0, show_default=True, metavar="S",
              help="Wait at most S seconds for subscribers.")  # fmt: skip
@click.argument("ros_args", nargs=-1, type=click.UNPROCESSED)
def play(bag: Path, ros_args: tuple[str, ...], **given: Any) -> None:
    """Publish a ROS 1 or ROS 2 bag on its topics, with /clock.

    Transforms on tf_static are published also when they lie before the start offset. Remappings follow after
    --ros-args.
    """
    options = PlayOptions(**given)
    with transport.room_for_images(), runtime.ros(_only_ros(ros_args)) as stop:
        node = runtime.ServedNode("tolman_play")
        try:
            player = Player(node, bag, options, lambda message: click.echo(f"tolman play: {message}", err=True))
            with tqdm(unit="s", disable=None, file=sys.stderr) as bar:

                def show(done_s: float, total_s: float) -> None:
                    bar.total = round(total_s, 1)
                    bar.update(round(done_s, 1) - bar.n)

                player.play(stop, show)
            click.echo(f"played {player.n_published} messages", err=True)
        finally:
            node.destroy_node()


def _only_ros(arguments: tuple[str, ...]) -> list[str]:
    """The arguments, when all of them belong to ROS.

    Raises:
        BadSettings: some do not; they would be ignored silently.
    """
    foreign = remove_ros_args(["tolman", *arguments])[1:]
    if foreign:
        raise BadSettings(f"unknown arguments {' '.join(foreign)}; ROS arguments come after --ros-args")
    return list(arguments)


def memory_node() -> None:
    """The executable `memory_node`: like `tolman up`, with ROS arguments only."""
    from memory_nodes.bringup import run

    _execute("memory_node", run)


def sim_node() -> None:
    """The executable `sim_node`: a simulator as a robot, with ROS arguments only."""
    from memory_nodes.bringup import run_simulator

    _execute("sim_node", run_simulator)


def _execute(name: str, run: Callable[[list[str]], None]) -> None:
    try:
        run(_only_ros(tuple(sys.argv[1:])))
    except TolmanError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, BadInput) else 1)
