# SPDX-License-Identifier: Apache-2.0
"""Kernels compile where no cache can be written, and break loudly otherwise."""

import numba
import pytest

from mapping.compiled import compiled


def double(x):
    return 2 * x


def without_cache(monkeypatch, message):
    original = numba.njit

    def njit(**options):
        if options["cache"]:
            raise RuntimeError(message)
        return original(**options)

    monkeypatch.setattr(numba, "njit", njit)


def test_without_a_place_for_the_cache_functions_still_work(monkeypatch):
    without_cache(monkeypatch, "cannot cache function 'double': no locator available for file 'x.py'")

    assert compiled(double)(21) == 42
    assert compiled(fastmath=True)(double)(2.5) == 5.0


def test_other_errors_of_the_compiler_are_not_hidden(monkeypatch):
    without_cache(monkeypatch, "something else")

    with pytest.raises(RuntimeError, match="something else"):
        compiled(double)


def test_division_by_zero_is_infinity_as_in_numpy():
    @compiled(cache=False)
    def divide(a, b):
        return a / b

    assert divide(1.0, 0.0) == float("inf")
