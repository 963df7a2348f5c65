# SPDX-License-Identifier: Apache-2.0
"""The command line: teaches, speaks JSON, and says what is wrong in one sentence."""

import contextlib
import io
import json
import shutil
import subprocess
import sys

import pytest

from memory_app.cli import _COMMANDS, cli, main

COMMANDS = list(_COMMANDS)


@pytest.fixture(scope="module")
def memory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("cli") / "memory"
    run("build", "house", "--memory", str(directory), "--size", "160x120", "--limit", "40")
    return directory


def run(*arguments, expect=0, errors=None):
    """Standard output of the real entry point (standard error when it should fail), without a new process."""
    errors = bool(expect) if errors is None else errors
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as stop:
            code = stop.code or 0
    assert code == expect, err.getvalue()
    return err.getvalue() if errors else out.getvalue()


def test_help_lists_every_command_with_one_line():
    text = run("--help")

    assert all(f"  {name} " in text for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_json(name):
    command = cli.get_command(None, name)
    described = command if not hasattr(command, "commands") else next(iter(command.commands.values()))

    assert command.help
    assert name in ("up", "play") or any("--json" in parameter.opts for parameter in described.params), name
    assert all(p.help for p in described.params if p.param_type_name == "option"), name


def test_starting_the_command_is_quick_because_heavy_libraries_wait():
    code = "import sys, memory_app.cli; print([m for m in ('numba', 'cv2', 'matplotlib', 'rclpy') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert out.strip() == "[]"


def test_info_has_the_promised_fields(memory):
    info = json.loads(run("info", str(memory), "--json"))

    promised = {"schema_version", "map_id", "sessions", "frames", "events", "objects", "places", "rooms", "snapshots",
                "octree", "bytes_on_disk", "span_ns", "digest"}  # fmt: skip
    assert promised <= set(info)
    assert {"voxel_size_m", "occupied", "free", "bytes"} <= set(info["octree"])
    assert info["frames"] == 40


def test_ask_answers_with_evidence(memory):
    listing = json.loads(run("recall", str(memory), "--json"))
    label = listing["results"][0]["label"]

    answer = json.loads(run("ask", str(memory), f"where is the {label}?", "--json"))

    assert answer["status"] in ("found", "ambiguous")
    assert answer["results"][0]["label"] == label
    assert answer["results"][0]["evidence"][0]["snapshot"]
    assert answer["latency_ms"] > 0


def test_what_is_not_understood_is_answered_with_examples(memory):
    answer = json.loads(run("ask", str(memory), "please compose a sonnet", "--json"))

    assert answer["status"] == "unsupported"
    assert len(answer["examples"]) >= 3


def test_verify_and_rebuild_agree(memory):
    before = json.loads(run("info", str(memory), "--json"))["digest"]

    assert json.loads(run("verify", str(memory), "--json"))["problems"] == []
    assert json.loads(run("rebuild", str(memory), "--json"))["digest"] == before


def test_a_converted_recording_is_read_again(tmp_path, shared_data):
    bag = tmp_path / "a bag"

    written = json.loads(run("convert", str(shared_data("rgbd/slambook_rgbd/ch12_icl")), str(bag), "--json"))

    assert (written["path"], written["frames"]) == (str(bag), 5)
    assert json.loads(run("build", str(bag), "--memory", str(tmp_path / "m"), "--json"))["frames"] == 5


@pytest.mark.parametrize("kind", ["ply", "bt", "ot", "grid", "dsg", "geojson", "graphml"])
def test_export_writes_a_file_that_others_read(memory, tmp_path, kind):
    target = tmp_path / f"out.{'json' if kind == 'dsg' else kind}"

    written = json.loads(run("export", str(memory), "--format", kind, "-o", str(target), "--json"))

    assert written["bytes"] == target.stat().st_size > 100
    if kind == "dsg":
        spark_dsg = pytest.importorskip("spark_dsg")
        assert spark_dsg.DynamicSceneGraph.load(str(target)).num_nodes() > 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("ask", "{tmp}/none", "where is the mug?"), "there is no memory here"),
        (("info", "{file}"), "want the directory of a memory"),
        (("build", "{tmp}/none", "--memory", "{tmp}/m"), "none"),
        (("build", "{file}", "--memory", "{tmp}/m"), "notes.txt"),
        (("build", "house:{tmp}/none.json", "--memory", "{tmp}/m"), "none.json"),
        (("build", "house", "--memory", "{tmp}/m", "--size", "big"), "want WIDTHxHEIGHT"),
        (("recall", "{memory}", "--near", "here"), "want three metres"),
        (("recall", "{memory}", "--within", "2"), "--near"),
        (("recall", "{memory}", "--during", "nan", "1"), "want seconds"),
        (("recall", "{memory}", "--during", "10", "5"), "earlier time first"),
        (("ask", "{memory}", "where is the mug?", "--as-of", "1e300"), "want seconds"),
        (("build", "{tmp}/rooms.jsonl.gz", "--memory", "{tmp}/m"), "house:"),
        (("export", "{memory}", "--format", "ply", "-o", "{tmp}"), "want a file"),
        (("export", "{memory}", "--format", "dsg", "-o", "{tmp}/none/x.json"), "want a file"),
        (("export", "{memory}", "--format", "ply", "-o", "{tmp}/x.ply", "--as-of", "1"), "--as-of is for graphs"),
        (("nonsense",), "No such command"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(memory, tmp_path, arguments, sentence):
    (tmp_path / "notes.txt").write_text("not a bag")
    names = {"tmp": tmp_path, "file": tmp_path / "notes.txt", "memory": memory}

    message = run(*(part.format(**names) for part in arguments), expect=2)

    assert sentence in message
    assert "Traceback" not in message


def test_a_damaged_memory_is_named_and_verify_fails(memory, tmp_path):
    damaged = tmp_path / "damaged"
    shutil.copytree(memory, damaged)
    next((damaged / "blobs").glob("*.jpg")).write_bytes(b"not a picture")

    assert "altered" in run("verify", str(damaged), expect=1, errors=False)


def test_a_plan_that_cannot_be_made_is_exit_code_1(memory):
    assert "try:" in run("plan", str(memory), "compose a sonnet", expect=1, errors=False)


def test_what_a_source_lost_is_told_by_build_and_by_convert(tmp_path, shared_data):
    folder = tmp_path / "recording"
    shutil.copytree(shared_data("rgbd/slambook_rgbd/ch12_icl"), folder)
    image = sorted((folder / "depth").iterdir())[2]
    image.write_bytes(image.read_bytes()[:1000])

    built = json.loads(run("build", str(folder), "--memory", str(tmp_path / "m"), "--json"))
    written = json.loads(run("convert", str(folder), str(tmp_path / "bag"), "--json"))

    assert built["frames"] == written["frames"] == 4
    assert set(written["losses"]) <= set(built["losses"])  # a map refuses poses that jump, a bag takes them
    assert image.name in built["losses"][0]
