# SPDX-License-Identifier: Apache-2.0
"""The doors of the memory node: questions as a service and over topics, routes, and saving."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from nav_msgs.srv import GetPlan
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from std_msgs.msg import String
from std_srvs.srv import Trigger

from memory_core import Answer
from memory_core.errors import TolmanError
from memory_core.memory import Memory
from memory_core.routes import route
from memory_nodes import answers, convert
from memory_nodes.counts import Counts
from memory_nodes.runtime import guarded, warn

_SAVE_S = 60.0
_QUESTION_DEPTH = 100


class Services:
    """Serves ~/query, ~/question -> ~/answer, ~/get_plan and ~/save on a node.

    Args:
        frame: name of the map frame.
        save: begins a commit of all that is mapped.
    """

    def __init__(
        self, node: Node, memory: Memory, frame: str, counts: Counts, save: Callable[[], Future[None]]
    ) -> None:
        self._node, self._memory, self._frame, self._counts, self._save = node, memory, frame, counts, save
        group = ReentrantCallbackGroup()
        self._answers = node.create_publisher(String, "~/answer", _QUESTION_DEPTH)
        node.create_subscription(
            String, "~/question", guarded(node, counts, "question", self._on_question), _QUESTION_DEPTH,
            callback_group=group,
        )  # fmt: skip
        node.create_service(GetPlan, "~/get_plan", self._on_get_plan, callback_group=group)
        node.create_service(Trigger, "~/save", self._on_save, callback_group=group)
        try:
            from tolman_msgs.srv import Query
        except ImportError:
            node.get_logger().warning("no ~/query without tolman_msgs: run tools/build_interfaces.py; use ~/question")
        else:
            node.create_service(Query, "~/query", self._on_query, callback_group=group)

    def _on_query(self, request: Any, response: Any) -> Any:
        return convert.fill_response(response, self._answer(lambda: convert.request_from_query(request)))

    def _on_question(self, message: String) -> None:
        given = self._answer(lambda: answers.request_from_json(message.data))
        self._answers.publish(String(data=answers.answer_json(answers.request_id(message.data), given)))

    def _answer(self, parse: Callable[[], answers.Request]) -> Answer | Exception:
        """The answer, or the reason why there is none; a service that raised would end the node."""
        self._counts.add("questions")
        try:
            return answers.answer(self._memory, parse())
        except Exception as error:
            self._failed("question", error)
            return error

    def _on_get_plan(self, request: Any, response: Any) -> Any:
        """A path over known places; empty, with the reason in the log, when there is none."""
        start, goal = (convert.triple(stamped.pose.position) for stamped in (request.start, request.goal))
        try:
            graph = self._memory.graph()
            response.plan = convert.path_message(self._frame, graph.stamp_ns, route(graph, start, goal).points.tolist())
        except Exception as error:
            self._failed("get_plan", error)
            response.plan = convert.path_message(self._frame, 0, [])
        return response

    def _on_save(self, _: Any, response: Any) -> Any:
        try:
            self._save().result(timeout=_SAVE_S)
            response.success, response.message = True, "everything that came so far is on the disk"
        except Exception as error:
            response.success, response.message = False, str(error) or f"not done within {_SAVE_S:g} s; it goes on"
        return response

    def _failed(self, what: str, error: Exception) -> None:
        # What the asker got wrong is told to the asker; only what nobody expected goes to the log.
        expected = isinstance(error, TolmanError)
        self._counts.add(f"{'refused' if expected else 'error'}: {what}")
        if not expected or what == "get_plan":
            warn(self._node, f"{what}: {error if expected else repr(error)}")
