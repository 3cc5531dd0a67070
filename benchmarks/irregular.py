"""How fast is compiled code in which nothing repeats: random graphs, and the Greeks of options.

Run it from the repository's root: `python -m benchmarks.irregular`.

With Numba, a machine in native code runs what does not repeat; how much faster that is than calls
of NumPy is measured at several sizes of the batch.

CasADi compiles the same scalar code to a virtual machine that takes one lane after the other, and
JAX compiles it with XLA. Everybody has one thread of the processor, and must give the same numbers.
What is timed is the processor's time of a call; tracing and compiling are timed apart.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from time import process_time
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from benchmarks import timing

os.environ.update(timing.ONE_THREAD)
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import numpy as np

import autograd
from benchmarks.timing import Requirement

Scalar = Any  # a number of any kind
Array = Any

OURS = "chainrule, compiled"
COMPILED_WITHIN = 30.0  # seconds, a graph of a million nodes
LINEAR = 2.0  # times as long per node, ten times as many nodes
FASTER = {1: 40.0, 8: 15.0, 100: 3.0, 1000: 1.3}  # the machine than NumPy, by size of the batch
INPUTS = 8


@dataclass(frozen=True)
class Contender:
    """What a library makes of a function.

    Attributes:
        run: computes all results for the whole batch once.
        numbers: makes an array of what `run` returns: a row per lane. It is not timed.
    """

    run: Callable[[], Any]
    numbers: Callable[[Any], Array]


# --- random graphs --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Graph:
    """A random graph of scalar operations on `INPUTS` inputs.

    Attributes:
        nodes: how many operations there are.
        reach: how far back an operation looks for its operands. A short reach makes a deep and
            narrow graph; with one as long as the graph, there are many operations at each depth.
        lanes: the size of the batch.
    """

    nodes: int
    reach: int
    lanes: int

    def __str__(self) -> str:
        shape = "wide" if self.reach >= self.nodes else "deep"
        return f"{shape} graph of {self.nodes:,} nodes ×{self.lanes:,}"

    def rows(self) -> list[tuple[str, int, int]]:
        """Draw the operations and their operands; the same whenever asked."""
        rng = random.Random(0)
        names = ("+", "-", "*", "sin", "tanh", "atan")
        rows = []
        for here in range(INPUTS, INPUTS + self.nodes):
            start = max(0, here - self.reach)
            rows.append((rng.choice(names), rng.randrange(start, here), rng.randrange(start, here)))
        return rows

    def batch(self) -> Array:
        """Draw the inputs, a row per lane."""
        return np.random.default_rng(0).uniform(-1.0, 1.0, (self.lanes, INPUTS))


def function_of(graph: Graph, functions: Any) -> Callable[[Sequence[Scalar]], Scalar]:
    """Make the scalar function: the mean of all values that no operation uses.

    Args:
        graph: the operations.
        functions: has `sin`, `tanh` and `atan` for numbers of this kind.
    """
    rows = graph.rows()
    used = {x for name, a, b in rows for x in ((a, b) if name in "+-*" else (a,))}
    ends = [x for x in range(INPUTS + len(rows)) if x not in used]

    def f(x: Sequence[Scalar]) -> Scalar:
        values = list(x)
        for name, a, b in rows:
            if name == "+":
                value = values[a] + values[b]
            elif name == "-":
                value = values[a] - values[b]
            elif name == "*":
                value = values[a] * values[b]
            else:
                value = getattr(functions, name)(values[a])
            values.append(value)
        total = values[ends[0]]
        for i in ends[1:]:
            total = total + values[i]
        return total * (1.0 / len(ends))

    return f


def our_graph(graph: Graph, gradient: bool) -> Contender:
    """Prepare our compiled function."""
    compiled = autograd.compile(function_of(graph, autograd), in_axes=0)
    X = graph.batch()
    if not gradient:
        return Contender(partial(compiled, X), lambda y: y[:, None])
    run = partial(compiled.value_and_grad, X)
    return Contender(run, lambda result: np.column_stack(result))


def by_numpy(graph: Graph) -> Contender:
    """Prepare our value and gradient with no machine for what does not repeat."""
    with patch("autograd.compiler.plan.machine_for", lambda _: None):
        contender = our_graph(graph, gradient=True)
        contender.run()
    return contender


def casadi_graph(graph: Graph, gradient: bool) -> Contender | None:
    """Prepare CasADi's function, mapped over the lanes."""
    try:
        import casadi
    except ImportError:
        return None
    x = casadi.SX.sym("x", INPUTS)
    y = function_of(graph, casadi)([x[i] for i in range(INPUTS)])
    results = [y, casadi.gradient(y, x)] if gradient else [y]
    mapped = casadi.Function("f", [x], results).map(graph.lanes)
    run = partial(mapped, casadi.DM(graph.batch().T))

    def numbers(result: Any) -> Array:
        parts = result if gradient else [result]
        return np.vstack([np.array(part) for part in parts]).T

    return Contender(run, numbers)


# --- options --------------------------------------------------------------------------------------


def price(option: Sequence[Scalar], functions: Any) -> Scalar:
    """Give the price of a European call by the formula of Black and Scholes.

    Args:
        option: price of the stock, strike, years, interest rate per year, volatility per √year.
        functions: has `log`, `exp`, `sqrt` and `erfc` for numbers of this kind.
    """
    stock, strike, years, rate, volatility = option
    spread = volatility * functions.sqrt(years)
    up = (functions.log(stock / strike) + (rate + 0.5 * volatility * volatility) * years) / spread
    down = up - spread

    def below(z: Scalar) -> Scalar:
        return 0.5 * functions.erfc(z * -math.sqrt(0.5))

    return stock * below(up) - strike * functions.exp(-rate * years) * below(down)


def options_batch(count: int) -> Array:
    """Draw options, a row each."""
    lowest, highest = [50.0, 50.0, 0.1, 0.0, 0.1], [150.0, 150.0, 2.0, 0.1, 0.6]
    return np.random.default_rng(0).uniform(lowest, highest, (count, 5))


def our_greeks(count: int) -> Contender:
    """Prepare price, gradient and Hessian, compiled."""
    our_price = partial(price, functions=autograd)

    def greeks(option: Any) -> Any:
        return (
            our_price(option),
            autograd.grad(our_price)(option),
            autograd.hessian(our_price)(option),
        )

    return Contender(partial(autograd.compile(greeks, in_axes=0), options_batch(count)), stacked)


def jax_greeks(count: int) -> Contender | None:
    """Prepare price, gradient and Hessian by JAX, on the processor and in double precision."""
    try:
        import jax
        import jax.numpy as jnp
        from jax.scipy.special import erfc
    except ImportError:
        return None
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)
    functions = SimpleNamespace(log=jnp.log, exp=jnp.exp, sqrt=jnp.sqrt, erfc=erfc)
    jax_price = partial(price, functions=functions)

    def greeks(option: Any) -> Any:
        return jax_price(option), jax.grad(jax_price)(option), jax.hessian(jax_price)(option)

    compiled = jax.jit(jax.vmap(greeks))
    options = jnp.asarray(options_batch(count))
    return Contender(lambda: jax.block_until_ready(compiled(options)), stacked)


def stacked(result: Any) -> Array:
    """Put price, gradient and Hessian of each option into a row."""
    value, gradient, hessian = map(np.asarray, result)
    return np.column_stack([value, gradient, hessian.reshape(len(value), -1)])


# --- measuring ------------------------------------------------------------------------------------


def measure(prepare: Mapping[str, Callable[[], Contender | None]], rounds: int) -> dict[str, Any]:
    """Time contenders in turn; ours is the first, to which the others are compared."""
    contenders: dict[str, Contender] = {}
    first: dict[str, float] = {}
    numbers: dict[str, Array] = {}
    for name, make in prepare.items():
        start = process_time()
        contender = make()
        if contender is None:
            peer = name.partition(",")[0]
            print(f"\n{peer} is left out, since it is not installed")
            continue
        result = contender.run()
        first[name] = process_time() - start
        contenders[name], numbers[name] = contender, contender.numbers(result)
    expected = numbers[OURS]
    scale = np.abs(expected).max(axis=0)
    differences = {
        name: float((np.abs(own - expected) / scale).max()) for name, own in numbers.items()
    }
    timing.refuse_disagreement(differences)
    samples = {
        name: partial(timing.seconds, contender.run, clock=process_time)
        for name, contender in contenders.items()
    }
    return timing.race(samples, rounds, differences, first)


def show(title: str, section: dict[str, Any]) -> None:
    """Print the table of a comparison."""
    medians = section["medians"]
    rows = [
        [
            name,
            f"{seconds:.3f}",
            f"{seconds / medians[OURS]:.2f}",
            f"{section['first_call'][name]:.2f}",
        ]
        for name, seconds in medians.items()
    ]
    print(f"\n{title}")
    print(timing.table(["", "s", "× ours", "first call, s"], rows))


def required_of(title: str, section: dict[str, Any], limit: float = 1.0) -> list[Requirement]:
    """Compare our time with that of the peer, if it takes part."""
    medians = section["medians"]
    return [
        Requirement(f"{title}: time over {name}", medians[OURS] / seconds, "at most", limit)
        for name, seconds in medians.items()
        if name != OURS
    ]


def compile_times(nodes: Sequence[int]) -> dict[int, float]:
    """Time the first call of the gradient of deep graphs, on one lane: trace, compile and run."""
    times = {}
    for count in nodes:
        f = function_of(Graph(count, 32, 1), autograd)
        compiled = autograd.compile(f, in_axes=0)
        start = process_time()
        compiled.value_and_grad(np.zeros((1, INPUTS)))
        times[count] = process_time() - start
    return times


def main() -> None:
    """Measure, print and save."""
    options = timing.parser_of("irregular", __doc__, rounds=5).parse_args()
    quick = options.quick
    rounds = 1 if quick else options.rounds
    nodes, lanes, count = (300, 10, 100) if quick else (100_000, 1000, 1_000_000)
    peers = ("chainrule", "numpy", "scipy", "casadi", "jax", "numba")
    versions = {name: timing.version(name) for name in peers}
    report: dict[str, Any] = {"benchmark": "irregular", "versions": versions, "races": {}}
    required: list[Requirement] = []
    for reach in (32, nodes):
        graph = Graph(nodes, reach, lanes)
        for gradient in (False, True):
            title = f"{graph}, {'value and gradient' if gradient else 'value'}"
            prepare: dict[str, Callable[[], Contender | None]] = {
                OURS: partial(our_graph, graph, gradient),
                "casadi, map": partial(casadi_graph, graph, gradient),
            }
            report["races"][title] = section = measure(prepare, rounds)
            show(title, section)
            required += required_of(title, section)
    title = f"Black-Scholes, price and all first and second Greeks ×{count:,}"
    greeks: dict[str, Callable[[], Contender | None]] = {
        OURS: partial(our_greeks, count),
        "jax, jit": partial(jax_greeks, count),
    }
    report["races"][title] = section = measure(greeks, rounds)
    show(title, section)
    required += required_of(title, section)
    if find_spec("numba"):
        for size, factor in FASTER.items():
            graph = Graph(nodes // 10, 32, size)
            title = f"{graph}, value and gradient, with Numba"
            race = {OURS: partial(our_graph, graph, True), "NumPy alone": partial(by_numpy, graph)}
            report["races"][title] = section = measure(race, 3 * rounds)
            show(title, section)
            required += required_of(title, section, 1.0 / factor)
    few, many = (100, 1000) if quick else (100_000, 1_000_000)
    times = compile_times((few, many))
    report["compile_seconds"] = {str(count): seconds for count, seconds in times.items()}
    required += [
        Requirement(
            f"deep graph of {many:,} nodes: trace, compile and first call",
            times[many],
            "at most",
            COMPILED_WITHIN,
            " s",
        ),
        Requirement(
            f"the same per node, over {few:,} nodes",
            times[many] / many * few / times[few],
            "at most",
            LINEAR,
        ),
    ]
    timing.save(options.out, report, required)


if __name__ == "__main__":
    main()
