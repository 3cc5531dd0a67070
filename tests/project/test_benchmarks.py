"""The benchmarks run, print their tables, and compare contenders that computed the same."""

import doctest
import importlib.util
import json
import math
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import timing
from benchmarks.problems import Problem

ROOT = Path(__file__).parents[2]
SCRIPTS = ["engine", "derivatives", "compiler", "irregular", "training", "structures", "gpt"]
SCRIPTS += ["backends"] if importlib.util.find_spec("jax") else []
# The programs that have no form by hand; the others are compared with that below
ARGUMENTS = {"structures": ["--only", "pinn", "--only", "ctc", "--only", "kalman"]}
PEERS = {
    "engine": ["micrograd", "xad"],
    "derivatives": ["numpy", "xad", "HIPS autograd"],
    "compiler": ["numpy", "scipy", "torch", "casadi", "micrograd"],
    "irregular": ["numpy", "scipy", "numba", "casadi", "jax"],
    "training": ["scikit-learn"],
    "structures": ["numpy", "scipy", "jax", "torch"],
    "gpt": ["numpy", "scipy", "jax", "torch"],
    "backends": ["numpy", "scipy", "jax"],
}


@pytest.fixture(scope="module", params=SCRIPTS)
def run(request, tmp_path_factory):
    """Run a script once; give its name, what it printed and what it wrote."""
    out = tmp_path_factory.mktemp(request.param) / "new" / "report.json"
    options = ["--quick", "--out", str(out), *ARGUMENTS.get(request.param, [])]
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{request.param}", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return request.param, done.stdout, json.loads(out.read_text(encoding="utf-8"))


def races(report):
    """List all comparisons of contenders in a report."""
    if report["benchmark"] == "engine":
        return [report["network"]]
    if report["benchmark"] == "compiler":
        return list(report["networks"].values())
    if report["benchmark"] in ("irregular", "backends"):
        return list(report["races"].values())
    if report["benchmark"] == "training":
        return report["trainings"]
    if report["benchmark"] == "structures":
        return list(report["programs"].values())
    if report["benchmark"] == "gpt":
        return [report["training"], report["whole"], report["batch"]]
    tasks = ["gradient", "hvp", "hessian"]
    return [problem[task] for problem in report["problems"].values() for task in tasks]


@pytest.mark.slow
def test_report_describes_itself(run):
    name, _, report = run
    assert report["benchmark"] == name
    assert set(report["machine"]) == {"platform", "processor", "cores", "python"}
    assert set(report["versions"]) == {"chainrule", *PEERS[name]}


@pytest.mark.slow
def test_contenders_computed_the_same(run):
    _, _, report = run
    for race in races(report):
        differences = race["largest_difference"]
        assert len(differences) >= 1
        assert set(differences) == set(race["seconds"]) == set(race["medians"])
        assert all(0.0 <= difference <= 1e-9 for difference in differences.values())


@pytest.mark.slow
def test_medians_are_those_of_the_samples(run):
    _, _, report = run
    for race in races(report):
        for name, samples in race["seconds"].items():
            assert all(0.0 < seconds < math.inf for seconds in samples)
            assert race["medians"][name] == statistics.median(samples)


@pytest.mark.slow
def test_tables_are_aligned_and_name_every_contender(run):
    _, printed, report = run
    lines = printed.splitlines()
    rules = [i for i, line in enumerate(lines) if line and set(line) == {"-", " "}]
    assert len(rules) >= 3
    for i in rules:
        end = next(k for k in range(i, len(lines)) if not lines[k])
        head, *rows = [line for k, line in enumerate(lines[i - 1 : end]) if k != 1]
        width = len(lines[i])
        assert rows
        assert all(len(row) <= width for row in [head, *rows])
    for race in races(report):
        for name in race["medians"]:
            assert any(line.startswith(name) for line in lines)


@pytest.mark.slow
def test_requirements_are_judged(run):
    _, printed, report = run
    assert report["requirements"]
    for row in report["requirements"]:
        better = row["limit"] - row["measured"]
        assert row["met"] == (better >= 0 if row["relation"] == "at most" else better <= 0)
        assert row["what"] in printed


@pytest.mark.slow
def test_peers_take_part_or_are_said_to_be_left_out(run):
    name, printed, report = run
    found = {contender.lower() for race in races(report) for contender in race["medians"]}
    for peer in set(PEERS[name]) - {"numpy", "scipy", "numba"}:  # which help, and need not compete
        if report["versions"][peer] is None:
            assert f"{peer} is left out, since it is not installed" in printed
        else:
            assert any(contender.startswith(peer.lower()) for contender in found)


@pytest.mark.slow
@pytest.mark.parametrize("run", ["derivatives"], indirect=True)
def test_derivatives_are_also_compiled(run):
    _, _, report = run
    rows = {row["what"]: row for row in report["requirements"]}
    vectorised = "HIPS autograd, vectorised"
    for problem, section in report["problems"].items():
        forms = ["compiled", "dot neurons, compiled"] if "mlp" in problem else ["compiled"]
        for task in ("gradient", "hvp", "hessian"):
            medians = section[task]["medians"]
            assert {f"chainrule, {form}" for form in forms} <= set(medians)
            for form in forms if task != "hvp" and vectorised in medians else []:
                row = rows[f"{problem}: {task}, {form} over {vectorised}"]
                assert row["measured"] == medians[f"chainrule, {form}"] / medians[vectorised]
                assert (row["relation"], row["limit"]) == ("at most", 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("run", ["compiler"], indirect=True)
def test_compiler_is_held_to_its_promises_over_peers(run):
    _, _, report = run
    rows = {row["what"]: row for row in report["requirements"]}
    for network, race in report["networks"].items():
        medians = race["medians"]
        for peer, limit in {"torch": 1.0, "casadi, map": 30.0, "micrograd": 10_000.0}.items():
            row = rows.get(f"{network}: times as fast as {peer}")
            assert (row is None) == (peer not in medians)
            if row:
                assert row["measured"] == medians[peer] / medians["chainrule, compiled"]
                assert (row["relation"], row["limit"]) == ("at least", limit)


@pytest.mark.slow
@pytest.mark.parametrize("run", ["structures"], indirect=True)
def test_structures_are_held_to_their_limits(run):
    _, _, report = run
    rows = {row["what"]: row for row in report["requirements"]}
    for program, section in report["programs"].items():
        for peer, ratio in section["ratios"].items():
            row = rows[f"{program}: time over {peer}"]
            (ours,), (theirs,) = section["seconds"]["chainrule, compiled"], section["seconds"][peer]
            assert row["measured"] == ratio == ours / theirs
            assert (row["relation"], row["limit"]) == ("at most", 1.0 if peer == "torch" else 1.5)
        assert rows[f"{program}: first call"]["limit"] == 2.0
        assert section["steps"] + section["rows"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("run", ["engine"], indirect=True)
def test_engine_counts_the_ratios_from_the_medians(run):
    _, _, report = run
    network = report["network"]
    assert len(set(network["loss"])) == len(network["medians"])
    for contender, ratios in network["times_as_fast_as"].items():
        for peer, ratio in ratios.items():
            assert ratio == network["medians"][peer] / network["medians"][contender]
    assert all(0 < size < 1000 for size in report["memory"]["bytes_per_node"].values())


def test_disagreement_stops_a_benchmark():
    assert timing.largest_difference([1.0, 2.5], [1.0, 2.0]) == 0.25
    assert timing.largest_difference([0.0], [0.0]) == 0.0
    timing.refuse_disagreement({"ours": 0.0, "theirs": 1e-12})
    with pytest.raises(SystemExit, match=r"theirs computed other numbers: they differ by 2\.5e-01"):
        timing.refuse_disagreement({"ours": 0.0, "theirs": 0.25})
    with pytest.raises(SystemExit, match="theirs"):
        timing.refuse_disagreement({"theirs": math.nan})


@pytest.mark.parametrize("tool", ["timing", "scalar_gpt", "scaling", "structures"])
def test_examples_of_the_tools_hold(tool):
    failed, tried = doctest.testmod(pytest.importorskip(f"benchmarks.{tool}"))
    assert tried > 0
    assert failed == 0


def test_slow_contenders_get_fewer_samples():
    taken = timing.in_turn({"slow": lambda: 3.0, "quick": lambda: 0.5}, rounds=4, patience=5.0)
    assert taken == {"slow": [3.0, 3.0], "quick": [0.5] * 4}


@pytest.mark.parametrize("sizes", [(2, 3, 2, 1), (4, 5, 5, 1)])
def test_forms_of_a_problem_are_the_same_function(sizes):
    np = pytest.importorskip("numpy")
    for problem in [Problem("mlp", sizes), Problem("rosenbrock", (sizes[0] + 2,))]:
        x = problem.start()
        assert len(x) == len(problem.direction()) == problem.n
        expected = problem.scalar(math.tanh)(x)
        assert problem.vectorised(np)(np.array(x)) == pytest.approx(expected, rel=1e-13)


def test_structures_compute_what_is_computed_by_hand():
    pytest.importorskip("scipy")
    from benchmarks.structure_by_hand import BY_HAND
    from benchmarks.structure_programs import STRUCTURES
    from benchmarks.structures import numbers

    apart = set(ARGUMENTS["structures"]) - {"--only"}
    assert set(BY_HAND) == set(STRUCTURES) - apart
    for name, by_hand in BY_HAND.items():
        program = STRUCTURES[name].program(is_quick=True)
        ours = program.compiled().value_and_grad(program.parameters, *program.data)
        parameters, data = program.for_peers()
        expected = by_hand(parameters, *data)
        assert timing.largest_difference(numbers(ours), numbers(expected)) <= 1e-12, name


def test_wrong_path_to_a_peer_is_named():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.derivatives", "--hips-python", "/no/such/python"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--hips-python: there is no /no/such/python" in done.stderr.replace("\\", "/")


@pytest.mark.slow
def test_scaling_is_measured_and_foretold():
    """On devices that JAX divides the processor into."""
    pytest.importorskip("jax", reason="JAX is not installed")
    command = [sys.executable, "-m", "benchmarks.scaling", "--quick", "--devices", "1", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    rows = re.findall(r"^(\d)" + r"\s+([\d.]+) ms" * 4 + "$", done.stdout, re.MULTILINE)
    assert [row[0] for row in rows] == ["1", "2"]
    assert all(float(time) > 0.0 for row in rows for time in row[1:])
    assert float(rows[1][2]) < float(rows[0][2]) < float(rows[1][4])
