# SPDX-License-Identifier: Apache-2.0
"""A simulator as a robot: camera, odometry, transforms and clock go out; velocities, goals and actions come in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped, Twist
from nav_msgs.msg import Odometry
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import String

from memory_core import CameraFrame
from memory_core.errors import BackendUnavailable, BadInput, NotPossible
from memory_core.geometry import Vec, invert_pose
from memory_nodes import parameters, sim_messages
from memory_nodes.convert import header
from memory_nodes.counts import Counts
from memory_nodes.runtime import ServedNode, guarded, warn
from memory_nodes.sim_orders import Drive, Goal, Order, Outcome, act_from
from memory_nodes.sim_robot import SimRobot
from memory_nodes.sim_settings import SECTIONS, SimNodeSettings
from memory_nodes.stamps import time_message
from sim import NoiseSettings, NoisySimulator, SimSettings, Simulator, make
from sim.habitat.settings import HabitatSettings
from sim.thor.settings import ThorSettings

NAME = "tolman_sim"
_DEPTH = 30
_ORDER_DEPTH = 100
_CHECK_S = 0.2


class SimNode(ServedNode):
    """Publishes rgb, depth, camera_info, instances, instance_labels, odom, /tf and /clock; takes cmd_vel, goal_pose
    and ~/act, and tells on ~/result what came of them. Names and frames are those that the memory listens to.

    Raises:
        BadSettings: a parameter that does not exist or is out of range.
        BadHouse: the scene cannot be loaded.
        BackendUnavailable: the simulator or tf2_msgs is not here.
    """

    def __init__(self, **node_options: Any) -> None:
        super().__init__(NAME, automatically_declare_parameters_from_overrides=True, **node_options)
        self.settings, look, noise, thor, habitat = parameters.declare(self, *SECTIONS)
        self.counts = Counts()
        self._before: tuple[int, Vec] | None = None
        self._labels: dict[int, str] | None = None
        self._advertise()
        self._robot = SimRobot(
            partial(_begin, self.settings, look, noise, {"ai2thor": thor, "habitat": habitat}),
            self.settings, look.step_s, see=self._publish, tell=self._tell_outcome,
        )  # fmt: skip
        self._robot.start()
        self._subscribe(Twist, "cmd_vel", self._on_cmd_vel)
        self._subscribe(PoseStamped, "goal_pose", self._on_goal)
        self._subscribe(String, "~/act", self._on_act)
        self.create_timer(_CHECK_S, self._check)
        self.get_logger().info(f"{self.settings.simulator} is the robot, at {self.settings.rate:g} times real time")

    def close(self) -> None:
        """Close the simulator."""
        self._robot.stop()

    def _advertise(self) -> None:
        try:
            from tf2_msgs.msg import TFMessage
        except ImportError as error:
            raise BackendUnavailable(
                "transforms need tf2_msgs: run tools/build_interfaces.py, or source a ROS 2 installation"
            ) from error
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        kinds = {"rgb": Image, "depth": Image, "camera_info": CameraInfo, "odom": Odometry, "/tf": TFMessage,
                 "/clock": Clock, "~/result": String}  # fmt: skip
        if self.settings.publish_instances:
            kinds |= {"instances": Image, "instance_labels": String}
        self._out = {
            topic: self.create_publisher(kind, topic, latched if topic == "instance_labels" else _DEPTH)
            for topic, kind in kinds.items()
        }

    def _subscribe(self, kind: Any, topic: str, take: Callable[[Any], None]) -> None:
        self.create_subscription(kind, topic, guarded(self, self.counts, topic, take), _ORDER_DEPTH)

    def _check(self) -> None:
        """End the process with the reason when the simulator has ended by itself."""
        if self._robot.failure is not None:
            raise self._robot.failure

    def _on_cmd_vel(self, message: Twist) -> None:
        drive = Drive(message.linear.x, message.linear.y, message.angular.z)
        if drive.is_finite:
            self._order(drive, None, "cmd_vel")
        else:
            self._refuse(None, "cmd_vel", "want finite velocities in cmd_vel")

    def _on_goal(self, message: PoseStamped) -> None:
        frame, wanted = message.header.frame_id, self.settings.world_frame
        at, yaw_rad = message.pose.position, sim_messages.yaw_of(message.pose.orientation)
        if frame not in ("", wanted):
            self._refuse(None, "goal_pose", f"want a goal in frame {wanted!r}, got {frame!r}")
        elif not math.isfinite(at.x + at.y + yaw_rad):
            self._refuse(None, "goal_pose", f"want a finite goal, got ({at.x}, {at.y}) and heading {yaw_rad}")
        else:
            self._order(Goal(at.x, at.y, yaw_rad), None, "goal_pose")

    def _on_act(self, message: String) -> None:
        try:
            act = act_from(message.data)
        except BadInput as error:
            self._refuse(None, "", str(error))
            return
        self._order(act, act.id, act.action.name)

    def _order(self, order: Order, order_id: Any, name: str) -> None:
        try:
            self._robot.order(order)
        except NotPossible as error:
            self._refuse(order_id, name, str(error))

    def _refuse(self, order_id: Any, name: str, error: str) -> None:
        self._tell_outcome(Outcome(order_id, name, False, error, self._before[0] if self._before else 0))

    def _tell_outcome(self, outcome: Outcome) -> None:
        self.counts.add(f"{'done' if outcome.ok else 'refused'}: {outcome.action}")
        if not outcome.ok:
            warn(self, f"{outcome.action}: {outcome.error}")
        self._out["~/result"].publish(String(data=outcome.to_json()))

    def _publish(self, frame: CameraFrame, T_world_base: Vec) -> None:
        """One step of the robot: the clock first, then where it is, then what it sees."""
        stamp_ns, settings = frame.stamp_ns, self.settings
        self._out["/clock"].publish(Clock(clock=time_message(stamp_ns)))
        links = [
            (settings.world_frame, settings.odom_frame, np.eye(4)),
            (settings.odom_frame, settings.base_frame, T_world_base),
            (settings.base_frame, settings.camera_frame, invert_pose(T_world_base) @ frame.T_world_cam),
        ]
        self._out["/tf"].publish(sim_messages.transforms(stamp_ns, links))
        about = header(settings.odom_frame, stamp_ns)
        moved = sim_messages.odometry(about, settings.base_frame, T_world_base, self._before, stamp_ns)
        self._out["odom"].publish(moved)
        self._before = (stamp_ns, T_world_base)
        self._publish_images(frame)

    def _publish_images(self, frame: CameraFrame) -> None:
        about = header(self.settings.camera_frame, frame.stamp_ns)
        self._out["camera_info"].publish(sim_messages.camera_info(about, frame))
        if frame.instance_ids is not None and self.settings.publish_instances:
            labels = dict(frame.instance_labels)
            if labels != self._labels:
                self._labels = labels
                self._out["instance_labels"].publish(String(data=sim_messages.labels_json(labels)))
            self._out["instances"].publish(sim_messages.image(about, "32SC1", frame.instance_ids))
        self._out["rgb"].publish(sim_messages.image(about, "rgb8", frame.rgb))
        self._out["depth"].publish(sim_messages.image(about, "32FC1", frame.depth))


def _begin(
    settings: SimNodeSettings, look: SimSettings, noise: NoiseSettings, own: dict[str, ThorSettings | HabitatSettings]
) -> Simulator:
    """The simulator that the parameters ask for."""
    options = asdict(own[settings.simulator]) if settings.simulator in own else {}
    made: Simulator = make(
        settings.simulator, scene=settings.scene or None, settings=look, map_id=settings.world_frame, **options
    )
    if noise.is_perfect:
        return made
    try:
        return NoisySimulator(made, noise)
    except Exception:
        made.close()
        raise
