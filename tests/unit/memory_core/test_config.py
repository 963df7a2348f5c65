# SPDX-License-Identifier: Apache-2.0
"""Settings: what is not declared or out of range is refused, with the name and the range."""

from dataclasses import dataclass

import pytest

from memory_core.config import check, load_settings, setting, settings_from
from memory_core.errors import BadSettings


@dataclass(frozen=True)
class Oven:
    heat_c: float = setting(180.0, "how hot", unit="C", minimum=50, maximum=300)
    trays: int = setting(2, "how many trays", minimum=1)
    mode: str = setting("fan", "how it heats", choices=("fan", "grill"))
    light: bool = setting(False, "whether one can look inside")

    def __post_init__(self) -> None:
        check(self)


def test_settings_come_from_names_and_values():
    assert settings_from(Oven, {"heat_c": 200, "mode": "grill"}) == Oven(heat_c=200.0, mode="grill")
    assert isinstance(settings_from(Oven, {"heat_c": 200}).heat_c, float)
    assert settings_from(Oven, {}) == Oven()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"heat": 1.0}, "unknown setting heat; there are heat_c, trays, mode, light"),
        ({"heat_c": 20.0}, "heat_c: want 50 .. 300 C, got 20.0"),
        ({"heat_c": float("nan")}, "heat_c: want 50 .. 300"),
        ({"heat_c": "hot"}, "heat_c: want float, got 'hot'"),
        ({"heat_c": True}, "heat_c: want float"),
        ({"trays": 0}, "trays: want 1 .. None, got 0"),
        ({"trays": 1.5}, "trays: want int, got 1.5"),
        ({"mode": "boil"}, "mode: want one of fan, grill, got 'boil'"),
        ({"light": 1}, "light: want bool, got 1"),
    ],
)
def test_a_bad_setting_is_refused_with_its_range(values, said):
    with pytest.raises(BadSettings) as caught:
        settings_from(Oven, values)
    assert said in str(caught.value)


def test_settings_come_from_a_section_of_a_file(tmp_path):
    (tmp_path / "kitchen.yaml").write_text("oven:\n  heat_c: 220\n  light: true\n")

    assert load_settings(Oven, tmp_path / "kitchen.yaml", "oven") == Oven(heat_c=220.0, light=True)


@pytest.mark.parametrize("content", [None, b"", b"oven: 3", b"a: b: c", b"\xff\xfe\x00", b"- oven", b"fridge: {}"])
def test_a_file_without_the_section_is_refused_by_its_path(tmp_path, content):
    path = tmp_path / "kitchen.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadSettings, match=r"kitchen\.yaml"):
        load_settings(Oven, path, "oven")
