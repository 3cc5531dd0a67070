"""Two ways to save time. Without this file every result would stay what it is.

A rule calls rows, and each call looks at what it is given. On floats, where eager programs spend
their time, the answer is known: `bind_to_floats` gives the very same code other names to look up,
in which a row is its `forward`. That halves the time of an activation. And `collector_paused` does
without the cyclic garbage collector, which finds nothing in a graph: it has no cycles.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any


def bind_to_floats(kind: Any, module: dict[str, Any]) -> None:
    """Set `float_forward` and `float_partials` of each row, an object of `kind`, in a module."""
    rows: list[Any] = [item for item in module.values() if isinstance(item, kind)]
    names = dict(module)

    def bound(function: Any) -> Any:
        own = getattr(function, "__module__", None) == module["__name__"]
        if not own or not hasattr(function, "__code__"):
            return function
        return FunctionType(function.__code__, names, closure=function.__closure__)

    for row in rows:
        row.float_forward = bound(row.forward)
    for name, item in module.items():
        names[name] = item.float_forward if isinstance(item, kind) else bound(item)
    for row in rows:
        rules = row.partials
        row.float_partials = tuple(map(bound, rules)) if isinstance(rules, tuple) else bound(rules)


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the garbage collector: a pass makes no cycles, but enough objects to set it off."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
