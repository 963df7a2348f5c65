# SPDX-License-Identifier: Apache-2.0
"""Packed values come back as they were; bytes that nobody packed are refused."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from memory_core.errors import CorruptMemory
from memory_core.packing import pack, peek, unpack

NUMBERS = st.sampled_from(["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", ">f8", ">i4"])
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 53), 1 << 53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
VALUES = st.dictionaries(
    st.text(max_size=8),
    PLAIN | st.binary(max_size=64) | arrays.arrays(NUMBERS, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0)),
    max_size=6,
)


def same(a, b):
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
    return type(a) is type(b) and a == b


@given(VALUES)
@settings(max_examples=150, deadline=None)
def test_what_was_packed_comes_back(values):
    packed = pack(values)
    back = unpack(packed)

    assert back.keys() == values.keys()
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            value = value.astype(value.dtype.newbyteorder("<"))  # noqa: PLW2901
        assert same(value, back[name])
    assert pack(dict(reversed(list(values.items())))) == packed
    plain = {n: v for n, v in values.items() if not isinstance(v, (bytes, np.ndarray))}
    assert peek(packed) == plain


def test_arrays_that_came_back_can_be_written_to():
    back = unpack(pack({"a": np.zeros(3)}))
    back["a"][0] = 1.0


def test_the_layout_of_memory_does_not_matter():
    array = np.arange(12.0).reshape(3, 4)

    assert pack({"a": array.T.copy().T}) == pack({"a": np.asfortranarray(array)}) == pack({"a": array})


@given(VALUES, st.data())
@settings(max_examples=150, deadline=None)
def test_torn_bytes_are_refused_or_complete(values, data):
    packed = pack(values)
    cut = packed[: data.draw(st.integers(0, len(packed) - 1))]
    try:
        assert unpack(cut).keys() == values.keys()
    except CorruptMemory as error:
        assert "packed data" in str(error)  # noqa: PT017


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda b: b"TLM1" + b))
@settings(max_examples=200, deadline=None)
def test_other_bytes_are_refused(data):
    with pytest.raises(CorruptMemory):
        unpack(data)


def headed(header, body=b""):
    text = json.dumps(header).encode()
    return b"TLM1" + struct.pack("<I", len(text)) + text + body


@pytest.mark.parametrize(
    "header",
    [
        {},
        [],
        {"arrays": [], "values": 3},
        {"arrays": 3, "values": {}},
        {"arrays": [["a"]], "values": {}},
        {"arrays": [["a", "f8", 3]], "values": {}},
        {"arrays": [["a", "f8", [-1]]], "values": {}},
        {"arrays": [["a", "f8", [-1, -1]]], "values": {}},
        {"arrays": [["a", "f8", [1 << 62, 4]]], "values": {}},
        {"arrays": [["a", "f8", [1 << 70]]], "values": {}},
        {"arrays": [["a", "f8", ["x"]]], "values": {}},
        {"arrays": [["a", "O", [1]]], "values": {}},
        {"arrays": [["a", "S4", [1]]], "values": {}},
        {"arrays": [["a", ["f8"], [1]]], "values": {}},
        {"arrays": [[["a"], "f8", [1]]], "values": {}},
    ],
)
def test_a_hostile_header_is_refused(header):
    with pytest.raises(CorruptMemory, match="packed data"):
        unpack(headed(header, bytes(64)))


def test_values_that_json_cannot_hold_are_refused():
    with pytest.raises(TypeError):
        pack({"a": {1, 2}})
