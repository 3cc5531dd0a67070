"""The operators of Value for the other kinds of numbers that operations apply to."""

from __future__ import annotations

from typing import Any

from autograd.engine import table
from autograd.engine.dispatch import is_operand
from autograd.engine.value import Value


class Operators:
    """What the operators mean for a kind of number, which has `__rank__` and `__apply__`.

    Rules of a user's own may use any operator; those of Value serve every kind. Unlike a Value,
    which is itself alone, such a number equals another if it has the same value.
    """

    __slots__ = ()

    __add__, __radd__ = Value.__add__, Value.__radd__
    __sub__, __rsub__ = Value.__sub__, Value.__rsub__
    __mul__, __rmul__ = Value.__mul__, Value.__rmul__
    __truediv__, __rtruediv__ = Value.__truediv__, Value.__rtruediv__
    __pow__, __rpow__ = Value.__pow__, Value.__rpow__
    __neg__, __pos__, __abs__ = Value.__neg__, Value.__pos__, Value.__abs__
    __lt__, __le__, __gt__, __ge__ = Value.__lt__, Value.__le__, Value.__gt__, Value.__ge__
    __bool__, __float__ = Value.__bool__, Value.__float__
    __array_ufunc__ = Value.__array_ufunc__

    def __eq__(self, other: object) -> Any:
        return table.eq(self, other) if is_operand(other) else NotImplemented

    def __ne__(self, other: object) -> Any:
        return table.ne(self, other) if is_operand(other) else NotImplemented
