"""How fast is compiled code: networks against NumPy by hand and other libraries, on one thread.

Run it from the repository's root: `python -m benchmarks.compiler`.

Each contender computes the mean loss of a batch and its gradient, forward and backward, from the
same parameters, and must give the same numbers. What is timed is the processor's time of a call;
tracing and compiling are timed apart.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from time import process_time
from typing import Any

from benchmarks import timing

os.environ.update(timing.ONE_THREAD)

import numpy as np

import autograd
from benchmarks.network_peers import PEERS, Contender, listed
from benchmarks.networks import Network, by_hand, micrograd_neuron, neuron, scalar_loss
from benchmarks.timing import Requirement

OURS = "chainrule, compiled"
MICROGRAD_STYLE = "chainrule, compiled from code for micrograd"
BY_HAND = "NumPy by hand"

NETWORKS = (
    Network((2, 16, 16, 1), 100),
    Network((2, 16, 16, 1), 10_000),
    Network((64, 32, 32, 10), 1024, "gelu"),
    Network((784, 128, 64, 10), 256),
)
QUICK = (Network((2, 3, 3, 1), 10), Network((3, 4, 4, 3), 7, "gelu"))

LIMIT = 1.25  # times the time of NumPy by hand
SAME = 1.1  # times the time of the same program
TIMES_AS_FAST_AS = {"torch": 1.0, "casadi, map": 30.0, "micrograd": 10_000.0}
COMPILED_WITHIN = 2.0  # seconds, the largest network
PATIENCE = 10.0  # seconds to spend on the samples of one contender


def numpy_by_hand(network: Network) -> Contender:
    """Prepare what a programmer writes who has derived the gradient on paper."""
    layers = [(np.ascontiguousarray(W.T), b) for W, b in network.parameters()]
    X, y = network.batch()

    def numbers(result: Any) -> list[float]:
        loss, gradient = result
        return listed(loss, [array.T for array in gradient])

    return Contender(partial(by_hand, network, layers, X, y), numbers)


def chainrule(neuron: Callable[..., Any], network: Network) -> Contender:
    """Prepare our compiled function."""
    compiled = autograd.compile(scalar_loss(network, neuron), in_axes=(None, 0, 0), reduce="mean")

    def numbers(result: Any) -> list[float]:
        loss, gradient = result
        return listed(loss, [array for layer in gradient for array in layer])

    run = partial(compiled.value_and_grad, network.parameters(), *network.batch())
    return Contender(run, numbers)


Prepare = Callable[[Network], Contender | None]

CONTENDERS: dict[str, Prepare] = {
    OURS: partial(chainrule, neuron),
    MICROGRAD_STYLE: partial(chainrule, micrograd_neuron),
    BY_HAND: numpy_by_hand,
}


# --- measuring ------------------------------------------------------------------------------------


def everybody() -> dict[str, Prepare]:
    """List the contenders whose libraries are installed; import these, and name the others."""
    found = dict(CONTENDERS)
    missing: set[str] = set()
    for name, prepare in PEERS.items():
        library = name.partition(",")[0]
        try:
            import_module(library)
        except ImportError:
            missing.add(library)
        else:
            found[name] = prepare
    for library in sorted(missing):
        print(f"{library} is left out, since it is not installed: pip install '.[bench,peers]'")
    return found


def measure(network: Network, prepared_by: Mapping[str, Prepare], rounds: int) -> dict[str, Any]:
    """Time all contenders in turn."""
    contenders: dict[str, Contender] = {}
    first: dict[str, float] = {}
    numbers: dict[str, list[float]] = {}
    for name, prepare in prepared_by.items():
        start = process_time()
        contender = prepare(network)
        if contender is None:
            continue
        result = contender.run()
        first[name] = process_time() - start
        contenders[name], numbers[name] = contender, contender.numbers(result)
    differences = {
        name: timing.largest_difference(own, numbers[BY_HAND]) for name, own in numbers.items()
    }
    timing.refuse_disagreement(differences)
    samples = {}
    for name, contender in contenders.items():
        loops = timing.loops_for(timing.seconds(contender.run, clock=process_time))
        samples[name] = partial(timing.seconds, contender.run, loops, clock=process_time)
    result = timing.race(samples, rounds, differences, first, PATIENCE)
    return {"samples": network.samples, **result}


def show(network: Network, section: dict[str, Any]) -> None:
    """Print the table of a network."""
    medians = section["medians"]
    rows = [
        [
            name,
            f"{seconds * 1e6:.1f}",
            f"{seconds / medians[BY_HAND]:.2f}",
            f"{section['first_call'][name]:.3f}",
        ]
        for name, seconds in medians.items()
    ]
    print(f"\n{network}, {network.activation}: loss and gradient")
    print(timing.table(["", "µs", "× by hand", "first call, s"], rows))


def required_of(network: Network, section: dict[str, Any]) -> list[Requirement]:
    """Compare a network's figures with those promised."""
    medians = section["medians"]
    ours = medians[OURS]
    requirements = [
        Requirement(
            f"{network}: time over NumPy by hand", ours / medians[BY_HAND], "at most", LIMIT
        ),
        Requirement(
            f"{network}: code for micrograd, time over neurons",
            medians[MICROGRAD_STYLE] / ours,
            "at most",
            SAME,
        ),
    ]
    requirements += [
        Requirement(f"{network}: times as fast as {peer}", medians[peer] / ours, "at least", limit)
        for peer, limit in TIMES_AS_FAST_AS.items()
        if peer in medians
    ]
    return requirements


def main() -> None:
    """Measure, print and save."""
    options = timing.parser_of("compiler", __doc__, rounds=21).parse_args()
    networks = QUICK if options.quick else NETWORKS
    prepared_by = everybody()
    libraries = ("chainrule", "numpy", "scipy", "torch", "casadi", "micrograd")
    versions = {name: timing.version(name) for name in libraries}
    report: dict[str, Any] = {"benchmark": "compiler", "versions": versions, "networks": {}}
    required: list[Requirement] = []
    for network in networks:
        section = measure(network, prepared_by, 1 if options.quick else options.rounds)
        report["networks"][str(network)] = section
        show(network, section)
        required += required_of(network, section)
    for name in (OURS, MICROGRAD_STYLE):
        what = f"{networks[-1]}: first call, {name.removeprefix('chainrule, ')}"
        seconds = section["first_call"][name]
        required.append(Requirement(what, seconds, "at most", COMPILED_WITHIN, " s"))
    timing.save(options.out, report, required)


if __name__ == "__main__":
    main()
