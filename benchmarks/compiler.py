"""How fast is compiled code: networks against NumPy by hand, on one thread of the processor.

Run it from the repository's root: `python -m benchmarks.compiler`.

Each contender computes the mean loss of a batch and its gradient, forward and backward, from the
same parameters, and must give the same numbers. What is timed is the processor's time of a call;
tracing and compiling are timed apart.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

# BLAS reads these when NumPy is imported: one thread for everybody
os.environ.update(
    dict.fromkeys(
        ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
        "1",
    )
)

import numpy as np

import autograd
from benchmarks import timing
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
COMPILED_WITHIN = 2.0  # seconds, the largest network


@dataclass(frozen=True)
class Contender:
    """What a library makes of a network.

    Attributes:
        run: computes the mean loss and its gradient once.
        numbers: makes a list of what `run` returns: the loss, then for each layer W, neuron by
            neuron, and b. It is not timed.
    """

    run: Callable[[], Any]
    numbers: Callable[[Any], list[float]]


def listed(loss: float, arrays: Sequence[Any]) -> list[float]:
    """List the loss and the numbers of arrays."""
    return [loss, *np.concatenate([np.ravel(array) for array in arrays]).tolist()]


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


# By name, what prepares a contender for a network; it gives None where the library is not
# installed, or where it would take too long.
CONTENDERS: dict[str, Callable[[Network], Contender | None]] = {
    OURS: partial(chainrule, neuron),
    MICROGRAD_STYLE: partial(chainrule, micrograd_neuron),
    BY_HAND: numpy_by_hand,
}


# --- measuring ------------------------------------------------------------------------------------


def measure(network: Network, rounds: int) -> dict[str, Any]:
    """Time all contenders in turn."""
    found = {name: prepare(network) for name, prepare in CONTENDERS.items()}
    contenders = {name: contender for name, contender in found.items() if contender}
    first: dict[str, float] = {}
    numbers: dict[str, list[float]] = {}
    for name, contender in contenders.items():
        start = process_time()
        result = contender.run()
        first[name] = process_time() - start
        numbers[name] = contender.numbers(result)
    differences = {
        name: timing.largest_difference(own, numbers[BY_HAND]) for name, own in numbers.items()
    }
    timing.refuse_disagreement(differences)
    samples = {}
    for name, contender in contenders.items():
        loops = timing.loops_for(timing.seconds(contender.run, clock=process_time))
        samples[name] = partial(timing.seconds, contender.run, loops, clock=process_time)
    seconds = timing.in_turn(samples, rounds)
    return {
        "samples": network.samples,
        "largest_difference": differences,
        "first_call": first,
        "seconds": seconds,
        "medians": timing.medians(seconds),
    }


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
    return [
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


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compiler", description=__doc__)
    out = timing.RESULTS / "compiler.json"
    parser.add_argument("--out", type=Path, default=out, metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="try it out: the times mean nothing")
    parser.add_argument("--rounds", type=int, default=21, help="samples of each contender")
    options = parser.parse_args()
    networks = QUICK if options.quick else NETWORKS
    versions = {name: timing.version(name) for name in ("chainrule", "numpy", "scipy")}
    report: dict[str, Any] = {"benchmark": "compiler", "versions": versions, "networks": {}}
    required: list[Requirement] = []
    for network in networks:
        section = measure(network, 1 if options.quick else options.rounds)
        report["networks"][str(network)] = section
        show(network, section)
        required += required_of(network, section)
    compiling = section["first_call"][OURS]
    what = f"{networks[-1]}: trace, compile and first call"
    required.append(Requirement(what, compiling, "at most", COMPILED_WITHIN, " s"))
    print()
    timing.show_requirements(required)
    timing.save(options.out, report, required)


if __name__ == "__main__":
    main()
