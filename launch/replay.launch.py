# SPDX-License-Identifier: Apache-2.0
"""Play a bag into Tolman, as if the robot were driving.

ros2 launch tolman replay.launch.py bag:=/data/kitchen.mcap memory_dir:=/tmp/memory
"""

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

OWN_ARGUMENTS = {
    "bag": (None, "ROS 1 or ROS 2 bag: folder, .mcap, .db3 or .bag"),
    "rate": ("1.0", "times real time"),
    "start_offset": ("0.0", "begin this many seconds into the bag"),
}
# Those of bringup.launch.py that a replay sets or hands on; the others keep their defaults there.
HANDED_ON = {
    "namespace": ("", "namespace of all nodes, topics and services"),
    "use_sim_time": ("true", "take the time from the bag's /clock"),
    "params_file": (
        PathJoinSubstitution([FindPackageShare("tolman"), "config", "memory_node.yaml"]),
        "YAML with the parameters of the nodes",
    ),
    "memory_dir": ("tolman_memory", "directory of the memory; created if missing, continued if there"),
    "rgb": ("/camera/rgb/image", "topic of the colour images in the bag"),
    "depth": ("/camera/depth/image", "topic of the depth images in the bag"),
    "camera_info": ("/camera/rgb/camera_info", "topic of the intrinsics in the bag"),
    "odom": ("odom", "topic of nav_msgs/Odometry, used when pose_source is odometry"),
    "pose": ("pose", "topic of geometry_msgs/PoseStamped, used when pose_source is pose"),
    "pose_source": ("auto", "auto, tf, odometry or pose"),
    "world_frame": ("map", "frame that positions are remembered in"),
    "log_level": ("info", "debug, info, warn, error or fatal"),
    "rviz": ("false", "also start RViz with the layout of this package"),
}


def generate_launch_description():
    """The arguments, the nodes of bringup.launch.py, and the player."""
    bringup = PathJoinSubstitution([FindPackageShare("tolman"), "launch", "bringup.launch.py"])
    nodes = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(bringup),
        launch_arguments=[(name, LaunchConfiguration(name)) for name in HANDED_ON],
    )
    player = Node(
        package="tolman",
        executable="tolman",
        output="screen",
        arguments=[
            "play", LaunchConfiguration("bag"), "--rate", LaunchConfiguration("rate"),
            "--start-offset", LaunchConfiguration("start_offset"),
        ],
    )  # fmt: skip
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=about)
        for name, (default, about) in {**OWN_ARGUMENTS, **HANDED_ON}.items()
    ]
    return LaunchDescription([*declared, nodes, player])
