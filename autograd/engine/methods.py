"""The operators and methods of a node, each made from a row of the table.

A class says what they stand for, as in `exp = unary(table.exp)`; once it is made, a function for
its nodes stands there instead. The function takes a short way for what is usual: a node and floats,
outside of any mode. All else goes through `dispatch.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from autograd.engine import modes
from autograd.engine.dispatch import is_operand
from autograd.engine.graph import new_node
from autograd.engine.primitives import Primitive
from autograd.engine.sums import write_in
from autograd.errors import as_float

N = TypeVar("N")  # a node, or another kind of number that takes these operators

_new = object.__new__
_modes = modes.active  # not empty while a mode such as `no_grad` is on somewhere


class _Method:
    """What stands in a class until the class is made.

    Args:
        op: the row.
        make: makes the function for the nodes of a class.
    """

    def __init__(self, op: Primitive, make: Callable[[type[Any]], Callable[..., Any]]) -> None:
        self.op, self.make = op, make

    def __set_name__(self, owner: type[Any], name: str) -> None:
        method = self.make(owner)
        method.__name__, method.__qualname__ = name, f"{owner.__name__}.{name}"
        method.__module__ = owner.__module__
        method.__doc__, _, _ = self.op.doc.partition("\n\n    >>>")  # an example of the function
        setattr(owner, name, method)


def unary(op: Primitive) -> Callable[[N], N]:
    """Make the method for a row with one operand."""
    forward, (rule,) = op.float_forward, op.float_partials  # type: ignore[misc]

    def make(kind: type[Any]) -> Callable[[Any], Any]:
        def method(x: Any) -> Any:
            if x.__class__ is not kind or _modes:
                return op(x)
            a = x.data
            try:
                out = forward(a)
                return new_node(kind, op, out, x, None, rule(out, a))
            except TypeError:  # the data has been set to what is no number
                return op(x)

        return method

    return _Method(op, make)  # type: ignore[return-value]


def binary(op: Primitive, operator: bool = True) -> Callable[[N, N | float], N]:
    """Make the method for a row with two operands, of which the first is usually a node.

    An operator leaves what it does not know to the other operand; a function refuses it.
    """
    forward, (rule_a, rule_b) = op.float_forward, op.float_partials  # type: ignore[misc]

    def make(kind: type[Any]) -> Callable[[Any, Any], Any]:
        def method(x: Any, y: Any) -> Any:
            of = y.__class__
            if x.__class__ is not kind or _modes:
                return op(x, y) if not operator or is_operand(y) else NotImplemented
            if of is kind:
                b = y.data
            elif of is float or of is int:
                y = b = y if of is float else as_float(y)
            else:
                return op(x, y) if not operator or is_operand(y) else NotImplemented
            node = _new(kind)  # not by `new_node`: plain code makes little else than these
            a = x.data
            try:
                node.data = out = forward(a, b)
                node._da = rule_a(out, a, b)
                node._db = rule_b(out, a, b) if of is kind else None
            except TypeError:  # the data of a node has been set to what is no number
                return op(x, y)
            node.grad = 0.0
            node.name = None
            node._primitive = op
            node._a = x
            node._b = y
            return node

        return method

    return _Method(op, make)  # type: ignore[return-value]


def product(op: Primitive) -> Callable[[N, N | float], N]:
    """Make `*` as `binary` does, with its rules in the code: plain code makes little else."""
    general = binary(op)

    def make(kind: type[Any]) -> Callable[[Any, Any], Any]:
        usual = general.make(kind)  # type: ignore[attr-defined]

        def method(x: Any, y: Any) -> Any:
            if x.__class__ is not kind or y.__class__ is not kind or _modes:
                return usual(x, y)
            node = _new(kind)
            node._db = a = x.data
            node._da = b = y.data
            try:
                node.data = a * b
            except TypeError:  # the data of a node has been set to what is no number
                return op(x, y)
            node.grad = 0.0
            node.name = None
            node._primitive = op
            node._a = x
            node._b = y
            return node

        return method

    return _Method(op, make)  # type: ignore[return-value]


def total(op: Primitive, times: Primitive) -> Callable[[N, N | float], N]:
    """Make `+` in that way; it writes products into sums of them: see `sums.py`."""
    general = binary(op)

    def make(kind: type[Any]) -> Callable[[Any, Any], Any]:
        usual = general.make(kind)  # type: ignore[attr-defined]

        def method(x: Any, y: Any) -> Any:
            if x.__class__ is not kind or y.__class__ is not kind or _modes:
                return usual(x, y)
            try:
                data = x.data + y.data
            except TypeError:  # the data of a node has been set to what is no number
                return op(x, y)
            spare = write_in(x, times) if x._primitive is op and x._db is not None else None
            node = _new(kind) if spare is None else spare
            node.data = data
            node.grad = 0.0
            node.name = None
            node._primitive = op
            node._a = x
            node._b = y
            node._da = node._db = 1.0
            return node

        return method

    return _Method(op, make)  # type: ignore[return-value]


def reflected(op: Primitive) -> Callable[[N, float], N]:
    """Make the operator for a number on the left, as in `2 - v`."""
    forward, (_, rule_b) = op.float_forward, op.float_partials  # type: ignore[misc]

    def make(kind: type[Any]) -> Callable[[Any, Any], Any]:
        def method(y: Any, x: Any) -> Any:
            of = x.__class__
            if (of is float or of is int) and y.__class__ is kind and not _modes:
                a, b = x if of is float else as_float(x), y.data
                try:
                    out = forward(a, b)
                    return new_node(kind, op, out, a, y, None, rule_b(out, a, b))
                except TypeError:  # the data has been set to what is no number
                    return op(a, y)
            return op(x, y) if is_operand(x) else NotImplemented

        return method

    return _Method(op, make)  # type: ignore[return-value]


def comparison(op: Primitive) -> Callable[[N, N | float], bool]:
    """Make a comparison: it looks at the data alone, and gives a bool."""
    forward = op.float_forward

    def make(kind: type[Any]) -> Callable[[Any, Any], Any]:
        def method(x: Any, y: Any) -> Any:
            of = y.__class__
            if x.__class__ is kind and (of is kind or of is float or of is int):
                try:
                    return forward(x.data, y.data if of is kind else y)
                except TypeError:  # the data of a node has been set to what is no number
                    return op(x, y)
            return op(x, y) if is_operand(y) else NotImplemented

        return method

    return _Method(op, make)  # type: ignore[return-value]
