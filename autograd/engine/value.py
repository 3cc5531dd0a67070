"""The node of the graph: one number that remembers how it was computed.

Start here. A `Value` holds a float, `data`. Every operation on Values makes a new Value that
knows its parents and, per parent, the local derivative: how fast the result changes with that
parent. Following these edges backward with the chain rule gives the derivative of the result
with respect to everything it came from; `backward.py` does that in one sweep.

    w, x, b ──► z = w·x + b ──► o = tanh(z)      data flows forward
    ∂o/∂w, … ◄── ∂o/∂z ◄────── ∂o/∂o = 1         gradients flow backward

What each operation computes and how it is differentiated stands in `table.py`; the operators and
methods are made from its rows, by `methods.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Never

from autograd.engine import modes
from autograd.engine import table as t
from autograd.engine.copies import copy_node, deepcopy_graph, reduce_graph
from autograd.engine.dispatch import apply_to_values, is_operand
from autograd.engine.graph import Node, all_slopes_of, is_recorded, operands_of, set_operands
from autograd.engine.methods import binary, comparison, product, reflected, total, unary
from autograd.engine.primitives import Primitive
from autograd.errors import as_float


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
            set_operands(self, operands)
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
        return all_slopes_of(self)

    # --- operations -------------------------------------------------------------------------

    __add__, __radd__ = total(t.add, t.mul), reflected(t.add)
    __sub__, __rsub__ = binary(t.sub), reflected(t.sub)
    __mul__, __rmul__ = product(t.mul), reflected(t.mul)
    __truediv__, __rtruediv__ = binary(t.div), reflected(t.div)
    _raised, __rpow__ = binary(t.power), reflected(t.power)
    __neg__ = unary(t.neg)
    __abs__ = unary(t.absolute)
    __lt__, __le__ = comparison(t.lt), comparison(t.le)
    __gt__, __ge__ = comparison(t.gt), comparison(t.ge)
    __hash__ = object.__hash__  # of itself, so that a set is as quick as one of plain objects

    def __pow__(self, other: Value | float) -> Value:
        """Return self to the power other; a square is an operation of one operand.

        >>> (Value(3.0) ** 2).op, (Value(3.0) ** 3).op
        ('square', '**')
        """
        kind = other.__class__
        known = kind is int or kind is float or getattr(other, "shape", None) == ()
        return Value.square(self) if known and other == 2 else Value._raised(self, other)

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

    exp, expm1 = unary(t.exp), unary(t.expm1)
    log, log1p, log2, log10 = unary(t.log), unary(t.log1p), unary(t.log2), unary(t.log10)
    sqrt, cbrt, square = unary(t.sqrt), unary(t.cbrt), unary(t.square)
    sin, cos, tan = unary(t.sin), unary(t.cos), unary(t.tan)
    asin, acos, atan = unary(t.asin), unary(t.acos), unary(t.atan)
    sinh, cosh, tanh = unary(t.sinh), unary(t.cosh), unary(t.tanh)
    asinh, acosh, atanh = unary(t.asinh), unary(t.acosh), unary(t.atanh)
    arcsin, arccos, arctan, arcsinh, arccosh, arctanh = asin, acos, atan, asinh, acosh, atanh
    erf, erfc, sign, abs = unary(t.erf), unary(t.erfc), unary(t.sign), unary(t.absolute)
    sigmoid, log_sigmoid = unary(t.sigmoid), unary(t.log_sigmoid)
    relu, softplus = unary(t.relu), unary(t.softplus)
    silu, gelu = unary(t.silu), unary(t.gelu)
    pow, xlogy = binary(t.power, operator=False), binary(t.xlogy, operator=False)
    maximum, minimum = binary(t.maximum, operator=False), binary(t.minimum, operator=False)
    leaky_relu, elu = binary(t.leaky_relu, operator=False), binary(t.elu, operator=False)
    atan2, hypot = binary(t.atan2, operator=False), binary(t.hypot, operator=False)
    arctan2, fabs = atan2, __abs__  # NumPy's names

    def __fresh__(self) -> Value:
        """Return an equal node, to differentiate with respect to; a stand-in in a traced function.

        There a node would be taken for one that is given from outside.
        """
        trace = modes.tracing.get()
        fresh: Value = self * 1.0 if trace is None else trace.variable(self)
        return fresh

    def __node__(self) -> Any:
        """Return what walks through the graph know the node by: itself."""
        return self

    def __pos__(self) -> Value:
        return self

    def conjugate(self) -> Value:
        """Return the node itself, as of any real number; NumPy's std and var call this."""
        return self

    @staticmethod
    def __apply__(op: Primitive, operands: Sequence[Any]) -> Any:
        return apply_to_values(Value, op, operands)

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **kwargs: Any
    ) -> Any:
        """Apply one of NumPy's functions or operators; `array -= v` has the array as `out`."""
        if method == "reduce" and ufunc.__name__ in _TOTALS and not kwargs.get("out"):
            return self  # of one number, as in `np.sum(v)`
        if method != "__call__" or kwargs or (out and out[0].dtype != object):
            return NotImplemented
        from autograd.engine.ufuncs import apply_ufunc

        result = apply_ufunc(ufunc, inputs)
        if out is None:
            return result
        out[0][...] = result
        return out[0]

    # --- differentiation --------------------------------------------------------------------

    def backward(self, seed: float = 1.0, create_graph: bool = False, **others: Never) -> None:
        """Add the derivative of this node to the `grad` of every leaf it depends on.

        Several passes add up; `zero_grad` starts again.

        Args:
            seed: the derivative of the final result with respect to this node.
            create_graph: record the pass itself, and put each derivative as a Value, which can be
                differentiated again, into `grad_value`.
            others: none; PyTorch's are answered with what to write.

        Raises:
            TypeError: `seed` is no number, or there are others.
            RuntimeError: `create_graph` and the data of a node was changed since it was used.
            AnomalyError: a derivative is nan or infinite, under `detect_anomaly`.

        Warns:
            MistakeWarning: the node was computed under `no_grad`, and depends on nothing.

        >>> x = Value(3.0)
        >>> (x * x + x).backward()
        >>> x.grad
        7.0
        """
        if others:
            raise TypeError(
                f"backward takes seed and create_graph, not {', '.join(others)}: a graph is always "
                "kept, so leave out retain_graph, and what PyTorch calls gradient is the seed"
            )
        if not is_recorded(self):
            modes.warn(
                "backward() reaches nothing from a result that was computed under no_grad, which "
                "records no graph: compute it outside of no_grad"
            )
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
        if modes.tracing.get():  # which reads it anew at each call, and passes no gradient to it
            return self
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
            "mathematics use autograd.exp and its kin instead of math.exp, for the number .item(), "
            "and to put Values into an array one of dtype=object"
        )

    def __int__(self) -> int:
        raise TypeError(_ROUNDED)

    def __round__(self, ndigits: int | None = None) -> float:
        raise TypeError(_ROUNDED)

    def __floordiv__(self, other: Any) -> Never:
        raise TypeError(
            "// and % are no operations on a Value, since they jump: write v.data // 2 for the "
            "number alone, and v - 2 * (v.data // 2) for v % 2 with its slope 1"
        )

    __rfloordiv__ = __mod__ = __rmod__ = __divmod__ = __rdivmod__ = __floordiv__

    def __and__(self, *_: Any) -> Never:
        raise TypeError("&, |, ^ and ~ are for comparisons, in brackets: (v > 0) & (w < 1)")

    __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __invert__ = __and__

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


_ROUNDED = (
    "int(v) and round(v) of a Value would cut the graph, since a rounded number has the slope 0: "
    "round the data, as in round(v.data, 2)"
)


_TOTALS = {"add", "multiply", "maximum", "minimum"}


def _rounded(x: Any) -> Any:
    """Round a number for display; anything else that a user has set is shown as it is."""
    return float(f"{x:.6g}") if isinstance(x, (float, int)) else repr(x)
