# SPDX-License-Identifier: Apache-2.0
"""Objects that take only known attributes of the right type, as C++ bindings do."""

from typing import ClassVar

import numpy as np


class Strict:
    """Subclasses list `_defaults`; an attribute takes the type of its default, and no integer where floats belong."""

    _defaults: ClassVar = {}

    def __init__(self):
        for name, value in self._defaults.items():
            object.__setattr__(self, name, list(value) if isinstance(value, list) else value)

    def __setattr__(self, name, value):
        if name not in self._defaults:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        object.__setattr__(self, name, _accepted(name, self._defaults[name], value))


def _accepted(name, default, value):
    if isinstance(default, np.ndarray) or (isinstance(default, list) and default and isinstance(default[0], float)):
        return floats(value, name)
    wanted = type(default)
    if not isinstance(value, wanted) or isinstance(value, bool) != isinstance(default, bool):
        raise TypeError(f"{name}: incompatible function arguments, want {wanted.__name__}, got {value!r}")
    return value


def floats(value, name="argument"):
    """(3,) float32 of three floats; integers are refused."""
    if not isinstance(value, np.ndarray) and not all(isinstance(v, (float, np.floating)) for v in value):
        raise TypeError(f"{name}: incompatible function arguments, want three floats, got {value!r}")
    array = np.asarray(value)
    if array.shape != (3,) or not np.issubdtype(array.dtype, np.floating):
        raise TypeError(f"{name}: incompatible function arguments, want three floats, got {value!r}")
    return array.astype(np.float32)
