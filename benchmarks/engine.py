"""How fast and how big is the engine: time against peers, memory, depth, import.

Run it from the repository's root: `python -m benchmarks.engine`.

The job is micrograd's own demonstration: a network 2-16-16-1 on 100 points of two moons, the hinge
loss with an L2 penalty, forward and backward. All contenders start from the same parameters and
must give the same loss and gradients.
"""

from __future__ import annotations

import gc
import math
import os
import random
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from time import perf_counter, process_time
from typing import Any

import autograd
import nn
from autograd import Value
from benchmarks import timing
from benchmarks.timing import Requirement

SIZES = (2, 16, 16, 1)
PENALTY = 1e-4

Parameters = list[list[tuple[list[Any], Any]]]  # per layer, per neuron: weights and bias
Result = tuple[float, list[float]]  # the loss and its gradient
Section = tuple[dict[str, Any], list[Requirement]]


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    points: int = 100
    rounds: int = 9
    steps: int = 3
    nodes: int = 100_000
    depths: tuple[int, int] = (100_000, 1_000_000)
    depth_rounds: int = 5
    imports: int = 21


QUICK = Effort(
    points=10, rounds=1, steps=1, nodes=1_000, depths=(1_000, 10_000), depth_rounds=1, imports=1
)


# --- the moons network ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Job:
    """The points, their labels -1 and 1, and the numbers that every network starts with."""

    rows: list[list[float]]
    labels: list[int]
    start: Parameters


def moons(points: int, seed: int = 0) -> Job:
    """Draw two half circles, one inside the other's bend, and the parameters of a network."""
    rng = random.Random(seed)
    rows, labels = [], []
    for i in range(points):
        angle, label = rng.uniform(0.0, math.pi), i % 2
        x, y = math.cos(angle), math.sin(angle)
        x, y = (1.0 - x, 0.5 - y) if label else (x, y)
        rows.append([x + rng.gauss(0.0, 0.1), y + rng.gauss(0.0, 0.1)])
        labels.append(2 * label - 1)
    start: Parameters = [
        [([rng.uniform(-1.0, 1.0) for _ in range(n)], rng.uniform(-0.1, 0.1)) for _ in range(m)]
        for n, m in pairwise(SIZES)
    ]
    return Job(rows, labels, start)


def flat(layers: Parameters) -> list[Any]:
    """List all parameters, neuron by neuron, weights before the bias."""
    return [p for layer in layers for weights, bias in layer for p in (*weights, bias)]


def demo(value: type, model: Any, job: Job) -> Result:
    """Run the code of micrograd's demo notebook, with the `Value` and the model of either."""
    inputs = [list(map(value, row)) for row in job.rows]
    scores = list(map(model, inputs))
    losses = [(1 + -label * score).relu() for label, score in zip(job.labels, scores, strict=True)]
    data_loss = sum(losses) * (1.0 / len(losses))
    reg_loss = PENALTY * sum(p * p for p in model.parameters())
    total_loss = data_loss + reg_loss
    model.zero_grad()
    total_loss.backward()
    return total_loss.data, [p.grad for p in model.parameters()]


def plain_loss(layers: Parameters, job: Job, relu: Callable[[Any], Any]) -> Any:
    """Compute the loss in plain scalar code, on numbers of any kind."""
    losses = []
    for row, label in zip(job.rows, job.labels, strict=True):
        x: Sequence[Any] = row
        for k, layer in enumerate(layers, start=1):
            outputs = []
            for weights, bias in layer:
                z = bias
                for w, xi in zip(weights, x, strict=True):
                    z = z + w * xi
                outputs.append(relu(z) if k < len(layers) else z)
            x = outputs
        losses.append(relu(1.0 - label * x[0]))
    return sum(losses) * (1.0 / len(losses)) + PENALTY * sum([p * p for p in flat(layers)])


def of_kind(kind: Callable[[float], Any], start: Parameters) -> Parameters:
    """Make the parameters numbers of another kind."""
    return [[([kind(w) for w in ws], kind(b)) for ws, b in layer] for layer in start]


def chainrule_model(job: Job) -> nn.MLP:
    """Make the network of neurons, with the parameters given."""
    model = nn.MLP(SIZES[0], SIZES[1:])
    for parameter, number in zip(model.parameters(), flat(job.start), strict=True):
        parameter.data = number
    return model


def chainrule_on_numbers(model: nn.MLP, job: Job) -> Result:
    """Run the network as our own users write it: numbers go in, and the loss is one of `nn`."""
    parameters = model.parameters()
    scores = [model(row) for row in job.rows]
    loss = nn.hinge_loss(scores, job.labels) + PENALTY * autograd.dot(parameters, parameters)
    model.zero_grad()
    loss.backward()
    return loss.data, [p.grad for p in parameters]


def chainrule_plain(layers: Parameters, job: Job) -> Result:
    """Run the plain code on Values."""
    parameters = flat(layers)
    loss = plain_loss(layers, job, autograd.relu)
    autograd.zero_grad(parameters)
    loss.backward()
    return loss.data, [p.grad for p in parameters]


def micrograd_contender(job: Job) -> Callable[[], Result]:
    """Set up micrograd, if it is installed."""
    from micrograd import engine as micrograd
    from micrograd.nn import MLP

    model = MLP(SIZES[0], list(SIZES[1:]))
    for parameter, number in zip(model.parameters(), flat(job.start), strict=True):
        parameter.data = number
    return partial(demo, micrograd.Value, model, job)


def xad_contender(job: Job) -> Callable[[], Result]:
    """Set up XAD-Py, if it is installed: a tape per run, and relu as the larger of z and 0."""
    import xad.math
    from xad.adj_1st import Real, Tape

    def run() -> Result:
        with Tape() as tape:
            layers = of_kind(Real, job.start)
            parameters = flat(layers)
            tape.registerInputs(parameters)
            tape.newRecording()
            loss = plain_loss(layers, job, lambda z: xad.math.max(z, 0.0))
            tape.registerOutput(loss)
            loss.derivative = 1.0
            tape.computeAdjoints()
            return loss.value, [p.derivative for p in parameters]

    return run


PEERS = {"micrograd": micrograd_contender, "xad": xad_contender}


def network(effort: Effort) -> Section:
    """Time the moons network against the peers that are installed."""
    job = moons(effort.points)
    model = chainrule_model(job)
    runs: dict[str, Callable[[], Result]] = {
        "chainrule, nn.MLP": partial(demo, Value, model, job),
        "chainrule, nn.MLP on numbers": partial(chainrule_on_numbers, model, job),
        "chainrule, plain": partial(chainrule_plain, of_kind(Value, job.start), job),
    }
    for name, setup in PEERS.items():
        try:
            runs[name] = setup(job)
        except ImportError:
            print(f"{name} is left out, since it is not installed: pip install '.[bench]'")
    results = {name: run() for name, run in runs.items()}
    loss, gradient = results["chainrule, nn.MLP"]
    differences = {
        name: max(
            timing.largest_difference([its_loss], [loss]),
            timing.largest_difference(its_gradient, gradient),
        )
        for name, (its_loss, its_gradient) in results.items()
    }
    timing.refuse_disagreement(differences)
    contenders = {name: partial(timing.seconds, run, effort.steps) for name, run in runs.items()}
    samples = timing.in_turn(contenders, effort.rounds)
    medians = timing.medians(samples)
    installed = [peer for peer in PEERS if peer in medians]
    ratios = {
        name: {peer: medians[peer] / median for peer in installed}
        for name, median in medians.items()
    }
    print(f"\nMoons, {'-'.join(map(str, SIZES))}, {effort.points} points, forward and backward")
    rows = [
        [name, f"{medians[name] * 1e3:.2f}", *[f"{ratios[name][peer]:.2f}" for peer in installed]]
        for name in runs
    ]
    print(timing.table(["", "ms", *[f"× {peer}" for peer in installed]], rows))
    limits = {  # on XAD-Py, plain code may take 2.5 times its time
        ("nn.MLP", "micrograd"): 60.0,
        ("nn.MLP on numbers", "micrograd"): 60.0,
        ("plain", "micrograd"): 10.0,
        ("nn.MLP", "xad"): 2.0,
        ("nn.MLP on numbers", "xad"): 2.0,
        ("plain", "xad"): 0.4,
    }
    required = [
        Requirement(
            f"moons, {form}: times as fast as {peer}",
            ratios[f"chainrule, {form}"][peer],
            "at least",
            limit,
        )
        for (form, peer), limit in limits.items()
        if peer in installed
    ]
    section = {
        "loss": {name: loss for name, (loss, _) in results.items()},
        "largest_difference": differences,
        "seconds": samples,
        "medians": medians,
        "times_as_fast_as": ratios,
    }
    return section, required


# --- memory ---------------------------------------------------------------------------------------

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}


def memory(effort: Effort) -> Section:
    """Measure what a node with two Values as operands takes, once it has its gradient."""
    sizes = {op: bytes_per_node(apply, effort.nodes) for op, apply in BINARY.items()}
    print("\nBytes per binary node after a backward pass")
    print(timing.table(["", "bytes"], [[op, f"{size:.0f}"] for op, size in sizes.items()]))
    required = Requirement("bytes per binary node", max(sizes.values()), "at most", 250, " B")
    return {"bytes_per_node": sizes}, [required]


def bytes_per_node(apply: Callable[[Any, Any], Any], nodes: int) -> float:
    """Measure a chain of `nodes` operations."""
    v, w = Value(1.0), Value(1.0 + 1e-7)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(nodes):
            v = apply(v, w)
        v.backward()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return (after - before) / nodes


# --- depth ----------------------------------------------------------------------------------------


def chain(nodes: int) -> float:
    """Build a chain of additions, run it backward, free it; return the leaf's gradient."""
    x = Value(1.0)
    v = x
    for _ in range(nodes):
        v = v + x
    v.backward()
    return x.grad


def ladder(nodes: int) -> float:
    """Likewise a ladder, in which every rung takes the one below twice."""
    x = Value(1.0)
    v = x
    for _ in range(nodes // 2):
        v = (v + v) * 0.5
    v.backward()
    return x.grad


def depth(effort: Effort) -> Section:
    """Measure how the time grows with the number of nodes, ten times as many being built."""
    small, large = effort.depths
    section: dict[str, Any] = {}
    required = []
    rows = []
    for shape in (chain, ladder):
        for collector, limit in (("paused", 12.0), ("on", 20.0)):
            contenders = {
                str(nodes): partial(_depth_sample, shape, nodes, collector == "paused")
                for nodes in effort.depths
            }
            samples = timing.in_turn(contenders, effort.depth_rounds)
            medians = timing.medians(samples)
            factor = medians[str(large)] / medians[str(small)]
            name = f"{shape.__name__}, collector {collector}"
            section[name] = {"seconds": samples, "medians": medians, "factor": factor}
            rows.append([name, *[f"{m * 1e3:.1f}" for m in medians.values()], f"{factor:.2f}"])
            what = f"growth of time, {small:.0e} to {large:.0e} nodes, {name}"
            required.append(Requirement(what, factor, "at most", limit))
    print("\nDepth: build, backward and free")
    print(timing.table(["", f"{small:,} (ms)", f"{large:,} (ms)", "factor"], rows))
    return section, required


def _depth_sample(shape: Callable[[int], float], nodes: int, paused: bool) -> float:
    """Take the processor's time for one graph, and check its gradient.

    A long run is interrupted more often than a short one: the time of others is no growth.
    """
    gc.collect()
    with _collector(paused):
        start = process_time()
        gradient = shape(nodes)
        elapsed = process_time() - start
    expected = nodes + 1.0 if shape is chain else 1.0
    if gradient != expected:
        raise SystemExit(f"{shape.__name__}({nodes}): the gradient is {gradient}, not {expected}")
    return elapsed


@contextmanager
def _collector(paused: bool) -> Iterator[None]:
    """Pause the collector of garbage, or leave it on."""
    if paused:
        gc.disable()
    try:
        yield
    finally:
        gc.enable()


# --- import ---------------------------------------------------------------------------------------


def importing(effort: Effort) -> Section:
    """Measure what `import autograd` adds to the start of a bare interpreter."""
    commands = {"bare": "pass", "import autograd": "import autograd"}
    contenders = {name: partial(_process_seconds, code) for name, code in commands.items()}
    timing.in_turn(contenders, 1)  # so that compiled files are there, as on every later start
    samples = timing.in_turn(contenders, effort.imports)
    medians = timing.medians(samples)
    added = (medians["import autograd"] - medians["bare"]) * 1e3
    print("\nStart of an interpreter")
    print(timing.table(["", "ms"], [[name, f"{m * 1e3:.1f}"] for name, m in medians.items()]))
    required = Requirement("import autograd, over a bare interpreter", added, "at most", 30, " ms")
    return {"seconds": samples, "medians": medians, "added_ms": added}, [required]


def _process_seconds(code: str) -> float:
    """Take the time of a fresh interpreter, which may keep compiled files."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    return perf_counter() - start


def main() -> None:
    """Measure, print and save."""
    options = timing.parser_of("engine", __doc__).parse_args()
    effort = QUICK if options.quick else Effort()
    report: dict[str, Any] = {
        "benchmark": "engine",
        "versions": {name: timing.version(name) for name in ("chainrule", *PEERS)},
    }
    required = []
    for name, measure in {
        "network": network,
        "memory": memory,
        "depth": depth,
        "import": importing,
    }.items():
        report[name], requirements = measure(effort)
        required += requirements
    timing.save(options.out, report, required)


if __name__ == "__main__":
    main()
