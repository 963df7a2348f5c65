# SPDX-License-Identifier: Apache-2.0
"""`python -m sim.thor.standin`: started by the ai2thor client in the place of a Unity build."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from sim.thor.standin.game import Game, Reply
from sim.thor.standin.lifetime import Fault, end_with_parent
from sim.thor.standin.place import Place, View


class Link(Protocol):
    """A way to speak with the client."""

    def actions(self, first: Reply) -> Iterator[dict[str, Any]]: ...

    def answer(self, reply: Reply) -> None: ...


def main(arguments: Sequence[str] | None = None) -> None:
    """Speak with the client until it hangs up."""
    end_with_parent()
    given, _ = _parser().parse_known_args(arguments)
    fault = Fault(given.fault)
    fault.at_start()
    game = Game(lambda house, view: _place(given, house, view), View(given.width, given.height, 90.0, 1.5))
    link = _link()
    for action in link.actions(game.first()):
        name = str(action.get("action", ""))
        fault.before(name)
        link.answer(game.handle(action))
        fault.after(name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("sim.thor.standin", description=__doc__, allow_abbrev=False)
    parser.add_argument("--house", default="house", help="what every named scene shows: 'house', FILE or FILE#INDEX")
    parser.add_argument("--renderer", default="house", choices=("house", "boxes"), help="who draws")
    parser.add_argument("--camera-height-m", type=float, default=1.5)
    parser.add_argument("--seed", type=int, default=0, help="of the embedded house's colours")
    parser.add_argument("--fault", default="", help="fail: start, in:ACTION, after:ACTION or stuck:ACTION")
    parser.add_argument("-screen-width", dest="width", type=int, default=300)
    parser.add_argument("-screen-height", dest="height", type=int, default=300)
    return parser


def _place(given: argparse.Namespace, house: dict[str, Any] | None, view: View) -> Place:
    if given.renderer == "boxes":
        from sim.thor.standin.boxes import BoxPlace

        return BoxPlace(house, view, given.camera_height_m)
    from sim.thor.standin.house_place import HousePlace

    return HousePlace(house, view, spec=given.house, camera_height_m=given.camera_height_m, seed=given.seed)


def _link() -> Link:
    if os.environ.get("AI2THOR_SERVER_TYPE") == "WSGI":
        from sim.thor.standin.web import Web

        return Web(os.environ)
    from sim.thor.standin.pipes import Pipes

    return Pipes(os.environ)


if __name__ == "__main__":
    main()
