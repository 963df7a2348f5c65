# SPDX-License-Identifier: Apache-2.0
"""A running AI2-THOR: it is started, spoken to and ended here, and whatever goes wrong gives one error."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from typing import Any

from memory_core.errors import BackendUnavailable, NotPossible
from sim.frames import vertical_fov_deg
from sim.settings import SimSettings
from sim.thor.scenes import ThorScene
from sim.thor.settings import ThorSettings

_PROBE_S = 5.0
_NOT_UNDERSTOOD = frozenset({"InvalidAction", "MissingArguments", "AmbiguousAction", "InvalidArgument"})


class Connection:
    """A controller of the ai2thor client and the process it drives.

    After an error of the process the connection is closed and the process is gone.
    """

    def __init__(self, scene: ThorScene, settings: SimSettings, thor: ThorSettings) -> None:
        """Start AI2-THOR in a scene.

        Raises:
            BackendUnavailable: the client, the build or a display is not here, or the build does not start in time.
        """
        self._settings, self._thor = settings, thor
        self._controller: Any = None
        self._controller = self._do("starting", lambda: self._start(scene))
        self._controller.server.timeout = thor.action_timeout_s
        self._require_scene()

    @property
    def is_open(self) -> bool:
        return self._controller is not None

    @property
    def event(self) -> Any:
        """What the simulator said last."""
        return self._controller.last_event

    @property
    def far_m(self) -> float:
        """Depth of what is nowhere."""
        return float(self._controller.server.camera_far_plane)

    def reset(self, scene: ThorScene) -> None:
        """Begin anew, perhaps in another scene.

        Raises:
            BackendUnavailable: as when starting.
        """
        self._controller.server.timeout = self._thor.start_timeout_s
        self._do("resetting", lambda: self._controller.reset(scene.content))
        self._controller.server.timeout = self._thor.action_timeout_s
        self._require_scene()

    def step(self, action: Mapping[str, Any]) -> Any:
        """Carry out an action in the simulator's own words; returns its event, successful or not.

        Raises:
            NotPossible: the simulator does not know the action or its arguments.
            BackendUnavailable: the process has ended or does not answer.
        """
        return self._do(f"carrying out {action.get('action')}", lambda: self._controller.step(dict(action)))

    def close(self) -> None:
        """End the process."""
        if self._controller is not None:
            self._controller.abandon()
            self._controller = None

    def _do(self, doing: str, call: Callable[[], Any]) -> Any:
        """The client raises all kinds of things; callers get one."""
        try:
            return call()
        except BackendUnavailable:
            raise
        except Exception as error:
            if isinstance(error, ValueError) and self._is_answered():
                raise NotPossible(f"AI2-THOR does not understand it: {error} (while {doing})") from error
            self.close()
            raise BackendUnavailable(f"AI2-THOR {_reason(error)} (while {doing})") from error

    def _is_answered(self) -> bool:
        """Whether the simulator itself has said that it does not know an action; then it lives on."""
        event = None if self._controller is None else self._controller.last_event
        if event is None or event.metadata["lastActionSuccess"]:
            return False
        return event.metadata.get("errorCode") in _NOT_UNDERSTOOD

    def _start(self, scene: ThorScene) -> Any:
        try:
            import ai2thor.wsgi_server  # noqa: F401 (the client may be absent, or lack what it needs)

            from sim.thor import client
        except ImportError as error:
            raise BackendUnavailable(f"AI2-THOR needs its client: pip install 'ai2thor>=5.0' ({error})") from error
        return client.WatchedController(
            scene=scene.content,
            width=self._settings.width,
            height=self._settings.height,
            server_class=_server_class(self._thor.server),
            server_timeout=self._thor.start_timeout_s,
            server_start_timeout=self._thor.start_timeout_s,
            **self._build(),
            **initialisation(self._settings),
        )

    def _build(self) -> dict[str, Any]:
        """Which build to start, and where it shows itself."""
        display = self._thor.display or os.environ.get("DISPLAY", "")
        if self._thor.executable:
            # The client demands a display even for a build that needs none, and looks at nothing behind the name.
            return {"local_executable_path": self._thor.executable, "x_display": display or ":0"}
        import ai2thor.platform

        chosen: dict[str, Any] = {"x_display": display} if display else {}
        if platform.system() == "Linux" and not display:
            chosen["platform"] = ai2thor.platform.CloudRendering
        _require_build(chosen.get("platform") or _usual_platform())
        return chosen

    def _require_scene(self) -> None:
        metadata = self.event.metadata
        if not metadata["lastActionSuccess"]:
            self.close()
            raise BackendUnavailable(f"AI2-THOR cannot load the scene: {metadata.get('errorMessage', '')}")


def initialisation(settings: SimSettings) -> dict[str, Any]:
    """What AI2-THOR is to do all along: free moves, metres, pictures of depth and of instances."""
    return {
        "gridSize": 0.25,
        "snapToGrid": False,
        "visibilityDistance": settings.reach_m,
        "fieldOfView": vertical_fov_deg(settings.width, settings.height, settings.hfov_deg),
        "renderDepthImage": True,
        "renderInstanceSegmentation": True,
    }


def _server_class(name: str) -> Any:
    import ai2thor.fifo_server
    import ai2thor.wsgi_server

    return ai2thor.wsgi_server.WsgiServer if name == "WSGI" else ai2thor.fifo_server.FifoServer


def _usual_platform() -> Any:
    import ai2thor.platform

    return ai2thor.platform.OSXIntel64 if platform.system() == "Darwin" else ai2thor.platform.Linux64


def _require_build(build_platform: Any) -> None:
    """The client asks its server for a build without a limit of time, and hides why it got none."""
    import ai2thor.build
    import requests

    from sim.thor.client import releases_dir

    build = ai2thor.build.Build(build_platform, ai2thor.build.COMMIT_ID, False, str(releases_dir()))
    if os.path.isdir(build.base_dir):
        return
    try:
        status = str(requests.head(build.url, timeout=_PROBE_S).status_code)
    except requests.RequestException as error:
        status = type(error).__name__
    if status != "200":
        raise BackendUnavailable(
            f"AI2-THOR's build {build.name} is not in {releases_dir()} and cannot be fetched ({status}); fetch it "
            "where there is a network, or name a build with executable="
        )


def _reason(error: BaseException) -> str:
    """What happened, to follow "AI2-THOR": the watch's own words if it saw the end, else the client's."""
    seen: BaseException | None = error
    while seen is not None:
        if type(seen).__name__ == "SimulatorEnded":
            return str(seen)
        seen = seen.__cause__ or seen.__context__
    text = " ".join(str(error).split()) or type(error).__name__
    return f"cannot go on: {text[:400]}"
