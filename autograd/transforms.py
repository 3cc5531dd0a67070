"""Functions that turn a function into its derivatives, with JAX's names and conventions.

Each runs the function once on fresh variables, which records its graph, and then sweeps over the
graph: backward for gradients (`grad`, `vjp`), forward for directional derivatives (`jvp`), both for
products with the Hessian (`hvp`). Where the derivative is itself to be differentiated, since an
argument is a node or a function around this one is being differentiated too, the sweep is made of
nodes and so recorded in turn. That is all there is to derivatives of any order.

Arguments are numbers, or nested lists, tuples and dictionaries of numbers, or NumPy arrays; the
results have the same structure. Nothing outside is changed: no `grad` of a node that `f` uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from functools import wraps
from typing import Any

from autograd import primitives as p
from autograd.backward import adjoints, collector_paused, gated, recorded_edges, sweep
from autograd.dual import Dual
from autograd.graph import topological_order
from autograd.structure import NUMBER, Spec, flatten, outer, paths, unflatten
from autograd.tracing import current
from autograd.value import Value

# The variables of the transforms whose function is running now, one set for each, outermost first.
_running: ContextVar[tuple[set[Value], ...]] = ContextVar("running", default=())

_CHUNK = 256  # columns of a Hessian swept at once: enough to hide NumPy's cost per call


class _Recording:
    """One run of `f` on variables, and the sweeps over the graph between these and its outputs.

    Attributes:
        spec: the structure of the arguments that are differentiated by.
        variables: their leaves, as nodes.
        outputs: the leaves of the result of `f`, nodes or floats.
        output_spec: the structure of that result.
        aux: what else `f` returned.
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
        places = _places(f, args, argnums)
        taken = [flatten(args[place], f"args[{place}]") for place in places]
        specs = [spec for _, spec in taken]
        numbers = [x for leaves, _ in taken for x in leaves]
        self.spec: Spec = specs[0] if isinstance(argnums, int) else ("tuple", tuple, tuple(specs))
        self.variables = [_variable(x) for x in numbers]
        self._own = set(self.variables)
        leaves = iter(self.variables)
        copies = [unflatten(spec, leaves) for spec in specs]
        call_args = list(args)
        for place, copy in zip(places, copies, strict=True):
            call_args[place] = copy
        around = _running.get()
        token = _running.set((*around, self._own))
        try:
            result = f(*call_args, **kwargs)
        finally:
            _running.reset(token)
        _refuse_mutation(f, places, specs, copies, self.variables, numbers)
        self.aux: Any
        result, self.aux = _split(f, result) if has_aux else (result, None)
        self.outputs, self.output_spec = flatten(result, f"the result of {_name(f)}")
        nodes = [y for y in self.outputs if y.__class__ is not float]
        self.nested = any(x.__class__ is not float for x in numbers) or any(
            y.__class__ is not Value for y in nodes
        )
        if around and not self.nested:
            order = self._order(nodes)
            self.nested = not all(variables.isdisjoint(order) for variables in around)

    def _order(self, roots: Iterable[Any]) -> list[Any]:
        """Give the nodes that `roots` depend on, as far as the variables."""
        own = self._own
        return topological_order(roots, lambda node: () if node in own else node._edges())

    def _varying(self, order: Sequence[Any]) -> list[Any]:
        """Give those of `order` that depend on a variable."""
        varying = set(self._own)
        for node in order:
            if not varying.isdisjoint(node._edges()):
                varying.add(node)
        return [node for node in order if node in varying]

    def shown(self, x: Any) -> Any:
        """Give the number of a node, or the node itself where derivatives are recorded."""
        return x.data if isinstance(x, Value) and not self.nested else x

    def value(self) -> Any:
        """Give the result of `f`."""
        return unflatten(self.output_spec, [self.shown(y) for y in self.outputs])

    def pull(self, cotangents: Sequence[Any]) -> list[Any]:
        """Sweep backward: give the gradient of Σ cotangent · output by each variable.

        An output whose cotangent is None takes no part, not even as a factor 0.
        """
        seeds: dict[Any, Any] = {}
        for y, cotangent in zip(self.outputs, cotangents, strict=True):
            if cotangent is not None and y.__class__ is not float:
                seeds[y] = seeds[y] + cotangent if y in seeds else cotangent
        order = self._order(seeds)
        if self.nested:
            gradients = adjoints(self._varying(order), seeds)
            return [gradients.get(x, 0.0) for x in self.variables]
        touched = [*order, *self.variables]
        kept = [node.grad for node in touched]
        with collector_paused():
            for node in touched:
                node.grad = 0.0
            for y, seed in seeds.items():
                y.grad = seed
            sweep(order)
        result = [x.grad for x in self.variables]
        for node, grad in zip(touched, kept, strict=True):
            node.grad = grad
        return result

    def push(self, tangents: Sequence[Any]) -> list[Any]:
        """Sweep forward: give the rate of change of each output along the tangents.

        A variable whose tangent is None does not move.
        """
        rates: dict[Any, Any] = {
            x: rate for x, rate in zip(self.variables, tangents, strict=True) if rate is not None
        }
        for node in self._order(y for y in self.outputs if y.__class__ is not float):
            if node in self._own:
                continue
            edges = recorded_edges(node) if self.nested else _edges(node)
            moving = [
                gated(local, rates[parent], *gate)
                for parent, local, *gate in edges
                if parent in rates
            ]
            if moving:
                locals_, inner = zip(*moving, strict=True)
                rates[node] = p.dot(*locals_, *inner, 0.0)
        return [rates.get(y, 0.0) for y in self.outputs]

    def push_gradient(self, tangents: Sequence[Any]) -> list[Any]:
        """Sweep forward, then backward: give the rate of change of each gradient.

        The local derivatives and their rates come from the rules applied to dual numbers. With a
        column of tangents per variable, all columns of the Hessian product come at once.
        """
        (root,) = self.outputs
        if root.__class__ is float:
            return [0.0] * len(self.variables)
        duals: dict[Any, Dual] = {
            x: Dual(x.data, tangent) for x, tangent in zip(self.variables, tangents, strict=True)
        }
        inner = [node for node in self._varying(self._order((root,))) if node not in self._own]
        edges: list[list[tuple[Any, float, Any]]] = []
        for node in inner:
            moving = [(parent, local) for parent, local in _edges(node) if parent in duals]
            rate: Any = 0.0
            for parent, local in moving:
                rate = rate + local * duals[parent].tangent
            duals[node] = dual = Dual(node.data, rate)
            rates = _local_rates(node, dual, duals)
            edges.append([(*edge, rate) for edge, rate in zip(moving, rates, strict=True)])
        gradients = dict.fromkeys(duals, 0.0)
        gradient_rates: dict[Any, Any] = dict.fromkeys(duals, 0.0)
        gradients[root] = 1.0
        for node, terms in zip(reversed(inner), reversed(edges), strict=True):
            gradient, gradient_rate = gradients[node], gradient_rates[node]
            for parent, local, local_rate in terms:
                gradients[parent] += gradient * local
                change = gradient_rate * local
                if local_rate is not None:
                    change = change + gradient * local_rate
                gradient_rates[parent] = gradient_rates[parent] + change
        return [gradient_rates[x] for x in self.variables]


def _edges(node: Value) -> list[tuple[Value, float]]:
    """Give the parents of a node with the local derivatives recorded towards them."""
    if node._da.__class__ is tuple:
        return list(zip(node._a, node._da, strict=True))
    recorded = [local for local in (node._da, node._db) if local is not None]
    return list(zip(node._edges(), recorded, strict=True))


def _local_rates(node: Value, dual: Dual, duals: dict[Any, Dual]) -> list[Any]:
    """Give the rates of change of the local derivatives towards moving parents; None for 0."""
    op = node._primitive
    if op is None or op is p.where:  # the slopes of a branch taken are 1, for good
        return [None for parent in node._edges() if parent in duals]
    operands = [x if x.__class__ is float else duals.get(x, x) for x in node._operands()]
    moving = [x.__class__ is Dual for x in operands]
    if not all(moving):
        operands = [x.data if isinstance(x, Value) else x for x in operands]
    slopes = op.local_derivatives(dual, operands, moving)
    return [slope.tangent if slope.__class__ is Dual else None for slope in slopes]


# --- the transforms -------------------------------------------------------------------------------


def value_and_grad(
    f: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Make the function that gives the value of `f` and its gradient.

    Args:
        f: a function with one number as result.
        argnums: the place of the argument to differentiate by, or several places.
        has_aux: whether `f` returns a pair, of the result and of something to hand through.

    Returns:
        A function with the arguments of `f` that returns `(value, gradient)`, or with `has_aux`
        `((value, aux), gradient)`. The gradient has the structure of the argument; for several
        `argnums` it is a tuple of such.

    Raises:
        TypeError: from that function, if an argument or the result is not made of real numbers.
        RuntimeError: from that function, if `f` changes an argument in place.

    >>> value_and_grad(lambda v: v["x"] ** 2 * v["y"])({"x": 3.0, "y": 2.0})
    (18.0, {'x': 12.0, 'y': 9.0})
    """

    @wraps(f)
    def transformed(*args: Any, **kwargs: Any) -> Any:
        run = _Recording(f, args, kwargs, argnums, has_aux)
        _require_scalar(f, run)
        gradient = unflatten(run.spec, run.pull([1.0]))
        value = (run.value(), _mapped(run.aux, run.shown)) if has_aux else run.value()
        return value, gradient

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
        m, n = len(run.outputs), len(run.variables)
        if m <= n:
            matrix = [run.pull(row) for row in _unit_rows(m)]
        else:
            columns = [run.push(column) for column in _unit_rows(n)]
            matrix = [list(row) for row in zip(*columns, strict=True)]
        result = outer(run.output_spec, run.spec, matrix)
        return (result, _mapped(run.aux, run.shown)) if has_aux else result

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
        if run.nested:
            return jacobian(grad(f, argnums, has_aux), argnums, has_aux)(*args, **kwargs)
        result = outer(run.spec, run.spec, _hessian_rows(run))
        return (result, _mapped(run.aux, run.shown)) if has_aux else result

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
    tangents = _alike(run.spec, v, "v", "x")
    if run.nested or any(t.__class__ is not float for t in tangents):
        return jvp(grad(f), (x,), (v,))[1]
    return unflatten(run.spec, run.push_gradient(tangents))


def jvp(
    f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False
) -> tuple[Any, ...]:
    """Return the result of `f` and its rate of change along the tangents: forward mode.

    Args:
        f: a function of any structure.
        primals: its arguments, a tuple or list.
        tangents: a direction for each, of the same structure.
        has_aux: whether `f` returns a pair, of the result and of something to hand through.

    Returns:
        `(value, rate)` of the same structure, or with `has_aux` `(value, rate, aux)`.

    Raises:
        TypeError: as `grad` does, or if a tangent has not the structure of its primal.

    >>> jvp(lambda x, y: x * y, (3.0, 2.0), (1.0, 0.0))
    (6.0, 2.0)
    """
    run = _Recording(f, tuple(primals), {}, tuple(range(len(primals))), has_aux)
    rates = _alike(run.spec, tuple(tangents), "tangents", "primals")
    run.nested = run.nested or any(rate.__class__ is not float for rate in rates)
    rate = unflatten(run.output_spec, run.push(rates))
    return (run.value(), rate, _mapped(run.aux, run.shown)) if has_aux else (run.value(), rate)


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """Return the result of `f` and a function that pulls a cotangent back: reverse mode.

    Args:
        f: a function of any structure.
        primals: its arguments.
        has_aux: whether `f` returns a pair, of the result and of something to hand through.

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
        weights = _alike(run.output_spec, cotangent, "the cotangent", f"the result of {_name(f)}")
        run.nested = run.nested or any(weight.__class__ is not float for weight in weights)
        return unflatten(run.spec, run.pull(weights))

    value = run.value()
    return (value, pullback, _mapped(run.aux, run.shown)) if has_aux else (value, pullback)


# --- helpers --------------------------------------------------------------------------------------


def _hessian_rows(run: _Recording) -> Any:
    """Give the Hessian as rows of floats; it is symmetric, so columns are rows."""
    n = len(run.variables)
    if n == 1:
        return [run.push_gradient([1.0])]
    import numpy as np

    rows: list[list[float]] = []
    identity = np.eye(n)
    for start in range(0, n, _CHUNK):
        columns = identity[:, start : start + _CHUNK]
        block = run.push_gradient(list(columns))
        rows += np.array([np.broadcast_to(b, columns.shape[1:]) for b in block]).T.tolist()
    return rows


def _unit_rows(n: int) -> list[list[float | None]]:
    """Give the unit vectors, with None for 0: what takes no part cannot turn inf into nan."""
    return [[1.0 if i == j else None for j in range(n)] for i in range(n)]


def _variable(x: Any) -> Any:
    """Make a node equal to `x`, to differentiate by."""
    if x.__class__ is not float:
        return x._fresh()
    trace = current.get()
    return Value(x) if trace is None else trace.constant(x)


def _places(f: Callable[..., Any], args: Sequence[Any], argnums: int | Sequence[int]) -> list[int]:
    """Check `argnums` against the arguments given, and count negative places from the end."""
    places = [argnums] if isinstance(argnums, int) else list(argnums)
    for place in places:
        if not -len(args) <= place < len(args):
            raise TypeError(
                f"argnums={argnums!r}, but {_name(f)} was called with {len(args)} positional "
                "arguments: name the place of one of these, counted from 0"
            )
    return [place % len(args) for place in places]


def _alike(spec: Spec, tree: Any, what: str, model: str) -> list[Any]:
    """Flatten `tree`, which must have the structure `spec`."""
    leaves, own = flatten(tree, what)
    if own != spec:
        raise TypeError(f"{what} must have the structure of {model}: {own!r} is not {spec!r}")
    return leaves


def _refuse_mutation(
    f: Callable[..., Any],
    places: Sequence[int],
    specs: Sequence[Spec],
    copies: Sequence[Any],
    variables: Sequence[Value],
    numbers: Sequence[Any],
) -> None:
    """Raise if `f` put something else into an argument, or changed the data of a variable."""
    expected = iter(zip(variables, numbers, strict=True))
    for place, spec, copy in zip(places, specs, copies, strict=True):
        leaves, now = flatten(copy, f"args[{place}]")
        if now != spec:
            raise RuntimeError(f"{_name(f)} changed the structure of args[{place}]: copy it first")
        for name, leaf in zip(paths(spec, f"args[{place}]"), leaves, strict=True):
            x, number = next(expected)
            changed = (
                number.__class__ is float
                and x.__class__ is Value
                and number == number
                and x.data != number
            )
            if leaf is not x or changed:
                raise RuntimeError(f"{_name(f)} changed {name} in place: copy it first")


def _require_scalar(f: Callable[..., Any], run: _Recording) -> None:
    if run.output_spec != NUMBER:
        kind = run.output_spec[0]
        raise TypeError(
            f"{_name(f)} must return one number to have a gradient, not a {kind} of "
            f"{len(run.outputs)}: return the sum, say, or take the jacobian"
        )


def _split(f: Callable[..., Any], result: Any) -> tuple[Any, Any]:
    """Take the pair apart that `f` returns with `has_aux`."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"with has_aux, {_name(f)} must return a pair (result, aux)")
    return result


def _mapped(tree: Any, function: Callable[[Any], Any]) -> Any:
    """Apply `function` to each node in lists, tuples and dictionaries; leave the rest alone."""
    if isinstance(tree, dict):
        return {key: _mapped(x, function) for key, x in tree.items()}
    if tree.__class__ in (list, tuple):
        return tree.__class__([_mapped(x, function) for x in tree])
    return function(tree)


def _name(f: Callable[..., Any]) -> str:
    return getattr(f, "__name__", type(f).__name__)
