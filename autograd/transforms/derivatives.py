"""Functions that turn a function into its derivatives, with JAX's names and conventions.

Each runs the function once on fresh variables, which records its graph, and then sweeps over the
graph: backward for gradients (`grad`, `vjp`), forward for directional derivatives (`jvp`), both for
products with the Hessian (`hvp`). Where the derivative is itself to be differentiated, since an
argument is a node or a function around this one is being differentiated too, the sweep is made of
nodes and so recorded in turn. That is all there is to derivatives of any order.

Arguments are numbers, or nested lists, tuples and dictionaries of numbers, or NumPy arrays; the
results have the same structure. Nothing outside is changed: no `grad` of a node that `f` uses. Nor
does it matter what is outside: within `no_grad` derivatives are the same, and are constants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial, wraps
from math import isfinite
from operator import index
from typing import Any

from autograd.engine import (
    Value,
    collector_paused,
    edges_of,
    modes,
    operands_of,
    operation_of,
    slopes_of,
    sweep,
    topological_order,
)
from autograd.engine import table as p
from autograd.engine.higher_order import Node, adjoints, gated, recorded_edges, recorded_numbers
from autograd.transforms.dual import Dual
from autograd.transforms.trees import (
    NUMBER,
    Spec,
    as_array,
    described,
    flatten,
    flatten_like,
    outer,
    paths,
    unflatten,
    wrapped,
)

_CHUNK = 256  # columns of a Hessian swept at once: enough to hide NumPy's cost per call


class _Recording:
    """One run of `f` on variables, and the sweeps over the graph between these and its outputs.

    Attributes:
        spec: the structure of the arguments to differentiate with respect to.
        variables: their leaves, as nodes.
        outputs: the leaves of the result of `f`, nodes or floats.
        output_spec: the structure of that result.
        nested: whether derivatives are to be recorded.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        args: Sequence[Any],
        kwargs: dict[str, Any],
        argnums: int | Sequence[int],
        has_aux: bool = False,
    ) -> None:
        if not callable(f):
            raise TypeError(
                f"what is differentiated is a function, not {f!r}: a Value has backward()"
            )
        places = argument_places(f, args, argnums)
        taken = {place: flatten(args[place], f"args[{place}]") for place in places}
        specs = {place: spec for place, (_, spec) in taken.items()}
        numbers = [x for leaves, _ in taken.values() for x in leaves]
        several = isinstance(argnums, (tuple, list))
        self.spec: Spec = ("tuple", tuple, tuple(specs.values())) if several else specs[places[0]]
        self.variables = [_variable(x) for x in numbers]
        self._own = set(map(_kept, self.variables))
        leaves = iter(self.variables)
        copies = {place: _put_together(spec, leaves) for place, spec in specs.items()}
        before = _data(self.variables)
        with _differentiating(self._own):
            result = f(*[copies.get(i, arg) for i, arg in enumerate(args)], **kwargs)
        _refuse_mutation(f, specs, copies, self.variables, before)
        self._has_aux = has_aux
        self._aux: Any
        result, self._aux = split_aux(f, result) if has_aux else (result, None)
        self.outputs, self.output_spec = flatten_result(f, result)
        self.nested = self._is_nested(numbers)
        # by a node, outermost, even a constant derivative is a node: one can rely on its kind
        self._all_nodes = not modes.differentiating.get() and any(
            x.__class__ is Value for x in numbers
        )

    def _is_nested(self, numbers: Sequence[Any]) -> bool:
        """Tell whether anything depends on a node that others differentiate with respect to."""
        if any(x.__class__ is not float for x in numbers):
            return True
        found: list[Any] = list(self.outputs)
        _mapped(self._aux, found.append)
        nodes = [x for x in found if isinstance(x, Value)]
        if any(x.__class__ is not Value for x in nodes):
            return True
        around = modes.differentiating.get()
        order = self._order(nodes) if around else []
        return not all(variables.isdisjoint(order) for variables in around)

    def _order(self, roots: Iterable[Any]) -> list[Any]:
        """Return the nodes that `roots` depend on, as far as the variables."""
        own = self._own
        return topological_order(roots, lambda node: () if node in own else edges_of(node))

    def _varying(self, order: Sequence[Any]) -> list[Any]:
        """Return those of `order` that depend on a variable."""
        varying = set(self._own)
        for node in order:
            if not varying.isdisjoint(edges_of(node)):
                varying.add(node)
        return [node for node in order if node in varying]

    def value(self) -> Any:
        """Return the result of `f`."""
        return _put_together(self.output_spec, [self._result(self._shown(y)) for y in self.outputs])

    def _shown(self, x: Any) -> Any:
        """Return the number of a node that `f` returned, or the node where that is recorded."""
        if not isinstance(x, Value):
            return x
        return _as_recorded(x) if self.nested else x.data

    def _result(self, x: Any) -> Any:
        """Return what a sweep found as the caller gets it."""
        if x.__class__ is float:
            return Value(x) if self._all_nodes else x
        return _as_recorded(x)

    def with_aux(self, *results: Any) -> Any:
        """Return the results of a transform, followed by what `f` wants handed through."""
        if self._has_aux:
            results = (*results, _mapped(self._aux, self._shown))
        return results if len(results) > 1 else results[0]

    def pull(self, cotangents: Sequence[Any], record: bool = False) -> list[Any]:
        """Sweep backward: give the gradient of Σ cotangent · output by each variable.

        An output whose cotangent is None takes no part, not even as a factor 0.
        """
        seeds: dict[Any, Any] = {}
        for y, cotangent in zip(self.outputs, cotangents, strict=True):
            if cotangent is not None and y.__class__ is not float:
                node = _kept(y)
                seeds[node] = seeds[node] + cotangent if node in seeds else cotangent
        order = self._order(seeds)
        if record or self.nested or _any_node(cotangents):
            with _recorded():
                gradients = adjoints(self._varying(order), seeds)
            return [self._result(gradients.get(_kept(x), 0.0)) for x in self.variables]
        touched = [*order, *self.variables]
        kept = [node.grad for node in touched]
        try:
            with collector_paused():
                for node in touched:
                    node.grad = 0.0
                for y, seed in seeds.items():
                    y.grad = seed
                sweep(order)
            return [x.grad for x in self.variables]
        finally:
            for node, grad in zip(touched, kept, strict=True):
                node.grad = grad

    def push(self, tangents: Sequence[Any]) -> list[Any]:
        """Sweep forward: give the rate of change of each output along the tangents.

        A variable whose tangent is None does not move.
        """
        record = self.nested or _any_node(tangents)
        rates: dict[Any, Any] = {
            _kept(x): rate
            for x, rate in zip(self.variables, tangents, strict=True)
            if rate is not None
        }
        outputs = list(map(_kept, self.outputs))
        with _recorded():
            for node in self._order(y for y in outputs if y.__class__ is not float):
                if node in self._own or rates.keys().isdisjoint(edges_of(node)):
                    continue
                edges = recorded_edges(node) if record else recorded_numbers(node)
                moving = [
                    gated(local, rates[parent], gate)
                    for parent, local, gate in edges
                    if parent in rates
                ]
                locals_, inner = zip(*moving, strict=True)
                rates[node] = p.dot(*locals_, *inner, 0.0)
        return [self._result(rates.get(y, 0.0)) for y in outputs]

    def push_gradient(self, tangents: Sequence[Any]) -> list[Any]:
        """Sweep forward, then backward: give the rate of change of each gradient.

        The local derivatives and their rates come from the rules applied to dual numbers. With a
        column of tangents per variable, all columns of the Hessian product come at once.
        """
        (root,) = self.outputs
        duals: dict[Any, Dual] = {
            x: Dual(x.data, tangent) for x, tangent in zip(self.variables, tangents, strict=True)
        }
        variables = list(duals.values())
        tape: list[tuple[Dual, Dual, float, Any]] = []
        with collector_paused():
            for node in self._order(() if root.__class__ is float else (root,)):
                if node in duals:
                    continue
                rate: Any = 0.0
                edges = []
                for parent, local in zip(edges_of(node), slopes_of(node), strict=True):
                    x = duals.get(parent)
                    if x is not None:
                        rate = rate + local * x.tangent
                        edges.append((x, local))
                if not edges:
                    continue
                duals[node] = dual = Dual(node.data, rate)
                rates = _local_rates(node, dual, duals)
                tape += [(dual, x, d, r) for (x, d), r in zip(edges, rates, strict=True)]
            if root in duals:
                duals[root].adjoint = 1.0
            for dual, x, local, local_rate in reversed(tape):
                adjoint = dual.adjoint
                x.adjoint += adjoint * local
                x.adjoint_rate += dual.adjoint_rate * local
                if local_rate is not None:
                    x.adjoint_rate += adjoint * local_rate
        return [x.adjoint_rate for x in variables]

    def matrix(self) -> list[list[Any]]:
        """Return the partial derivatives, a row per output and a column per variable."""
        m, n = len(self.outputs), len(self.variables)
        if m <= n:
            return [self.pull(row) for row in _unit_rows(m)]
        columns = [self.push(column) for column in _unit_rows(n)]
        return [[column[i] for column in columns] for i in range(m)]

    def differentiate(self) -> None:
        """Put the gradient in the place of the result, as nodes of the same graph."""
        with _recorded():
            self.outputs, self.output_spec = self.pull([1.0], record=True), self.spec

    def second_derivatives(self) -> list[list[Any]]:
        """Return the Hessian as rows."""
        rows = [] if self.nested else self._hessian_of_numbers()
        if self.nested or not all(isfinite(x) for row in rows for x in row):
            # where a slope is infinite, columns that are swept together spoil each other: 0 · inf
            self.differentiate()
            rows = self.matrix()
        return rows

    def _hessian_of_numbers(self) -> list[list[float]]:
        n = len(self.variables)
        if n == 1:
            return [self.push_gradient([1.0])]
        import numpy as np

        rows: list[list[float]] = []
        identity = np.eye(n)
        with np.errstate(all="ignore"):
            for start in range(0, n, _CHUNK):
                columns = identity[:, start : start + _CHUNK]
                block = self.push_gradient(list(columns))
                full = [np.broadcast_to(rates, columns.shape[1:]) for rates in block]
                rows += np.array(full).T.tolist()  # the matrix is symmetric: columns are rows
        return rows


def _local_rates(node: Value, dual: Dual, duals: dict[Any, Dual]) -> list[Any]:
    """Return the rates of change of the local derivatives towards moving parents; None for 0."""
    op: Any = operation_of(node)
    if op is p.where:  # the slope of the branch taken is 1, for good
        return [None]
    operands = [x if x.__class__ is float else duals.get(x, x.data) for x in operands_of(node)]
    locals_ = op.local_derivatives(dual, operands, [x.__class__ is Dual for x in operands])
    return [x.tangent if x.__class__ is Dual else None for x in locals_]


def _unit_rows(n: int) -> list[list[float | None]]:
    """Return the unit vectors, with None for 0: what takes no part cannot turn inf into nan."""
    return [[1.0 if i == j else None for j in range(n)] for i in range(n)]


def _kept(x: Any) -> Node:
    """Return what a sweep keeps a node by: itself, or the row for a stand-in, which has no hash."""
    return x.__node__() if isinstance(x, Value) else x


def _any_node(numbers: Iterable[Any]) -> bool:
    return any(isinstance(x, Value) for x in numbers)


# --- the transforms -------------------------------------------------------------------------------


def value_and_grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Make the function that gives the value of `f` and its gradient.

    Args:
        f: a function with one number as result.
        argnums: the place of the argument to differentiate with respect to, counted from 0, or a
            tuple of places. Arguments by keyword are handed through.
        has_aux: whether `f` returns a pair, of the result and of anything else to hand through, in
            which nodes become numbers.

    Returns:
        A function with the arguments of `f` that returns `(value, gradient)`, or with `has_aux`
        `((value, aux), gradient)`. The gradient has the structure of the argument, 0 where the
        result does not depend on it; for several `argnums` it is a tuple of such. It is made of
        numbers, or of nodes where the argument is, to be differentiated again.

    Raises:
        TypeError: from that function, if an argument or the result is not made of real numbers, or
            there is no argument in a place.
        ValueError: from that function, if `argnums` has a place twice.
        RuntimeError: from that function, if `f` changes an argument in place.

    Warns:
        MistakeWarning: from that function, if `f` returns a number that it took out of a node with
            `.data` or `.item()`, which has no derivative.

    >>> value_and_grad(lambda v: v["x"] ** 2 * v["y"])({"x": 3.0, "y": 2.0})
    (18.0, {'x': 12.0, 'y': 9.0})
    """

    @wraps(f)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        run = _Recording(f, args, kwargs, argnums, has_aux)
        _require_scalar(f, run)
        gradient = _put_together(run.spec, run.pull([1.0]))
        return run.with_aux(run.value()), gradient

    return transformed


def grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Make the function that gives the gradient of `f`; with `has_aux` a pair `(gradient, aux)`.

    Args and errors are those of `value_and_grad`.

    >>> grad(grad(lambda x: x**3))(2.0)
    12.0
    """
    both = value_and_grad(f, argnums, has_aux)

    @wraps(f)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return transformed


def jacobian(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Make the function that gives all partial derivatives of a function of any structure.

    The result has the structure of the result of `f`, with a structure like the argument's in
    the place of each number: a list of m by a list of n gives m lists of n. An array of shape S
    by an array of shape T gives one array of shape S + T. Whichever takes fewer sweeps is used:
    backward, one per output, or forward, one per input.

    Args and errors are those of `value_and_grad`, but the result of `f` may be a structure.

    >>> jacobian(lambda v: [v[0] * v[1], v[0] + 3 * v[1]])([2.0, 5.0])
    [[5.0, 2.0], [1.0, 3.0]]
    """

    @wraps(f)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        run = _Recording(f, args, kwargs, argnums, has_aux)
        return run.with_aux(outer(run.output_spec, run.spec, run.matrix()))

    return transformed


def hessian(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Make the function that gives the second partial derivatives of `f`.

    The result has the structure of the argument, with a structure like it in the place of each
    number. One run of `f` and a few sweeps that carry many columns at once give all of it.

    Args and errors are those of `value_and_grad`.

    >>> hessian(lambda v: v[0] ** 2 * v[1])([3.0, 2.0])
    [[4.0, 6.0], [6.0, 0.0]]
    """

    @wraps(f)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        run = _Recording(f, args, kwargs, argnums, has_aux)
        _require_scalar(f, run)
        return run.with_aux(outer(run.spec, run.spec, run.second_derivatives()))

    return transformed


def hvp(f: Callable[..., Any], x: Any, v: Any) -> Any:
    """Return the product of the Hessian of `f` at `x` with `v`, without making the Hessian.

    Forward over reverse: one run of `f`, a forward sweep for the tangents and one backward sweep.

    Args:
        f: a function of one argument with one number as result.
        x: the argument.
        v: a direction, of the same structure.

    Raises:
        TypeError: as `grad` does, or if `v` has not the structure of `x`.

    >>> hvp(lambda v: v[0] ** 2 * v[1], [3.0, 2.0], [1.0, 0.0])
    [4.0, 6.0]
    """
    run = _Recording(f, (x,), {}, 0)
    _require_scalar(f, run)
    tangents = flatten_like(run.spec, v, "v", "x")
    if run.nested or _any_node(tangents):
        run.differentiate()
        return _put_together(run.spec, run.push(tangents))
    return _put_together(run.spec, run.push_gradient(tangents))


def jvp(
    f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> tuple[Any, ...]:
    """Return the result of `f` and its rate of change along the tangents: forward mode.

    Args:
        f: a function of any structure.
        primals: its arguments, a tuple or list.
        tangents: a direction for each, of the same structure.
        has_aux: whether `f` returns a pair, of the result and of anything else to hand through.

    Returns:
        `(value, rate)` of the same structure, or with `has_aux` `(value, rate, aux)`.

    Raises:
        TypeError: as `grad` does, or if a tangent has not the structure of its primal.

    >>> jvp(lambda x, y: x * y, (3.0, 2.0), (1.0, 0.0))
    (6.0, 2.0)
    """
    for what, argument in ("primals", primals), ("tangents", tangents):
        if not isinstance(argument, (tuple, list)):
            raise TypeError(
                f"{what} must be a tuple, such as (x,), not a {type(argument).__name__}"
            )
    run = _Recording(f, primals, {}, tuple(range(len(primals))), has_aux)
    rates = run.push(flatten_like(run.spec, tuple(tangents), "tangents", "primals"))
    result: tuple[Any, ...] = run.with_aux(run.value(), _put_together(run.output_spec, rates))
    return result


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Return the result of `f` and a function that pulls a cotangent back: reverse mode.

    Args:
        f: a function of any structure.
        primals: its arguments.
        has_aux: whether `f` returns a pair, of the result and of anything else to hand through.

    Returns:
        `(value, pullback)`, or with `has_aux` `(value, pullback, aux)`. The pullback takes
        a weight for each output, in the structure of the value, and returns a tuple: for each
        argument the gradient of the weighted sum.

    Raises:
        TypeError: as `grad` does; the pullback, if the cotangent has not the right structure.

    >>> value, pullback = vjp(lambda x, y: [x * y, x + y], 3.0, 2.0)
    >>> value, pullback([1.0, 10.0])
    ([6.0, 5.0], (12.0, 13.0))
    """
    run = _Recording(f, primals, {}, tuple(range(len(primals))), has_aux)

    def pullback(cotangent: Any) -> Any:
        model = f"the result of {name_of(f)}"
        weights = flatten_like(run.output_spec, cotangent, "the cotangent", model)
        return _put_together(run.spec, run.pull(weights))

    result: tuple[Any, ...] = run.with_aux(run.value(), pullback)
    return result


# --- helpers --------------------------------------------------------------------------------------


@contextmanager
def _differentiating(variables: set[Node]) -> Iterator[None]:
    """Note, while a function runs, its variables, and record what it does."""
    running = modes.differentiating.set((*modes.differentiating.get(), variables))
    try:
        with _recorded():
            yield
    finally:
        modes.differentiating.reset(running)


@contextmanager
def _recorded() -> Iterator[None]:
    """Record, within a `no_grad` too: `_as_recorded` heeds that at the end."""
    recording = modes.recording.set(True)
    try:
        yield
    finally:
        modes.recording.reset(recording)


def _as_recorded(x: Any) -> Any:
    """Return a node, or within `no_grad` one like it without a past."""
    return x.detach() if isinstance(x, Value) and not modes.recording.get() else x


def _variable(x: Any) -> Any:
    """Make a node equal to `x`, to differentiate with respect to."""
    if x.__class__ is not float:
        variable = x.__fresh__()
        variable.name = x.name
        return variable
    trace = modes.tracing.get()
    return Value(x) if trace is None else trace.variable(x)


def _put_together(spec: Spec, leaves: Iterable[Any]) -> Any:
    """Return `unflatten` of these, while a function is traced with tables that stand-ins index."""
    trace = modes.tracing.get()
    put: Callable[..., Any] = unflatten if trace is None else trace.put_together
    return put(spec, leaves)


def argument_places(
    f: Callable[..., Any], args: Sequence[Any], argnums: int | Sequence[int]
) -> list[int]:
    """Check `argnums` against the arguments given, and count negative places from the end."""
    listed: Any = argnums if isinstance(argnums, (tuple, list)) else [argnums]
    try:
        given = [index(x) for x in listed]
    except TypeError:
        raise TypeError(f"argnums must be an int or a tuple of ints, not {argnums!r}") from None
    n = len(args)
    if not all(-n <= place < n for place in given):
        raise TypeError(
            f"argnums={argnums!r}, but {name_of(f)} was called with {n} positional "
            "arguments: name the place of one of these, counted from 0"
        )
    places = [place % n for place in given]
    if len(set(places)) < len(places):
        raise ValueError(f"argnums={argnums!r} names an argument of {name_of(f)} twice")
    return places


def _data(variables: Sequence[Any]) -> list[Any]:
    """Return the numbers of nodes that have one: while a function is compiled they do not."""
    return [x.data if x.__class__ is Value else None for x in variables]


def _refuse_mutation(
    f: Callable[..., Any],
    specs: dict[int, Spec],
    copies: dict[int, Any],
    variables: Sequence[Any],
    before: Sequence[Any],
) -> None:
    """Raise if `f` put something else into an argument, or changed the data of a variable."""
    expected = zip(variables, before, _data(variables), strict=True)
    for place, spec in specs.items():
        path = f"args[{place}]"
        try:
            leaves, now = flatten(copies[place], path)
        except TypeError as error:
            raise RuntimeError(f"{name_of(f)} changed {path} in place: copy it first") from error
        if now != spec:
            raise RuntimeError(f"{name_of(f)} changed the structure of {path}: copy it first")
        for name, leaf in zip(paths(spec, path), leaves, strict=True):
            x, old, new = next(expected)
            if leaf is not x or not (new == old or (new != new and old != old)):
                raise RuntimeError(f"{name_of(f)} changed {name} in place: copy it first")


def _require_scalar(f: Callable[..., Any], run: _Recording) -> None:
    """Refuse several results, and warn of a number that `f` has read out of nodes."""
    if run.output_spec != NUMBER:
        raise TypeError(
            f"{name_of(f)} must return one number to have a gradient, not "
            f"{described(run.output_spec)}: return the sum, say, or take the jacobian"
        )
    (result,) = run.outputs
    used = getattr(getattr(f, "__code__", None), "co_names", ())
    if result.__class__ is float and ("data" in used or "item" in used):
        modes.warn(
            f"{name_of(f)} returned the number {result!r} and no Value, so its derivatives are 0: "
            "compute with the argument itself, as in x ** 2 instead of x.data ** 2"
        )


def split_aux(f: Callable[..., Any], result: Any) -> tuple[Any, Any]:
    """Take the pair apart that `f` returns with `has_aux`."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"with has_aux, {name_of(f)} must return a pair (result, aux)")
    return result


def _mapped(tree: Any, function: Callable[[Any], Any]) -> Any:
    """Apply `function` to what lists, tuples, dictionaries and arrays of objects hold."""
    kind = tree.__class__
    if kind is dict:
        return {key: _mapped(x, function) for key, x in tree.items()}
    if kind is list:
        return [_mapped(x, function) for x in tree]
    if kind is tuple or hasattr(kind, "_fields"):
        return wrapped(("tuple", kind), [_mapped(x, function) for x in tree])
    if getattr(getattr(tree, "dtype", None), "kind", None) == "O":
        return as_array([function(x) for x in tree.reshape(-1).tolist()], tree.shape)
    return function(tree)


def flatten_result(f: Callable[..., Any], result: Any) -> tuple[list[Any], Spec]:
    """Take the result of a function apart; an error names the function."""
    what = f"the result of {name_of(f)}"
    if result is None:
        raise TypeError(f"{what} must be a real number, not None: is a return missing?")
    return flatten(result, what)


def name_of(f: Callable[..., Any]) -> str:
    """Return the name of a function, or that of the class of what else is called."""
    f = f.func if isinstance(f, partial) else f
    return getattr(f, "__name__", type(f).__name__)
