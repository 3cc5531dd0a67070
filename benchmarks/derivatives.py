"""How fast are gradients, Hessians and Hessian products: eager, compiled, and by peers.

Run it from the repository's root: `python -m benchmarks.derivatives`.

XAD-Py gives gradients only: its tape has the first order. HIPS autograd, whose import name is ours,
runs in a process and an environment of its own; `--setup-peers` makes that environment. Compiled
functions run in a process of their own as well, for NumPy's sake.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import autograd
from benchmarks import timing
from benchmarks.problems import Problem, mlp
from benchmarks.timing import Requirement

PROBLEMS = [
    Problem("rosenbrock", (10,)),
    Problem("rosenbrock", (100,)),
    Problem("rosenbrock", (1000,)),
    Problem("mlp", (2, 8, 8, 1)),
    Problem("mlp", (2, 16, 16, 1)),
]
QUICK = [Problem("rosenbrock", (50,)), Problem("mlp", (2, 3, 2, 1))]

TASKS = ("gradient", "hvp", "hessian")

OURS = "chainrule, scalar"
DOT = "chainrule, dot neurons"
COMPILED = "chainrule, compiled"
COMPILED_DOT = "chainrule, dot neurons, compiled"
XAD = "xad, scalar"
HIPS = "HIPS autograd, scalar"
HIPS_VECTORISED = "HIPS autograd, vectorised"

PEERS_AT = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "chainrule-benchmarks"


@dataclass(frozen=True)
class Contender:
    """Somebody who can do a task: `compute` gives the numbers, `sample` the seconds of a call."""

    compute: Callable[[], list[float]]
    sample: Callable[[int], float]


def here(run: Callable[[], Any]) -> Contender:
    """Make a contender of a function that runs in this process."""
    return Contender(lambda: flat(run()), partial(timing.seconds, run))


def flat(numbers: Any) -> list[float]:
    """List the numbers of a gradient or of a Hessian, row by row."""
    return [x for row in numbers for x in row] if isinstance(numbers[0], list) else numbers


# --- the peers ------------------------------------------------------------------------------------


def xad_gradient(problem: Problem) -> Callable[[], list[float]]:
    """Set up XAD-Py's gradient: record a tape, and run it backward.

    Raises:
        ImportError: XAD-Py is not installed.
    """
    import xad.math
    from xad.adj_1st import Real, Tape

    f, start = problem.scalar(xad.math.tanh), problem.start()

    def run() -> list[float]:
        with Tape() as tape:
            x = [Real(number) for number in start]
            tape.registerInputs(x)
            tape.newRecording()
            y = f(x)
            tape.registerOutput(y)
            y.derivative = 1.0
            tape.computeAdjoints()
            return [v.derivative for v in x]

    return run


class Worker:
    """A process that does tasks, and lives as long as this object is in use."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.version: str = self._answer()

    def contender(self, problem: Problem, form: str, task: str) -> Contender:
        """Make the contender for one form of a problem."""
        request = {**asdict(problem), "form": form, "task": task}
        return Contender(
            lambda: self._ask(request), lambda loops: self._ask({**request, "loops": loops})
        )

    def _ask(self, request: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a process that does tasks ended: its error stands above")
        return json.loads(line)


def environment_python(environment: Path) -> Path:
    """Return where a virtual environment has its Python."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def setup_peers() -> None:
    """Make the environment with HIPS autograd."""
    hips = PEERS_AT / "hips"
    subprocess.run([sys.executable, "-m", "venv", str(hips)], check=True)
    python = str(environment_python(hips))
    subprocess.run([python, "-m", "pip", "install", "--quiet", "autograd>=1.7"], check=True)
    print(f"HIPS autograd is installed in {hips}")


@contextmanager
def worker(*command: str) -> Iterator[Worker]:
    """Start a process with one thread, and end it."""
    environment = {**os.environ, **timing.ONE_THREAD}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield Worker(process)


@contextmanager
def hips_worker(python: Path) -> Iterator[Worker | None]:
    """Start the process with HIPS autograd, and end it; there is none without `python`."""
    if not python.exists():
        print("HIPS autograd is left out, since it is not installed: use --setup-peers")
        yield None
        return
    # -E: a path in the environment would lead it to our package
    with worker(str(python), "-E", str(Path(__file__).with_name("hips_worker.py"))) as hips:
        yield hips


# --- the tasks ------------------------------------------------------------------------------------


def our_functions(problem: Problem) -> dict[str, Callable[[Any], Any]]:
    """Return the forms in which our own users would write the problem."""
    forms = {OURS: problem.scalar(autograd.tanh)}
    if problem.name == "mlp":
        forms[DOT] = mlp(problem.sizes, autograd.dot, autograd.tanh)
    return forms


def contenders(
    problem: Problem, task: str, compiled: Worker, hips: Worker | None
) -> dict[str, Contender]:
    """Set up everybody who can do a task, ourselves first."""
    x, v = problem.start(), problem.direction()
    found = {}
    for name, f in our_functions(problem).items():
        if task == "hvp":
            found[name] = here(partial(autograd.hvp, f, x, v))
        else:
            transform = autograd.grad if task == "gradient" else autograd.hessian
            found[name] = here(partial(transform(f), x))
    found[COMPILED] = compiled.contender(problem, "scalar", task)
    if DOT in found:
        found[COMPILED_DOT] = compiled.contender(problem, "dot", task)
    if task == "hvp":
        return found
    if task == "gradient":
        try:
            found[XAD] = here(xad_gradient(problem))
        except ImportError:
            print("xad is left out, since it is not installed: pip install '.[bench]'")
    if hips is not None:
        found[HIPS] = hips.contender(problem, "scalar", task)
        found[HIPS_VECTORISED] = hips.contender(problem, "vectorised", task)
    return found


def measure_problem(
    problem: Problem, compiled: Worker, hips: Worker | None, rounds: int, patience: float
) -> dict[str, Any]:
    """Check that all compute the same, and take their times in turn, over all tasks together.

    Who is known to take too long over a Hessian is spared it.
    """
    found = {task: contenders(problem, task, compiled, hips) for task in TASKS}
    spared = []
    for name in (HIPS, HIPS_VECTORISED):  # whose Hessian takes n sweeps or more
        if hips and problem.n * found["gradient"][name].sample(1) > patience:
            spared.append(name)
            del found["hessian"][name]
    section: dict[str, Any] = {"variables": problem.n, "spared_the_hessian": spared}
    for task, those in found.items():
        numbers, first = {}, {}
        for name, contender in those.items():
            start = perf_counter()
            numbers[name] = contender.compute()
            first[name] = perf_counter() - start
        differences = {
            name: timing.largest_difference(its, numbers[OURS]) for name, its in numbers.items()
        }
        timing.refuse_disagreement(differences)
        section[task] = {"largest_difference": differences, "first_call": first}
    samples = timing.in_turn(
        {
            (task, name): partial(contender.sample, timing.loops_for(contender.sample(1)))
            for task, those in found.items()
            for name, contender in those.items()
        },
        rounds,
        patience,
    )
    for task, those in found.items():
        section[task]["seconds"] = {name: samples[task, name] for name in those}
        section[task]["medians"] = timing.medians(section[task]["seconds"])
    return section


def show(problem: Problem, section: dict[str, Any]) -> None:
    """Print the table of a problem: times, and ratios to our scalar code."""
    rows = []
    for name in section["gradient"]["medians"]:
        row = [name]
        for task in TASKS:
            medians = section[task]["medians"]
            if name in medians:
                row += [f"{medians[name] * 1e3:.3f}", f"{medians[name] / medians[OURS]:.2f}"]
            else:
                is_spared = task == "hessian" and name in section["spared_the_hessian"]
                row += ["spared" if is_spared else "-", ""]
        first = section["hessian"]["first_call"].get(name)
        rows.append([*row, "" if first is None else f"{first:.2f}"])
    print(f"\n{problem}: {problem.n} variables; ms, and × the time of our scalar code")
    head = ["", "gradient", "×", "hvp", "×", "Hessian", "×", "its first call, s"]
    print(timing.table(head, rows))


def required_of(problem: Problem, section: dict[str, Any]) -> list[Requirement]:
    """Compare a problem's figures with those promised."""
    requirements = []
    for task in ("gradient", "hessian"):
        medians = section[task]["medians"]
        requirements += [
            Requirement(f"{problem}: {task}, time over {peer}", ratio, "at most", limit)
            for peer, limit in ((XAD, 2.5), (HIPS, 1.0))
            if peer in medians
            for ratio in [medians[OURS] / medians[peer]]
        ]
        requirements += [
            Requirement(f"{problem}: {task}, {form} over {HIPS_VECTORISED}", ratio, "at most", 1.0)
            for name in (COMPILED, COMPILED_DOT)
            if name in medians and HIPS_VECTORISED in medians
            for form in [name.removeprefix("chainrule, ")]
            for ratio in [medians[name] / medians[HIPS_VECTORISED]]
        ]
    gradients, products, hessians = [section[task]["medians"] for task in TASKS]
    for name in our_functions(problem):
        of = f"{problem}: {name.removeprefix('chainrule, ')}"
        if problem.name == "mlp":
            ratio = products[name] / gradients[name]
            requirements.append(Requirement(f"{of}, hvp over gradient", ratio, "at most", 6.0))
        if problem.n >= 50:
            ratio = hessians[name] / (problem.n * gradients[name])
            what = f"{of}, Hessian over n gradients"
            requirements.append(Requirement(what, ratio, "at most", 1.5))
    return requirements


def main() -> None:
    """Measure, print and save."""
    parser = timing.parser_of("derivatives", __doc__, rounds=9)
    parser.add_argument(
        "--patience",
        type=float,
        default=20.0,
        metavar="SECONDS",
        help="what to spend on one contender and task; a Hessian known to take more is left out",
    )
    parser.add_argument("--setup-peers", action="store_true", help="install HIPS autograd apart")
    parser.add_argument(
        "--hips-python",
        type=Path,
        metavar="PATH",
        help="the Python of another environment with HIPS autograd",
    )
    options = parser.parse_args()
    if options.setup_peers:
        setup_peers()
    hips_python = options.hips_python or environment_python(PEERS_AT / "hips")
    if options.hips_python and not hips_python.exists():
        parser.error(f"--hips-python: there is no {hips_python}")
    rounds = 1 if options.quick else options.rounds
    report: dict[str, Any] = {"benchmark": "derivatives"}
    required: list[Requirement] = []
    compiled_worker = worker(sys.executable, "-m", "benchmarks.compiled_worker")
    with compiled_worker as compiled, hips_worker(hips_python) as hips:
        report["versions"] = {name: timing.version(name) for name in ("chainrule", "xad")}
        report["versions"]["numpy"] = compiled.version
        report["versions"]["HIPS autograd"] = hips and hips.version
        report["problems"] = {}
        for problem in QUICK if options.quick else PROBLEMS:
            section = measure_problem(problem, compiled, hips, rounds, options.patience)
            report["problems"][str(problem)] = section
            show(problem, section)
            required += required_of(problem, section)
    timing.save(options.out, report, required)


if __name__ == "__main__":
    main()
