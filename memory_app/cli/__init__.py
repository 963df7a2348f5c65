# SPDX-License-Identifier: Apache-2.0
"""The `tolman` command. Each command lives in its own module and is imported only when it is used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import click

from memory_core.errors import BackendUnavailable, BadInput, TolmanError

# command: (module, attribute, one line for the list)
_COMMANDS = {
    "demo": ("memory_app.cli.demo", "demo", "A house, its memory, questions and a plan, with pictures. Start here."),
    "build": ("memory_app.cli.build", "build", "Replay a recording or a house tour into a memory."),
    "convert": ("memory_app.cli.build", "convert", "Write any source as a ROS 2 bag."),
    "ask": ("memory_app.cli.ask", "ask", 'Ask in words: "where is the mug?"'),
    "recall": ("memory_app.cli.ask", "recall", "Ask in fields: label, place, time."),
    "plan": ("memory_app.cli.plan", "plan", 'Turn "put the mug in the sink" into steps.'),
    "route": ("memory_app.cli.route", "find_route", "The shortest way from here to there, in a memory or a graph."),
    "info": ("memory_app.cli.inspect", "info", "What a memory holds and weighs."),
    "verify": ("memory_app.cli.inspect", "verify", "Check every byte of a memory."),
    "correct": ("memory_app.cli.correct", "correct", "Correct the trajectory after a loop closure; all moves along."),
    "rebuild": ("memory_app.cli.inspect", "rebuild", "Make all views anew from the event log."),
    "export": ("memory_app.cli.export", "export", "Take the map or the graph to other tools."),
    "sim": ("memory_app.cli.sim", "sim", "Closed-loop tasks in a simulator, judged by its truth."),
    "bench": ("memory_app.cli.bench", "bench", "Measure, with peers side by side."),
    "up": ("memory_nodes.cli", "up", "The ROS 2 node: images in, memory and answers out."),
    "play": ("memory_nodes.cli", "play", "Publish a bag on ROS 2 topics with /clock."),
}


class _LazyGroup(click.Group):
    """A group whose commands are imported when they are named, so that `tolman --help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        try:
            command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            if module.startswith("memory_nodes") and (error.name or "").split(".")[0] != "memory_nodes":
                raise BackendUnavailable(
                    f"tolman {cmd_name} needs ROS 2 ({error.name} is missing): source a ROS 2 installation, "
                    "or pip install 'tolman[ros-pypi]'"
                ) from error
            raise
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in _COMMANDS.items()])


_EPILOG = """\b
Examples:
  tolman demo
  tolman build my_recording.mcap --memory ~/memory
  tolman ask ~/memory "where did I leave the red mug?"
  tolman plan ~/memory "put the apple in the fridge"

\b
SOURCE is a ROS 1 or ROS 2 bag (folder, .mcap, .db3, .bag), a 7-Scenes, TUM or
ICL/Open3D folder, "house" (the house that comes with Tolman) or
"house:FILE#INDEX" (a ProcTHOR JSON), or a house made up from a seed:
"house:gen?rooms=5&seed=3&kind=office" (flat, house or office; all optional) or
"house:generated#7"."""


@click.group(cls=_LazyGroup, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tolman", prog_name="tolman")
def cli() -> None:
    """A memory for robots: where things are, when they were seen, and how to get there, with the images that prove it.

    Every command has --help and --json. Errors go to standard error; the exit code is 2 when what you
    gave is wrong and 1 when something failed.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: one clear sentence for every error."""
    try:
        code = cli.main(
            args=list(arguments) if arguments is not None else None, prog_name="tolman", standalone_mode=False
        )
    except click.UsageError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        click.echo("tolman: interrupted; what was committed is kept, the same command goes on from there", err=True)
        sys.exit(130)
    except TolmanError as error:
        click.echo(f"tolman: {error}", err=True)
        sys.exit(2 if isinstance(error, BadInput) else 1)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        click.echo(f"tolman: {error.filename or 'input or output'}: {error.strerror or error}", err=True)
        sys.exit(1)
    if code:  # click returns the code of an Exit that a command raised
        sys.exit(code)
