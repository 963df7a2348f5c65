# SPDX-License-Identifier: Apache-2.0
"""The stand-in for habitat_sim has no name that the real one lacks, and refuses what the real one refuses."""

import enum
import inspect
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FAKES = Path(__file__).resolve().parents[2] / "fakes"
NAMES = json.loads((FAKES / "habitat_names.json").read_text())


@pytest.fixture
def library(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "habitat_sim"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(FAKES))
    import habitat_sim
    import habitat_sim.files
    import habitat_sim.semantic

    yield habitat_sim
    for name in [name for name in sys.modules if name.partition(".")[0] == "habitat_sim"]:
        del sys.modules[name]


def surface(kind):
    """The public names of a class: methods, properties, slots, and attributes with defaults."""
    if issubclass(kind, enum.Enum):
        return set(kind.__members__)
    assert hasattr(kind, "_defaults") or hasattr(kind, "__slots__"), kind
    names = {*vars(kind), *getattr(kind, "__slots__", ()), *getattr(kind, "_defaults", ())}
    return {name for name in names if not name.startswith("_")}


def classes(library):
    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] == "habitat_sim"]
    found = {c for module in modules for c in vars(module).values() if inspect.isclass(c)}
    return {c for c in found if c.__module__.startswith("habitat_sim") and c.__name__ not in ("Strict", "Stage")}


def test_no_name_is_invented(library):
    assert set(library.__all__) <= set(NAMES["habitat_sim"])
    for kind in classes(library):
        assert surface(kind) <= set(NAMES[kind.__name__]), kind.__name__


def test_the_comparison_finds_what_is_invented(library):
    library.Simulator.teleport_agent = lambda self: None
    assert not surface(library.Simulator) <= set(NAMES["Simulator"])


def test_unknown_attributes_are_refused(library):
    with pytest.raises(AttributeError, match="gpu_id"):
        library.SimulatorConfiguration().gpu_id = -1
    with pytest.raises(AttributeError):
        library.agent.AgentState().velocity = 1.0
    with pytest.raises(AttributeError):
        library.CameraSensorSpec().fov = 90.0


@pytest.mark.parametrize("position", [[0, 1.5, 0], (0, 1, 0), [0.0, 1.5], np.array([0, 1, 0])])
def test_positions_that_are_not_three_floats_are_refused(library, position):
    with pytest.raises(TypeError, match="want three floats"):
        library.CameraSensorSpec().position = position


def test_a_device_that_is_not_there_ends_the_process():
    program = (
        "import habitat_sim as h\n"
        "c = h.SimulatorConfiguration(); a = h.agent.AgentConfiguration(); c.gpu_device_id = 0\n"
        "try:\n    h.Simulator(h.Configuration(c, [a]))\n"
        "except BaseException: pass\n"
        "print('alive')"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=FAKES, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "unable to find CUDA device 0" in ended.stderr
