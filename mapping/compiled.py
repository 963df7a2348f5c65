# SPDX-License-Identifier: Apache-2.0
"""The one place that says how numeric kernels are compiled to machine code.

Two traps of the compiler's on-disk cache shape how kernels are written. Its key is the source file of the kernel, so a
kernel calls only kernels of its own file (a changed callee elsewhere would not be noticed). Its key does not hold
`parallel`, so a parallel build is a function of its own, with another name than the serial one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

import numba

F = TypeVar("F", bound=Callable[..., Any])

_DEFAULTS: dict[str, Any] = {"cache": True, "error_model": "numpy", "nogil": True}
_LEAN: dict[str, Any] = {"_nrt": False}


@overload
def compiled(function: F) -> F: ...


@overload
def compiled(**options: Any) -> Callable[[F], F]: ...


def compiled(function: F | None = None, **options: Any) -> Any:
    """Decorator: compile on first call, keep the machine code on disk, let other Python threads run meanwhile.

    Division by zero gives infinity or NaN as in numpy. Floating point is exact IEEE unless `fastmath` is asked for, so
    results do not depend on the processor. Further options (`inline`, `fastmath`, `parallel`) are those of numba.njit.

    Where no directory for the cache can be written, the function is compiled anew in every process.
    """
    if function is None:
        return lambda decorated: _compile(decorated, {**_DEFAULTS, **options})
    return _compile(function, {**_DEFAULTS, **options})


@overload
def lean(function: F) -> F: ...


@overload
def lean(**options: Any) -> Callable[[F], F]: ...


def lean(function: F | None = None, **options: Any) -> Any:
    """As `compiled`, for loops over small arrays: references to arrays are not counted, which costs more than they do.

    Such a function makes no arrays and returns none, and calls only others of its kind; the compiler refuses the rest.
    """
    if function is None:
        return lambda decorated: _compile(decorated, {**_DEFAULTS, **_LEAN, **options})
    return _compile(function, {**_DEFAULTS, **_LEAN, **options})


def _compile(function: F, options: dict[str, Any]) -> Any:
    """The compiled function; falls back to no cache when numba finds no place for one."""
    try:
        return numba.njit(**options)(function)
    except RuntimeError as error:
        if "cannot cache" not in str(error):
            raise
        return numba.njit(**{**options, "cache": False})(function)
