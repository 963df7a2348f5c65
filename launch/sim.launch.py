# SPDX-License-Identifier: Apache-2.0
"""Let a simulator be the robot, with the memory and the planner of bringup.launch.py.

ros2 launch tolman sim.launch.py simulator:=house
ros2 topic pub --once /goal_pose geometry_msgs/PoseStamped '{pose: {position: {x: 3.0, y: 2.0}}}'
"""

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

OWN_ARGUMENTS = {
    "simulator": ("house", "house, ai2thor or habitat"),
    "scene": ("", "what to load, as for tolman sim --scene; empty: the simulator's own"),
    "rate": ("1.0", "times real time"),
}
# launch argument: type of the parameter of the simulator's node that has its name
PARAMETERS = {"simulator": str, "scene": str, "rate": float, "world_frame": str}
REMAPPED = ("rgb", "depth", "camera_info", "odom", "goal_pose")
# Those of bringup.launch.py that a simulator sets or hands on; the others keep their defaults there.
HANDED_ON = {
    "namespace": ("", "namespace of all nodes, topics and services"),
    "use_sim_time": ("true", "take the time from the simulator's /clock"),
    "params_file": (
        PathJoinSubstitution([FindPackageShare("tolman"), "config", "sim.yaml"]),
        "YAML with the parameters of the nodes",
    ),
    "memory_dir": ("tolman_memory", "directory of the memory; created if missing, continued if there"),
    "rgb": ("rgb", "topic of the colour images"),
    "depth": ("depth", "topic of the depth images"),
    "camera_info": ("camera_info", "topic of the intrinsics"),
    "odom": ("odom", "topic of the odometry"),
    "goal_pose": ("goal_pose", "topic on which the planner publishes goals, and the robot takes them"),
    "world_frame": ("map", "frame that positions are remembered in"),
    "log_level": ("info", "debug, info, warn, error or fatal"),
    "rviz": ("false", "also start RViz with the layout of this package"),
}


def generate_launch_description():
    """The arguments, the nodes of bringup.launch.py, and the simulator."""
    bringup = PathJoinSubstitution([FindPackageShare("tolman"), "launch", "bringup.launch.py"])
    nodes = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(bringup),
        launch_arguments=[(name, LaunchConfiguration(name)) for name in HANDED_ON],
    )
    robot = Node(
        package="tolman",
        executable="sim_node",
        namespace=LaunchConfiguration("namespace"),
        output="screen",
        parameters=[
            LaunchConfiguration("params_file"),
            {name: ParameterValue(LaunchConfiguration(name), value_type=kind) for name, kind in PARAMETERS.items()},
        ],
        remappings=[(name, LaunchConfiguration(name)) for name in REMAPPED],
        arguments=["--ros-args", "--log-level", LaunchConfiguration("log_level")],
    )
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=about)
        for name, (default, about) in {**OWN_ARGUMENTS, **HANDED_ON}.items()
    ]
    return LaunchDescription([*declared, nodes, robot])
