# SPDX-License-Identifier: Apache-2.0
"""Fixtures shared by all tests."""

import os
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent


def _data_root() -> Path:
    return Path(os.environ.get("TOLMAN_TEST_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_data():
    """Returns a function: relative path -> path of a public test file, or skips with the reason."""

    def find(relative: str) -> Path:
        path = _data_root() / relative
        if not path.exists():
            pytest.skip(f"test data {relative} is not under {_data_root()} (set TOLMAN_TEST_DATA)")
        return path

    return find


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
