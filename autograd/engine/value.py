"""The node of the graph: one number that remembers how it was computed.

Start here. A `Value` holds a float, `data`. Every operation on Values makes a new Value that
knows its parents and, per parent, the local derivative: how fast the result changes with that
parent. Following these edges backward with the chain rule gives the derivative of the result
with respect to everything it came from; `backward.py` does that in one sweep.

    w, x, b ──► z = w·x + b ──► o = tanh(z)      data flows forward
    ∂o/∂w, … ◄── ∂o/∂z ◄────── ∂o/∂o = 1         gradients flow backward

What each operation computes and how it is differentiated stands in `primitives.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from autograd.engine import modes
from autograd.engine import primitives as p
from autograd.engine.copies import copy_node, deepcopy_graph, reduce_graph
from autograd.engine.dispatch import apply_to_values, is_operand
from autograd.engine.graph import Node, new_node, operands_of
from autograd.engine.primitives import Primitive
from autograd.errors import as_float

_new = object.__new__
_modes = modes.active  # not empty while a mode such as `no_grad` is on somewhere


def _unary(op: Primitive) -> Callable[[Any], Any]:
    """Make the method for a row with one operand."""
    forward, (rule,) = op.float_forward, op.float_partials  # type: ignore[misc]

    def method(x: Any) -> Any:
        if x.__class__ is not Value or _modes:
            return op(x)
        a = x.data
        try:
            out = forward(a)
            return new_node(Value, op, out, x, None, rule(out, a))
        except TypeError:  # the data has been set to what is no number
            return op(x)

    return method


def _binary(op: Primitive, operator: bool = True) -> Callable[[Any, Any], Any]:
    """Make the method for a row with two operands, of which the first is usually a Value.

    An operator leaves what it does not know to the other operand; a function refuses it.
    """
    forward, (rule_a, rule_b) = op.float_forward, op.float_partials  # type: ignore[misc]

    def method(x: Any, y: Any) -> Any:
        kind = y.__class__
        if x.__class__ is not Value or _modes:
            return op(x, y) if not operator or is_operand(y) else NotImplemented
        if kind is Value:
            b = y.data
        elif kind is float or kind is int:
            y = b = y if kind is float else as_float(y)
        else:
            return op(x, y) if not operator or is_operand(y) else NotImplemented
        node = _new(Value)  # not by `new_node`: plain code makes little else than these
        a = x.data
        try:
            node.data = out = forward(a, b)
            node._da = rule_a(out, a, b)
            node._db = rule_b(out, a, b) if kind is Value else None
        except TypeError:  # the data of a node has been set to what is no number
            return op(x, y)
        node.grad = 0.0
        node.name = None
        node._primitive = op
        node._a = x
        node._b = y
        return node

    return method


def _reflected(op: Primitive) -> Callable[[Any, Any], Any]:
    """Make the operator for a number on the left, as in `2 - v`."""
    forward, (_, rule_b) = op.float_forward, op.float_partials  # type: ignore[misc]

    def method(y: Any, x: Any) -> Any:
        kind = x.__class__
        if (kind is float or kind is int) and y.__class__ is Value and not _modes:
            a, b = x if kind is float else as_float(x), y.data
            try:
                out = forward(a, b)
                return new_node(Value, op, out, a, y, None, rule_b(out, a, b))
            except TypeError:  # the data has been set to what is no number
                return op(a, y)
        return op(x, y) if is_operand(x) else NotImplemented

    return method


def _comparison(op: Primitive) -> Callable[[Any, Any], Any]:
    """Make a comparison: it looks at the data alone, and gives a bool."""
    forward = op.float_forward

    def method(x: Any, y: Any) -> Any:
        kind = y.__class__
        if x.__class__ is Value and (kind is Value or kind is float or kind is int):
            try:
                return forward(x.data, y.data if kind is Value else y)
            except TypeError:  # the data of a node has been set to what is no number
                return op(x, y)
        return op(x, y) if is_operand(y) else NotImplemented

    return method


_power, _square = _binary(p.power), _unary(p.square)


def _raised(x: Any, y: Any) -> Any:
    """Raise x to the power y; a square is an operation of one operand, wherever it is shown."""
    known = y.__class__ is int or y.__class__ is float or getattr(y, "shape", None) == ()
    return _square(x) if known and y == 2 else _power(x, y)


# `==` and `!=` of the nodes that stand for a number alone, and have no identity that anyone needs.
equal, unequal = _comparison(p.eq), _comparison(p.ne)


class Value(Node):
    """A number in a computation: a leaf that you make, or the result of an operation.

    Args:
        data: any real number; it is stored as a float.
        name: shown where the graph is printed, drawn or explained.
        label: the name, as it is called in Karpathy's lecture on micrograd.

    Attributes:
        data: the number, a float.
        grad: the derivative of the node that `backward()` was called on with respect to this
            one, a float. A leaf adds up over passes, until it is set to zero again; an inner
            node has that of the last pass.
        name: the name, or None.

    `<` and its kin compare the data. `==` and `hash` are identity, so that nodes can be kept in
    sets and dictionaries. So a Value equals no number, and a comparison with one warns: what is
    meant is `v.data == 1`. While a function is compiled, its variables are no Values that could be
    kept: `==` and `!=` of them are conditions for `where`, and they have no hash.

    Raises:
        TypeError: `data` is not a real number.

    Warns:
        MistakeWarning: a Value is compared with a number by `==` or `!=`.

    >>> x, w, b = Value(2.0, "x"), Value(-3.0, "w"), Value(6.88, "b")
    >>> o = (w * x + b).tanh()
    >>> o.backward()
    >>> print(f"o = {o:.4f}, ∂o/∂w = {w.grad:.4f}")
    o = 0.7064, ∂o/∂w = 1.0019
    """

    __slots__ = ()

    def __init__(self, data: float, name: str | None = None, *, label: str | None = None) -> None:
        name = label if name is None else name
        if name is not None and not isinstance(name, str):
            raise TypeError(f"Value(data, name): name must be a str, not {name!r}")
        self.data = data if data.__class__ is float else as_float(data, "Value(data): data")
        self.grad = 0.0
        self.name = name
        self._primitive = self._a = self._b = self._da = self._db = None

    # --- where the node comes from ----------------------------------------------------------

    @property
    def op(self) -> str:
        """The operation that made this node, such as "*" or "tanh"; empty for a leaf.

        >>> (Value(1.0) * 2).op
        '*'
        """
        return "" if self._primitive is None else self._primitive.name

    @property
    def parents(self) -> tuple[Value, ...]:
        """The operands, in order and with multiplicity; empty for a leaf.

        A number among them appears as a constant leaf, made when first asked for.

        >>> a = Value(3.0)
        >>> (a * a).parents == (a, a)
        True
        """
        operands = operands_of(self)
        if float in map(type, operands):
            operands = tuple([Value(x) if x.__class__ is float else x for x in operands])
            if self._da.__class__ is tuple:
                self._b = operands
            else:
                self._a, self._b = operands
        return operands

    _op, _prev = op, parents  # micrograd's names

    @property
    def label(self) -> str:
        """The name, empty if there is none, under Karpathy's word for it.

        >>> x = Value(2.0, label="x")
        >>> x.label, x.name
        ('x', 'x')
        """
        return self.name or ""

    @label.setter
    def label(self, label: str) -> None:
        self.name = label

    @property
    def local_derivatives(self) -> tuple[float | None, ...]:
        """∂self/∂parent for each of `parents`; None for a number or a branch not taken.

        >>> (Value(2.0) * Value(5.0)).local_derivatives
        (5.0, 2.0)
        """
        if self._da.__class__ is tuple:
            if len(self._da) == len(self._b):
                return self._da
            slopes, varying = iter(self._da), set(self._a)
            return tuple([next(slopes) if x in varying else None for x in self._b])
        return (self._da, self._db)[: len(operands_of(self))]

    # --- operations -------------------------------------------------------------------------

    __add__, __radd__ = _binary(p.add), _reflected(p.add)
    __sub__, __rsub__ = _binary(p.sub), _reflected(p.sub)
    __mul__, __rmul__ = _binary(p.mul), _reflected(p.mul)
    __truediv__, __rtruediv__ = _binary(p.div), _reflected(p.div)
    __pow__, __rpow__ = _raised, _reflected(p.power)
    __neg__ = _unary(p.neg)
    __abs__ = _unary(p.absolute)
    __lt__, __le__ = _comparison(p.lt), _comparison(p.le)
    __gt__, __ge__ = _comparison(p.gt), _comparison(p.ge)
    __hash__ = object.__hash__  # of itself, so that a set is as quick as one of plain objects

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        special = hasattr(other, "__rank__") or hasattr(other, "__array_function__")
        if special or not is_operand(other):
            return NotImplemented
        modes.warn(
            f"a Value equals no number, whatever its data, so == or != between {self!r} and "
            f"{other!r} tells nothing: compare the number, as in v.data == {other!r}"
        )
        return False

    exp, expm1 = _unary(p.exp), _unary(p.expm1)
    log, log1p, log2, log10 = _unary(p.log), _unary(p.log1p), _unary(p.log2), _unary(p.log10)
    sqrt, cbrt, square = _unary(p.sqrt), _unary(p.cbrt), _unary(p.square)
    sin, cos, tan = _unary(p.sin), _unary(p.cos), _unary(p.tan)
    asin, acos, atan = _unary(p.asin), _unary(p.acos), _unary(p.atan)
    sinh, cosh, tanh = _unary(p.sinh), _unary(p.cosh), _unary(p.tanh)
    asinh, acosh, atanh = _unary(p.asinh), _unary(p.acosh), _unary(p.atanh)
    arcsin, arccos, arctan, arcsinh, arccosh, arctanh = asin, acos, atan, asinh, acosh, atanh
    erf, erfc, sign, abs = _unary(p.erf), _unary(p.erfc), _unary(p.sign), __abs__
    sigmoid, log_sigmoid = _unary(p.sigmoid), _unary(p.log_sigmoid)
    relu, softplus = _unary(p.relu), _unary(p.softplus)
    silu, gelu = _unary(p.silu), _unary(p.gelu)
    pow, xlogy = _binary(p.power, operator=False), _binary(p.xlogy, operator=False)
    maximum, minimum = _binary(p.maximum, operator=False), _binary(p.minimum, operator=False)
    leaky_relu, elu = _binary(p.leaky_relu, operator=False), _binary(p.elu, operator=False)
    atan2, hypot = _binary(p.atan2, operator=False), _binary(p.hypot, operator=False)
    arctan2, fabs = atan2, __abs__  # NumPy's names

    def __fresh__(self) -> Value:
        """Return an equal node, to differentiate with respect to."""
        fresh: Value = self * 1.0
        return fresh

    def __node__(self) -> Any:
        """Return what walks through the graph know the node by: itself."""
        return self

    def __pos__(self) -> Value:
        return self

    @staticmethod
    def __apply__(op: Primitive, operands: Sequence[Any]) -> Any:
        return apply_to_values(Value, op, operands)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Apply one of NumPy's functions or operators."""
        if method != "__call__" or kwargs:
            return NotImplemented
        from autograd.engine.ufuncs import apply_ufunc

        return apply_ufunc(ufunc, inputs)

    # --- differentiation --------------------------------------------------------------------

    def backward(self, seed: float = 1.0, create_graph: bool = False) -> None:
        """Add the derivative of this node to the `grad` of every leaf it depends on.

        Args:
            seed: the derivative of the final result with respect to this node.
            create_graph: record the pass itself, and put each derivative as a Value, which can be
                differentiated again, into `grad_value`.

        Raises:
            RuntimeError: `create_graph` and the data of a node was changed since it was used.
            AnomalyError: a derivative is nan or infinite, under `detect_anomaly`.

        >>> x = Value(3.0)
        >>> (x * x + x).backward()
        >>> x.grad
        7.0
        """
        if create_graph:
            from autograd.engine.higher_order import recorded_backward

            recorded_backward(self, Value(as_float(seed, "seed")))
        else:
            from autograd.engine.backward import backward

            backward(self, as_float(seed, "seed"))

    @property
    def grad_value(self) -> Value | None:
        """The derivative as a Value, after `backward(create_graph=True)`; None before.

        >>> x = Value(2.0)
        >>> (x ** 3).backward(create_graph=True)
        >>> x.grad_value.data
        12.0
        """
        return getattr(self, "_grad", None)

    def detach(self) -> Value:
        """Return a leaf with the same data and name, which passes no gradient on.

        >>> (Value(2.0) * 3).detach()
        Value(data=6.0, grad=0.0)
        """
        return Value(self.data, self.name)

    # --- as a number ------------------------------------------------------------------------

    def item(self) -> float:
        """Return the data, a float.

        >>> Value(2).item()
        2.0
        """
        return self.data

    def __float__(self) -> float:
        raise TypeError(
            "a Value does not turn into a float by itself, since that would cut the graph: for "
            "mathematics use autograd.exp and its kin instead of math.exp, for the number .item()"
        )

    def __bool__(self) -> bool:
        raise TypeError("the truth of a Value is unclear: write v.data != 0, or compare it")

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else repr(self)

    def __repr__(self) -> str:
        data, grad = _rounded(self.data), _rounded(self.grad)
        op = f", op={self.op!r}" if self.op else ""
        name = f", name={self.name!r}" if self.name is not None else ""
        return f"Value(data={data}, grad={grad}{op}{name})"

    __copy__, __deepcopy__, __reduce__ = copy_node, deepcopy_graph, reduce_graph


def _rounded(x: Any) -> Any:
    """Round a number for display; anything else that a user has set is shown as it is."""
    return float(f"{x:.6g}") if isinstance(x, (float, int)) else repr(x)
