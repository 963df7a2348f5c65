# SPDX-License-Identifier: Apache-2.0
"""config/*.yaml name every setting there is, with the default of the dataclass."""

from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from mapping import MapperSettings
from memory_app.settings import PipelineSettings
from memory_core.config import load_settings, settings_from
from memory_core.errors import BadSettings

CONFIG = Path(__file__).resolve().parent.parent / "config"
SECTIONS = {"pipeline": PipelineSettings, "mapper": MapperSettings}


@pytest.mark.parametrize("section", SECTIONS)
def test_the_yaml_equals_the_dataclass(section):
    settings = SECTIONS[section]
    content = yaml.safe_load((CONFIG / "tolman.yaml").read_text(encoding="utf-8"))

    assert content[section] == {field.name: field.default for field in fields(settings)}
    assert load_settings(settings, CONFIG / "tolman.yaml", section) == settings()


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_is_described_in_the_yaml(section):
    text = (CONFIG / "tolman.yaml").read_text(encoding="utf-8")

    for field in fields(SECTIONS[section]):
        assert f"{field.metadata['description']}" in text, field.name


def test_the_yaml_has_no_unknown_section():
    assert set(yaml.safe_load((CONFIG / "tolman.yaml").read_text(encoding="utf-8"))) == set(SECTIONS)


def test_an_unknown_setting_is_refused_with_the_names_there_are():
    with pytest.raises(BadSettings, match=r"unknown setting voxelsize; there are .*voxel_size_m"):
        settings_from(MapperSettings, {"voxelsize": 0.1})


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(BadSettings, match="cannot be read"):
        load_settings(MapperSettings, tmp_path / "none.yaml", "mapper")
