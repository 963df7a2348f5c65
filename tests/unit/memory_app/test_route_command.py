# SPDX-License-Identifier: Apache-2.0
"""tolman route finds ways in memories and in graphs from files, and says why when there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from memory_app.benchmarks import topology
from memory_app.cli import main
from memory_core.errors import BadInput

LINES = {
    "nodes.txt": "a,0,0,0\nb,0,0.001,0\n-h1,0,0.002,0\nz,0,0.003,0\n",
    "links.txt": "a,0,b\nb,0,-h1\na,0,z\nz,0,a\n",
}


@pytest.fixture
def streets(tmp_path):
    for name, text in LINES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return str(tmp_path)


def run(capsys, *arguments):
    """Exit code, standard output and standard error."""
    try:
        main(["route", *arguments])
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    return code, *capsys.readouterr()


def test_a_way_has_its_nodes_and_its_metres(capsys, streets):
    code, out, _ = run(capsys, streets, "a", "-h1", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["ids"] == ["a", "b", "-h1"]
    assert found["length_m"] == pytest.approx(222.4, abs=0.1)
    assert len(found["points"]) == 3
    assert found["latency_ms"] > 0


def test_points_are_taken_to_the_nearest_node(capsys, streets):
    _, out, _ = run(capsys, streets, "3,-160", "10,55", "--json")
    assert json.loads(out)["ids"] == ["a", "b", "-h1"]


def test_in_words_the_length_comes_first(capsys, streets):
    _, out, _ = run(capsys, streets, "a", "b")
    assert out.startswith("111.2 m over 2 nodes, found in ")
    assert out.splitlines()[0].endswith(": a b")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("b", "a"), 1, "no way known from 'b' to 'a': no edges join them"),
        (("a", "zebra"), 1, "there is no node 'zebra'"),
        (("a", "nan,0"), 1, "there is no node 'nan,0'"),
    ],
)
def test_without_a_way_the_reason_is_given(capsys, streets, arguments, code, message):
    found, _, err = run(capsys, streets, *arguments)
    assert found == code
    assert message in err


def test_nothing_there_is_the_askers_mistake(capsys, tmp_path):
    code, _, err = run(capsys, str(tmp_path / "none"), "a", "b")
    assert code == 2
    assert "nothing here" in err


def test_the_bench_draws_a_city_and_finds_all_ways_in_it():
    report = topology.run(Path("city:600"), frames=40)
    by_case = {row["case"]: row for row in report["rows"]}
    assert by_case["ways that are not as short as networkx's"]["ours"] == 0
    assert by_case["a way, p99"]["ours"] > 0


def test_the_bench_refuses_a_city_without_a_size():
    with pytest.raises(BadInput, match="city:N with 100 to"):
        topology.run(data=Path("city:many"))
