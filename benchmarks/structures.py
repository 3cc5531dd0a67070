"""How fast is compiled code that repeats in any direction: against NumPy by hand, JAX and PyTorch.

Run it from the repository's root: `python -m benchmarks.structures`.

The programs are written as a student writes them, with lists and loops: attention, convolutions,
recurrences, dynamic programmes, filters. Each contender computes the mean loss of a batch and its
gradient, from the same parameters, and must give the same numbers; where those are nested lists,
the peers make arrays of them, and lists of the gradient, in each call. Each program has a process
of its own, in which the first call is measured before anything else is loaded. What is timed is
the processor's time of a call, on one thread, in double precision.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from benchmarks import timing

os.environ.update(timing.ONE_THREAD)

import numpy as np

from benchmarks.structure_by_hand import BY_HAND
from benchmarks.structure_programs import STRUCTURES, Program
from benchmarks.timing import Requirement

OURS = "chainrule, compiled"
PEERS = {"jax": "jax, jit", "torch": "torch"}  # the libraries, and what they are called in tables
NAMES = {"numpy": "NumPy by hand", **PEERS}
PATIENCE = 10.0  # seconds to spend on the samples of one contender

Run = Callable[[], Any]


# --- measuring one program ------------------------------------------------------------------------


def peak() -> float:
    """Return the most memory that this process has had, in megabytes; nan where Linux is not.

    What `getrusage` tells is no help: a new process begins with the peak of the one that made it.
    """
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) / 1024 if found else math.nan


def rows_and_steps(steps: Sequence[Any]) -> tuple[int, int]:
    """Count the steps of a program that are array code, and the rows that run one by one.

    >>> from types import SimpleNamespace as Step
    >>> rows_and_steps([Step(what="dot (4→8)"), Step(what="tape (1,200 rows)")])
    (1, 1200)
    """
    tapes = [re.fullmatch(r"tape \(([\d,]+) rows?\)", step.what) for step in steps]
    rows = [int(found[1].replace(",", "")) for found in tapes if found]
    return len(steps) - len(rows), sum(rows)


def peers_of(name: str, program: Program) -> dict[str, Callable[[], Run]]:
    """List the contenders besides ours, each with what prepares it, if its library is there."""
    prepared_by: dict[str, Callable[[], Run]] = {}
    if name in BY_HAND:
        parameters, data = program.for_peers()
        by_hand = partial(BY_HAND[name], parameters, *data)
        prepared_by["numpy"] = lambda: by_hand
    for library in PEERS:
        try:
            import_module(library)
        except ImportError:
            continue
        module = import_module(f"benchmarks.structure_{library}")
        if name in module.FUNCTIONS:
            prepared_by[library] = partial(module.value_and_gradient, name, program)
    return {NAMES[peer]: prepare for peer, prepare in prepared_by.items()}


def by_lists(run: Run, parameters: Sequence[Any]) -> Run:
    """Let a peer begin with the nested lists that ours gets, and end with such a gradient."""

    def run_by_lists() -> Any:
        for parameter in parameters:
            np.array(parameter)  # which are the numbers that it has anyway
        value, gradient = run()
        return value, [np.asarray(part).tolist() for part in gradient]

    return run_by_lists


def numbers(result: Any) -> list[float]:
    """List the value and the gradient."""
    value, gradient = result
    return [float(value), *np.concatenate([np.ravel(part) for part in gradient]).tolist()]


def measure(name: str, is_quick: bool, rounds: int) -> dict[str, Any]:
    """Time all contenders in turn, ours first."""
    program = STRUCTURES[name].program(is_quick)
    compiled = program.compiled()
    run = partial(compiled.value_and_grad, program.parameters, *program.data)
    before, start = peak(), process_time()
    result = run()
    contenders: dict[str, Run] = {OURS: run}
    first = {OURS: process_time() - start}
    memory = peak() - before
    steps, rows = rows_and_steps(compiled.cost.steps)
    ours = numbers(result)
    differences = {OURS: 0.0}
    for peer, prepare in peers_of(name, program).items():
        start = process_time()
        contenders[peer] = prepare()
        if any(isinstance(parameter, list) for parameter in program.parameters):
            contenders[peer] = by_lists(contenders[peer], program.parameters)
        result = contenders[peer]()
        first[peer] = process_time() - start
        differences[peer] = timing.largest_difference(numbers(result), ours)
    timing.refuse_disagreement(differences)
    samples = {}
    for contender, run in contenders.items():
        loops = timing.loops_for(timing.seconds(run, clock=process_time))
        samples[contender] = partial(timing.seconds, run, loops, clock=process_time)
    seconds = timing.in_turn(samples, rounds, PATIENCE)
    ratios = {
        peer: median(a / b for a, b in zip(seconds[OURS], seconds[peer], strict=False))
        for peer in contenders
        if peer != OURS
    }
    return {
        "largest_difference": differences,
        "first_call": first,
        "memory": memory,
        "steps": steps,
        "rows": rows,
        "seconds": seconds,
        "medians": timing.medians(seconds),
        "ratios": ratios,
    }


def measured_apart(name: str, is_quick: bool, rounds: int) -> dict[str, Any]:
    """Measure a program in a new process, which has nothing loaded that others left behind."""
    if is_quick:
        return measure(name, is_quick, rounds)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as workers:
        return workers.submit(measure, name, is_quick, rounds).result()


# --- showing --------------------------------------------------------------------------------------


def show(name: str, section: Mapping[str, Any]) -> None:
    """Print the table of a program."""
    print(
        f"\n{name}: {section['steps']:,} steps and {section['rows']:,} rows on tapes, "
        f"{section['memory']:+,.0f} MB at the first call"
    )
    rows = [
        [
            contender,
            f"{seconds * 1e3:.3f}",
            f"{section['ratios'].get(contender, 1.0):.2f}",
            f"{section['first_call'][contender]:.2f}",
        ]
        for contender, seconds in section["medians"].items()
    ]
    print(timing.table(["", "ms", "ours over it", "first call, s"], rows), flush=True)


def required_of(name: str, section: Mapping[str, Any]) -> list[Requirement]:
    """Compare a program's figures with those promised."""
    required = []
    for what, limit in STRUCTURES[name].limits.items():
        if what == "first":
            seconds = section["first_call"][OURS]
            required.append(Requirement(f"{name}: first call", seconds, "at most", limit, " s"))
        elif what == "memory" and not math.isnan(megabytes := section["memory"]):
            title = f"{name}: memory of the first call"
            required.append(Requirement(title, megabytes, "at most", limit, " MB"))
        elif ratio := section["ratios"].get(NAMES.get(what)):
            title = f"{name}: time over {NAMES[what]}"
            required.append(Requirement(title, ratio, "at most", limit))
    return required


def versions() -> dict[str, str | None]:
    """Return the versions of those who take part; name the libraries that are not installed."""
    found = {name: timing.version(name) for name in ("chainrule", "numpy", "scipy", *PEERS)}
    for library in PEERS:
        if found[library] is None:
            print(f"{library} is left out, since it is not installed: pip install '.[peers]'")
    return found


def main() -> None:
    """Measure, print and save."""
    parser = timing.parser_of("structures", __doc__, rounds=11)
    parser.add_argument(
        "--only", action="append", choices=STRUCTURES, metavar="NAME", help="one program; repeat it"
    )
    options = parser.parse_args()
    report: dict[str, Any] = {"benchmark": "structures", "versions": versions(), "programs": {}}
    required: list[Requirement] = []
    rounds = 1 if options.quick else options.rounds
    for name in options.only or STRUCTURES:
        section = measured_apart(name, options.quick, rounds)
        report["programs"][name] = section
        show(name, section)
        required += required_of(name, section)
    timing.save(options.out, report, required)


if __name__ == "__main__":
    main()
