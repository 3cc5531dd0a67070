"""`compile`: a scalar function, traced once, run as array code over a whole batch."""

from __future__ import annotations

import inspect
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from math import isfinite
from typing import TYPE_CHECKING, Any, overload

from autograd import transforms
from autograd.compiler.arguments import Form, Leaf, NodeGivenError, leaves_of, taken_apart
from autograd.compiler.backends import Backend, Runner, backend_of
from autograd.compiler.codegen import BadIndexError
from autograd.compiler.plan import Options, Plan
from autograd.engine import collector_paused, modes
from autograd.errors import AnomalyError, TraceError
from autograd.transforms import name_of
from autograd.transforms.trees import flatten

if TYPE_CHECKING:
    from autograd.compiler.listing import Cost, Reading

_TRACES_KEPT = 32
_RECENT = 4  # plans that a call is compared with before its arguments are taken apart


@overload
def compile(
    f: Callable[..., Any],
    *,
    in_axes: Any = None,
    argnums: int | Sequence[int] = 0,
    reduce: str | None = None,
    backend: str = "numpy",
    dtype: Any = "float64",
    fast_math: bool = False,
    check: bool = False,
    has_aux: bool = False,
) -> Compiled: ...
@overload
def compile(f: None = None, **options: Any) -> Callable[[Callable[..., Any]], Compiled]: ...
def compile(  # type: ignore[misc]
    f: Callable[..., Any] | None = None,
    *,
    in_axes: Any = None,
    argnums: int | Sequence[int] = 0,
    reduce: str | None = None,
    backend: str = "numpy",
    dtype: Any = "float64",
    fast_math: bool = False,
    check: bool = False,
    has_aux: bool = False,
) -> Any:
    """Compile a scalar function into array code that runs over a whole batch.

    The function is traced once per structure of arguments. Its sums of products become matrix
    products, equal operations become one operation on vectors, and the batch becomes an axis. The
    results are those of the eager engine to the last few bits.

    A Value that the function uses from outside is read anew at each call, as a shared argument is,
    and so is what was computed from it. But `if w > 0` on such a Value is decided once and for all.
    Called with Values, or where a transform around the call differentiates with respect to one from
    outside, the result is that of the function itself, a node of the graph: so `grad` and other
    transforms may be applied to it. With a batch, that is refused.

    Args:
        f: a function of numbers, or of nested lists, tuples, dictionaries and arrays of numbers. An
            array reaches it as an array of nodes, so `W @ x` and `.T` work, and are traced as one
            operation each, however large the array is. Without `f`, the result is a decorator.
        in_axes: as in `jax.vmap`: for each argument 0, if its leading axis is the batch, or None,
            if it is shared by all samples; or one of these for all arguments. An argument that is
            a structure may have a structure of these, such as `({"w": None, "x": 0},)`.
        argnums: the argument, or arguments, with respect to which to differentiate.
        reduce: "sum" or "mean" over the batch, or None for a result per sample.
        backend: who runs the code: "numpy", or "jax" for one function that XLA compiles, by JAX,
            for each number of samples; that takes about a second.
        dtype: "float64"; or "float32" with the backend "jax".
        fast_math: also simplify where that changes the sign of a zero or loses an infinity.
        check: trace twice, and refuse a function whose trace depends on anything but its arguments.
        has_aux: the function returns a pair (result, aux), of which only the result is reduced and
            differentiated; aux, such as the outputs of a network, is handed through per sample.

    Returns:
        A function that is called like `f`, on arrays. Its methods `grad` and `value_and_grad` give
        the gradient: of the reduced result, or with `reduce=None` per sample, the batch first.
        With `has_aux` these give, as in JAX, (result, aux), (gradient, aux), and
        ((result, aux), gradient). `print` lists its program, in the language of the lecture; `code`
        is the NumPy code, `cost` what it costs. With the backend "jax", `jax` is the pure function,
        for code in JAX.

    Raises:
        TraceError: at the first call, if the function asks for a value, as in `if v > 0`, `v in xs`
            or `xs[v]` of a list that is no argument; the message has the line and the remedy, such
            as `where(v == 1, x, y)` or `take(xs, v)`.
        TypeError: `f` is not a function, or an argument is not made of real numbers.
        ValueError: an option is unknown, or the batch is ragged.
        ImportError: the backend needs a library that is not installed.

    >>> import autograd as ag
    >>> loss = ag.compile(lambda w, x: ag.tanh(w * x), in_axes=(None, 0), reduce="mean")
    >>> value, slope = loss.value_and_grad(0.0, [1.0, 2.0, 3.0])
    >>> value, slope
    (0.0, 2.0)

    A network's loss and gradient, with its outputs from the same pass:

    >>> def squared_error(w, x, y):
    ...     output = ag.dot(w, x)
    ...     return (output - y) ** 2, output
    >>> loss = ag.compile(squared_error, in_axes=(None, 0, 0), reduce="mean", has_aux=True)
    >>> (value, outputs), slope = loss.value_and_grad([1.0, 2.0], [[1, 0], [0, 1]], [0, 0])
    >>> value, outputs.tolist(), slope
    (2.5, [1.0, 2.0], [1.0, 2.0])
    """
    if f is None:
        return partial(
            compile,
            in_axes=in_axes,
            argnums=argnums,
            reduce=reduce,
            backend=backend,
            dtype=dtype,
            fast_math=fast_math,
            check=check,
            has_aux=has_aux,
        )
    if not callable(f):
        raise TypeError(f"compile takes a function, not {f!r}")
    if reduce not in (None, "sum", "mean"):
        raise ValueError(f'reduce must be None, "sum" or "mean", not {reduce!r}')
    options = Options(argnums, reduce, fast_math, has_aux, check)
    return Compiled(f, in_axes, options, backend_of(backend, dtype))


class Compiled:
    """A function that has been compiled; it is called like the original, on arrays.

    `print` shows its program, for the structure of arguments that was used last.
    """

    def __init__(
        self, f: Callable[..., Any], in_axes: Any, options: Options, backend: Backend
    ) -> None:
        self._f = f
        self._backend = backend
        self._in_axes = in_axes
        self._options = options
        self._runners: OrderedDict[Any, Runner] = OrderedDict()
        self._last: Runner | None = None
        self._recent: dict[bool, tuple[Runner, ...]] = {False: (), True: ()}
        self._lock = threading.RLock()
        update_wrapper(self, f, updated=())  # no attributes, which would replace those above

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return the value of the function: per lane, or reduced over the batch."""
        return self._run(self._positional(args, kwargs) if kwargs else args, False)[0]

    def value_and_grad(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Return the value and the gradient with respect to `argnums`."""
        return self._run(self._positional(args, kwargs) if kwargs else args, True)

    def grad(self, *args: Any, **kwargs: Any) -> Any:
        """Return the gradient with respect to `argnums`."""
        value, gradient = self.value_and_grad(*args, **kwargs)
        return (gradient, value[1]) if self._options.has_aux else gradient

    @property
    def jax(self) -> Callable[..., Any]:
        """The pure function, for your own code in JAX: to be part of what `jax.jit` compiles.

        It is called like the original, on arrays of JAX. `jax.grad` of it is our gradient, by the
        table of rules, with respect to all arguments. Nodes from outside are read when it is
        traced, and what is no index is not noticed.

        Raises:
            ValueError: the backend is another one.
        """
        self._check_backend()
        from autograd.compiler.xla.pure import Pure

        def planned(forms: Sequence[Form], wanted: Sequence[int]) -> Plan:
            self._check_call(len(forms))
            return Plan(self._f, forms, wanted, self._options)

        return Pure(self._positional, lambda args: self._taken_apart(args)[0], planned)

    def stablehlo(self) -> Any:
        """Export the function, without its gradient, for programs that have neither it nor us.

        It is for arguments of the structure that was used last, and for batches of any size; nodes
        from outside are constants in it.

        Returns:
            A `jax.export.Exported`: its `mlir_module()` is the text in StableHLO; `serialize()`,
            which needs the extra "export", is what `jax.export.deserialize` reads; and `call` takes
            an array for each number, array, or list of numbers among the arguments.

        Raises:
            ValueError: the backend is another one, or there has been no call yet.
        """
        self._check_backend()
        from autograd.compiler.xla.pure import exported

        plan = Plan(self._f, self._used_last().plan.forms, (), self._options)
        return exported(plan, self._backend.dtype)

    def _check_backend(self) -> None:
        """Check that the backend is JAX."""
        if self._backend.name != "jax":
            raise ValueError(f'{self._name} is compiled for another backend: use backend="jax"')

    # --- looking at the program ---------------------------------------------------------------

    def listing(self) -> str:
        """Write the program for the structure of arguments that was used last, in full.

        `print` shows the same, with the middle of long parts left out.

        Raises:
            ValueError: there has been no call yet.
        """
        return self._listed(is_full=True)

    @property
    def code(self) -> str:
        """The code of that program: for NumPy, or as JAX writes it."""
        return self._used_last().listing

    @property
    def cost(self) -> Cost:
        """What the latest call cost: operations, bytes, and the share of matrix products."""
        from autograd.compiler.listing import cost_of

        runner = self._used_last()
        return cost_of(runner.plan.program, runner.work, runner.size)

    def __str__(self) -> str:
        if self._last is None:
            return f"{self!r}: call it once, with arguments such as it will get, then print it"
        return self._listed(is_full=False)

    def __repr__(self) -> str:
        called = "" if self._last else ", not called yet"
        return f"<compiled {self._name}{called}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle what was compiled; the programs are made anew."""
        return Compiled, (self._f, self._in_axes, self._options, self._backend)

    def _repr_markdown_(self) -> str | None:
        """Give Jupyter the listing with formulas; None before the first call, for the text."""
        from autograd.compiler.listing import typeset

        return typeset(self.reading(), self.cost) if self._last else None

    def _used_last(self) -> Runner:
        if self._last is None:
            raise ValueError(f"{self._name} gets its program at the first call: call it once")
        return self._last

    def reading(self) -> Reading:
        """Read the program for the structure of arguments that was used last as equations."""
        from autograd.compiler.listing import Reading

        plan = self._used_last().plan
        signature = self._signature()
        names = list(signature.parameters) if signature else []
        count = len(plan.forms)
        names += [f"args[{i}]" for i in range(len(names), count)]
        return Reading(plan, self._name, names[:count])

    def _listed(self, is_full: bool) -> str:
        from autograd.compiler.listing import listed

        return listed(self.reading(), self.cost, is_full)

    @property
    def _name(self) -> str:
        return name_of(self._f)

    # --- finding the plan ---------------------------------------------------------------------

    def _run(self, args: Sequence[Any], with_grad: bool) -> tuple[Any, Any]:
        found: tuple[int, Sequence[Any]] | None = None
        for runner in self._recent[with_grad]:
            try:
                found = runner.match(args)
            except (TypeError, ValueError):  # what is no array at all; the error comes below
                continue
            if found is not None:
                break
        if found is None:
            try:
                forms, arrays = self._taken_apart(args)
                runner = self._runner_for(forms, with_grad)
            except NodeGivenError as given:
                return self._run_eagerly(args, with_grad, given.path)
            found = _batch_size(forms, arrays), arrays
        self._last = runner
        try:
            result = runner.run(*found)
        except BadIndexError as bad:
            raise runner.plan.refusal(bad) from None
        if modes.active and modes.anomaly.get():
            self._refuse_anomaly(runner.plan, *found, result)
        return result

    def _taken_apart(self, args: Sequence[Any]) -> tuple[list[Form], list[Any]]:
        """Return the form of each argument, and the arrays of all."""
        forms, arrays = [], []
        for i, (arg, axes) in enumerate(zip(args, self._axes(args), strict=True)):
            form, own = taken_apart(arg, axes, f"args[{i}]")
            forms.append(form)
            arrays += own
        return forms, arrays

    def _runner_for(self, forms: Sequence[Form], with_grad: bool) -> Runner:
        """Find the runner for a structure of arguments, or make it."""
        key = (with_grad, *forms)
        with self._lock:
            runner = self._runners.get(key)
            if runner is None:
                runner = self._runners[key] = self._made(forms, with_grad)
                if len(self._runners) > _TRACES_KEPT:
                    self._runners.popitem(last=False)
            self._runners.move_to_end(key)
            others = [other for other in self._recent[with_grad] if other is not runner]
            self._recent[with_grad] = (runner, *others[: _RECENT - 1])
        return runner

    def _made(self, forms: Sequence[Form], with_grad: bool) -> Runner:
        self._check_call(len(forms))
        wanted = []
        if with_grad:
            wanted = transforms.argument_places(self._f, forms, self._options.argnums)
        with collector_paused():
            plan = Plan(self._f, forms, wanted, self._options)
            runner = self._backend.runner_of(plan)
        if self._options.check and Plan(self._f, forms, wanted, self._options).text != plan.text:
            raise TraceError(
                f"{self._name} was traced twice with different results: it depends on "
                "random numbers or on something that changes; pass that as an argument"
            )
        return runner

    def _run_eagerly(self, args: Sequence[Any], with_grad: bool, path: str) -> tuple[Any, Any]:
        """Run the function itself on nodes, which records a graph, as long as there is no batch."""
        if _asks_for_batch(self._in_axes):
            raise TypeError(
                f"{path} holds a node, but in_axes={self._in_axes!r} makes {self._name} run over a "
                "batch as array code, which records no graph: for derivatives call .grad or "
                ".value_and_grad of the compiled function, or call the function itself, which is "
                ".__wrapped__ of it, for each sample"
            )
        if not with_grad:
            return self._f(*args), None
        return self._differentiated(args)

    def _differentiated(self, args: Sequence[Any]) -> tuple[Any, Any]:
        """Return the value and the gradient by the eager engine."""
        argnums, has_aux = self._options.argnums, self._options.has_aux
        value, gradient = transforms.value_and_grad(self._f, argnums, has_aux)(*args)
        return value, gradient

    def _refuse_anomaly(
        self, plan: Plan, size: int, arrays: Sequence[Any], result: tuple[Any, Any]
    ) -> None:
        """Raise if a result is nan or infinite: see `detect_anomaly`.

        The eager engine runs the samples one by one, until it meets the operation to blame.
        """
        leaves, _ = flatten(result if plan.wanted else result[0], "the result")
        if all(map(isfinite, leaves)):
            return
        for i, sample in enumerate(plan.samples(size, arrays)):
            try:
                if plan.wanted:
                    self._differentiated(sample)
                else:
                    free = [x for i, x in enumerate(sample) if i not in plan.with_index]
                    f = partial(self._around, {i: sample[i] for i in plan.with_index})
                    transforms.vjp(f, *free, has_aux=self._options.has_aux)
            except AnomalyError as anomaly:
                where = f"in sample {i} of the batch, " if plan.batched else ""
                raise AnomalyError(f"{where}{anomaly}") from None
        raise AnomalyError(
            f"{self._name} gave nan or infinity as compiled, though no operation of it does in any "
            "sample: a sum over samples is too large, or the compiled order of operations is"
        )

    def _around(self, fixed: dict[int, Any], *free: Any) -> Any:
        """Call the function with some arguments in their places, and others around them."""
        others = iter(free)
        count = len(fixed) + len(free)
        return self._f(*[fixed[i] if i in fixed else next(others) for i in range(count)])

    # --- arguments ----------------------------------------------------------------------------

    def _axes(self, args: Sequence[Any]) -> Sequence[Any]:
        """Return the entry of `in_axes` for each argument."""
        axes = self._in_axes
        if not isinstance(axes, (tuple, list)):
            return [axes] * len(args)
        if len(axes) != len(args):
            self._check_call(len(args))
            raise TypeError(
                f"in_axes has {len(axes)} entries, but the call has {len(args)} arguments: give "
                f"one entry for each argument of {self._name}, or one for all"
            )
        return axes

    def _check_call(self, count: int) -> None:
        """Raise unless the function can be called with a number of arguments."""
        signature = self._signature()
        if signature is not None:
            try:
                signature.bind(*[None] * count)
            except TypeError as error:
                is_method = next(iter(signature.parameters), "") == "self"
                fix = ": compile the method of an object, as in compile(model.loss)" * is_method
                raise TypeError(
                    f"{self._name}{signature} was called with {count} "
                    f"argument{'s' if count != 1 else ''}: {error}{fix}"
                ) from None

    def _positional(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Sequence[Any]:
        """Put arguments that were given by name in their places."""
        signature = self._signature()
        if signature is None:
            raise TypeError(f"{self._name} has no signature: pass its arguments by place")
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self._name}{signature} was called wrongly: {error}") from None
        if bound.kwargs:
            raise TypeError(
                f"{next(iter(bound.kwargs))!r} of {self._name}{signature} cannot be passed by name "
                "to a compiled function: pass it by place, or fix it as functools.partial does"
            )
        return bound.args

    def _signature(self) -> inspect.Signature | None:
        try:
            return inspect.signature(self._f)
        except (TypeError, ValueError):  # some functions written in C have none
            return None


def _asks_for_batch(axes: Any) -> bool:
    if isinstance(axes, dict):
        axes = list(axes.values())
    return any(map(_asks_for_batch, axes)) if isinstance(axes, (list, tuple)) else axes is not None


def _batch_size(forms: Sequence[Form], arrays: Sequence[Any]) -> int:
    """Return the number of samples, 1 without a batch; raise where arguments differ in it."""
    leaves: list[Leaf] = [leaf for form in forms for leaf in leaves_of(form)]
    sizes = {
        leaf.path: len(array) for leaf, array in zip(leaves, arrays, strict=True) if leaf.batched
    }
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{path} has {size}" for path, size in sizes.items())
        raise ValueError(f"the batched arguments have different numbers of samples: {listed}")
    return next(iter(sizes.values()), 1)
