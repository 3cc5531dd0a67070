"""How fast is compiled code by XLA: against the backend of NumPy and JAX written by hand.

Run it from the repository's root: `python -m benchmarks.backends`.

Each contender computes the mean loss of a batch and its gradient as arrays of NumPy, from the same
parameters, and must give the same numbers. A graph in which nothing repeats follows, whose rows a
loop of XLA runs. What is timed is the time of processors; everybody has one thread to compute in,
and double precision.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from time import process_time
from typing import Any

from benchmarks import timing

os.environ.update(timing.ONE_THREAD)
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import jax
import jax.numpy as jnp
import numpy as np

import autograd
from benchmarks.irregular import Graph, function_of
from benchmarks.networks import Network, neuron, scalar_loss
from benchmarks.timing import Requirement

OURS, NUMPY, BY_HAND = "chainrule, jax", "chainrule, numpy", "JAX by hand"

NETWORKS = (
    Network((2, 16, 16, 1), 100),
    Network((64, 64, 32, 10), 16),
    Network((64, 64, 32, 10), 200),
    Network((784, 128, 64, 10), 256),
)
QUICK = (Network((2, 3, 3, 1), 10), Network((3, 4, 4, 3), 7))
GRAPH, QUICK_GRAPH = Graph(10_000, 100, 1), Graph(500, 100, 1)

SAME = 1.1  # times the time of JAX by hand
PRECISION = 1e-14
COMPILED_WITHIN, TAPE_COMPILED_WITHIN = 1.5, 1.0  # seconds

Array = Any
Run = Callable[[], Any]


def loss_by_hand(parameters: Sequence[tuple[Array, Array]], X: Array, y: Array) -> Array:
    """Return what a programmer writes in JAX for a network with relu."""
    *layers, (W, b) = parameters
    for V, c in layers:
        X = jax.nn.relu(X @ V.T + c)
    z = X @ W.T + b
    if z.shape[1] == 1:
        return jnp.mean((z[:, 0] - y) ** 2)
    return jnp.mean(jax.nn.logsumexp(z, axis=1) - jnp.sum(y * z, axis=1))


def contenders(network: Network) -> dict[str, Run]:
    """Prepare all contenders; the first call of each compiles."""
    loss = scalar_loss(network, neuron)
    args = (network.parameters(), *network.batch())
    by_hand = jax.jit(jax.value_and_grad(loss_by_hand))

    def run_by_hand() -> Any:
        with jax.enable_x64(True):
            return jax.tree.map(np.asarray, by_hand(*args))

    compiled = {
        name: autograd.compile(loss, in_axes=(None, 0, 0), reduce="mean", backend=backend)
        for name, backend in ((NUMPY, "numpy"), (OURS, "jax"))
    }
    runs = {name: partial(f.value_and_grad, *args) for name, f in compiled.items()}
    return {**runs, BY_HAND: run_by_hand}


def numbers(result: Any) -> list[float]:
    """List the value and the gradient."""
    return np.concatenate([np.ravel(x) for x in jax.tree.leaves(result)]).tolist()


def measure(runs: dict[str, Run], rounds: int) -> dict[str, Any]:
    """Time the contenders in turn; the first is what the others are compared with."""
    first, results = {}, {}
    for name, run in runs.items():
        start = process_time()
        results[name] = numbers(run())
        first[name] = process_time() - start
    ours = results[next(iter(runs))]
    differences = {name: timing.largest_difference(x, ours) for name, x in results.items()}
    timing.refuse_disagreement(differences)
    loops = {
        name: timing.loops_for(timing.seconds(run, clock=process_time))
        for name, run in runs.items()
    }
    samples = {
        name: partial(timing.seconds, run, loops[name], clock=process_time)
        for name, run in runs.items()
    }
    return timing.race(samples, rounds, differences, first)


def measure_graph(graph: Graph, rounds: int) -> dict[str, Any]:
    """Time a graph, and how long XLA takes for one more lane, without tracing it again."""
    f = function_of(graph, autograd)
    compiled = {name: autograd.compile(f, in_axes=0, backend=name) for name in ("numpy", "jax")}
    X = graph.batch()
    runs = {
        NUMPY: partial(compiled["numpy"].value_and_grad, X),
        OURS: partial(compiled["jax"].value_and_grad, X),
    }
    section = measure(runs, rounds)
    start = process_time()
    compiled["jax"].value_and_grad(np.repeat(X, 2, axis=0))
    return {**section, "compiling": process_time() - start}


def show(title: str, section: dict[str, Any]) -> None:
    """Print the table of a network or a graph."""
    print(f"\n{title}")
    rows = [
        [name, f"{seconds * 1e6:,.0f}", f"{section['first_call'][name]:.2f}"]
        for name, seconds in section["medians"].items()
    ]
    print(timing.table(["", "µs", "first call, s"], rows), flush=True)


def required_of(title: str, section: dict[str, Any]) -> list[Requirement]:
    """Compare the figures of a network with those promised."""
    seconds = section["seconds"]
    ratio = median(a / b for a, b in zip(seconds[OURS], seconds[BY_HAND], strict=True))
    difference = section["largest_difference"][OURS] / PRECISION
    first = section["first_call"][OURS]
    return [
        Requirement(f"{title}: time over {BY_HAND}", ratio, "at most", SAME),
        Requirement(f"{title}: off those of NumPy, in 1e-14", difference, "at most", 1.0, ""),
        Requirement(f"{title}: first call", first, "at most", COMPILED_WITHIN, " s"),
    ]


def main() -> None:
    """Measure, print and save."""
    options = timing.parser_of("backends", __doc__, rounds=21).parse_args()
    rounds = 1 if options.quick else options.rounds
    versions = {name: timing.version(name) for name in ("chainrule", "numpy", "scipy", "jax")}
    races: dict[str, Any] = {}
    required: list[Requirement] = []
    for network in QUICK if options.quick else NETWORKS:
        section = races[str(network)] = measure(contenders(network), rounds)
        show(str(network), section)
        required += required_of(str(network), section)
    graph = QUICK_GRAPH if options.quick else GRAPH
    section = races[str(graph)] = measure_graph(graph, rounds)
    show(str(graph), section)
    title = f"{graph}: compiling by XLA"
    compiling = section["compiling"]
    required.append(Requirement(title, compiling, "at most", TAPE_COMPILED_WITHIN, " s"))
    report = {"benchmark": "backends", "versions": versions, "races": races}
    timing.save(options.out, report, required)


if __name__ == "__main__":
    main()
