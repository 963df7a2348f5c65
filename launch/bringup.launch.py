# SPDX-License-Identifier: Apache-2.0
"""Start Tolman on a robot: the memory and the planner, fed by an RGB-D camera with poses.

ros2 launch tolman bringup.launch.py memory_dir:=/data/memory rgb:=/camera/color/image_raw \\
    depth:=/camera/aligned_depth_to_color/image_raw camera_info:=/camera/color/camera_info
"""

from launch.actions import DeclareLaunchArgument, LogInfo
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchDescription

SHARE = FindPackageShare("tolman")

ARGUMENTS = {
    "namespace": ("", "namespace of all nodes, topics and services"),
    "use_sim_time": ("false", "take the time from /clock"),
    "params_file": (
        PathJoinSubstitution([SHARE, "config", "memory_node.yaml"]),
        "YAML with the parameters of the nodes",
    ),
    "memory_dir": ("tolman_memory", "directory of the memory; created if missing, continued if there"),
    "rgb": ("rgb", "topic of the colour images (sensor_msgs/Image)"),
    "depth": ("depth", "topic of the depth images, registered to colour (sensor_msgs/Image)"),
    "camera_info": ("camera_info", "topic of the intrinsics (sensor_msgs/CameraInfo)"),
    "odom": ("odom", "topic of nav_msgs/Odometry, used when pose_source is odometry"),
    "pose": ("pose", "topic of geometry_msgs/PoseStamped, used when pose_source is pose"),
    "goal_pose": ("goal_pose", "topic on which the planner publishes navigation goals"),
    "pose_source": ("auto", "auto, tf, odometry or pose"),
    "image_transport": ("raw", "raw or compressed"),
    "image_qos": ("reliable", "reliable or best_effort"),
    "world_frame": ("map", "frame that positions are remembered in"),
    "camera_frame": ("", "optical frame of the camera; empty: the frame_id of the depth images"),
    "log_level": ("info", "debug, info, warn, error or fatal"),
    "rviz": ("false", "also start RViz with the layout of this package"),
}
REMAPPED = ("rgb", "depth", "camera_info", "odom", "pose", "goal_pose")
# launch argument: parameter of the node
PARAMETERS = {
    "memory_dir": "memory_dir",
    "image_transport": "image_transport",
    "image_qos": "image_qos",
    "pose_source": "input.pose_source",
    "world_frame": "input.world_frame",
    "camera_frame": "input.camera_frame",
}


def generate_launch_description():
    """The arguments, what is being waited for, the process of the nodes, and RViz on demand."""
    given = {name: LaunchConfiguration(name) for name in ARGUMENTS}
    tolman = Node(
        package="tolman",
        executable="memory_node",
        namespace=given["namespace"],
        output="screen",
        parameters=[
            given["params_file"],
            {
                "use_sim_time": ParameterValue(given["use_sim_time"], value_type=bool),
                **{PARAMETERS[name]: ParameterValue(given[name], value_type=str) for name in PARAMETERS},
            },
        ],
        remappings=[(name, given[name]) for name in REMAPPED],
        arguments=["--ros-args", "--log-level", given["log_level"]],
    )
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        arguments=["-d", PathJoinSubstitution([SHARE, "config", "tolman.rviz"])],
        condition=IfCondition(given["rviz"]),
    )
    waiting = LogInfo(msg=["tolman waits for ", given["rgb"], ", ", given["depth"], " and ", given["camera_info"]])
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=about)
        for name, (default, about) in ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, waiting, tolman, rviz])
