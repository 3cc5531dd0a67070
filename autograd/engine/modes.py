"""Modes that change what an operation on Values does, and where in the user's code it is done.

A mode belongs to the thread (or asynchronous task) that entered it. Operations look at `active`
first, a plain list that is empty in ordinary use, so that modes cost nothing when none is on.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import ContextDecorator
from contextvars import ContextVar, Token
from math import isfinite
from typing import Any, Self, TypeVar, overload

from autograd.engine.graph import edges_of, note_site, operands_of, site_of
from autograd.errors import AnomalyError, MistakeWarning

F = TypeVar("F", bound=Callable[..., Any])

active: list[ContextDecorator] = []
recording: ContextVar[bool] = ContextVar("recording", default=True)
anomaly: ContextVar[bool] = ContextVar("anomaly", default=False)
# The trace that is being made, if any: transforms that run inside a compiled function record there.
tracing: ContextVar[Any] = ContextVar("tracing", default=None)

# The variables of the transforms whose function is running now, one set for each, outermost first.
differentiating: ContextVar[tuple[set[Any], ...]] = ContextVar("differentiating", default=())


def is_variable(node: Any) -> bool:
    """Tell whether a transform whose function is running now differentiates with respect to it."""
    return any(node in variables for variables in differentiating.get())


class _Mode(ContextDecorator):
    """Set one context variable for the length of a `with` block or of a decorated call."""

    _variable: ContextVar[bool]
    _value: bool
    _tokens: list[Token[bool]]  # several where the mode is entered inside itself

    @overload
    def __new__(cls) -> Self: ...
    @overload
    def __new__(cls, function: F) -> F: ...  # type: ignore[misc]
    def __new__(cls, function: Any = None) -> Any:
        """Return the mode; or a function that runs in it, for `@no_grad` without parentheses."""
        mode = super().__new__(cls)
        mode._tokens = []
        return mode if function is None else mode(function)

    def _recreate_cm(self) -> _Mode:
        return type(self)()  # a decorated function may run in several threads: one object per call

    def __enter__(self) -> None:
        active.append(self)
        self._tokens.append(self._variable.set(self._value))

    def __exit__(self, *_: object) -> None:
        self._variable.reset(self._tokens.pop())
        active.remove(self)


class no_grad(_Mode):  # noqa: N801 - PyTorch's name
    """Compute without recording: results are leaves. A context manager and a decorator.

    >>> from autograd import Value, no_grad
    >>> w = Value(2.0)
    >>> with no_grad():
    ...     y = w * w
    >>> y.parents
    ()
    """

    _variable, _value = recording, False


class detect_anomaly(_Mode):  # noqa: N801 - PyTorch's name
    """Raise at the first nan or infinity, forward or backward, and say where it comes from.

    The error names the operation, its operands and the line that called for it. Recording
    that line makes every operation slower: use this to find a fault, not to train.

    A compiled function is looked at when it is done: if a result or a gradient is nan or infinite,
    the function itself runs sample by sample, and raises where it meets the first. What is
    infinite on the way alone, as in 1/(1 + exp(1000)), is no anomaly there.

    Raises:
        AnomalyError: an operation gave nan or infinity, or a backward pass did.

    >>> from autograd import Value, detect_anomaly
    >>> with detect_anomaly():
    ...     Value(0.0, "x").log()
    Traceback (most recent call last):
    autograd.errors.AnomalyError: log gave -inf for x=0.0, at ...
    """

    _variable, _value = anomaly, True


def checked(node: Any, op: Any, operands: Sequence[Any]) -> Any:
    """Under `detect_anomaly`, note where a new node was made, and refuse nan and infinity."""
    if anomaly.get():
        note_site(node, caller())
        if not isfinite(node.data):
            what = f"{op.name} gave {node.data} for {described(operands)}"
            raise AnomalyError(f"{what}, at {site_of(node)}")
    return node


def refuse_anomaly(node: Any) -> None:
    """Raise if the gradient of a parent of `node` has just become nan or infinite."""
    for parent in edges_of(node):
        if not isfinite(parent.grad):
            site = site_of(node) or "a line not recorded: create the node in detect_anomaly"
            raise AnomalyError(
                f"the gradient of {described((parent,))} became {parent.grad} in the pass through "
                f"{node.op}({described(operands_of(node))}) = {node.data!r}, whose own gradient is "
                f"{node.grad!r}; it was made at {site}"
            )


def described(operands: Sequence[Any]) -> str:
    """Describe operands as in "w=2.0, 3.0"; a long list is cut."""
    shown = [
        repr(x) if x.__class__ is float else f"{x.name + '=' if x.name else ''}{x.data!r}"
        for x in operands[:6]
    ]
    return ", ".join(shown + ["..."] * (len(operands) > 6))


def caller() -> str:
    """Return the place, outside of these packages and NumPy, that called for an operation."""
    frame, _ = _outside()
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"


def warn(message: str, category: type[Warning] = MistakeWarning) -> None:
    """Warn, at the place outside of these packages and NumPy that called for an operation."""
    _, level = _outside()
    warnings.warn(message, category, stacklevel=level)


def _outside() -> tuple[Any, int]:
    """Find the frame of that place, and how many frames it is above the function that asks."""
    frame: Any = sys._getframe(1)
    level = 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in _OWN:
        frame, level = frame.f_back, level + 1
    return frame, level


_OWN = {"autograd", "nn", "numpy"}
