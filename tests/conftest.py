"""Settings and fixtures for all tests.

Property-based tests run the same examples every time, so that a red run is red again. New examples
are looked for with `HYPOTHESIS_PROFILE=explore pytest`; a failure then shows the seed and a blob
that reproduce it.
"""

import os
import subprocess
import sys
from pathlib import Path

import oracles  # noqa: F401 - first: it notes the table's rows before a test defines its own
import pytest
from hypothesis import settings

from autograd.engine.primitives import OWN

settings.register_profile("reproducible", derandomize=True, deadline=None)
settings.register_profile("thorough", derandomize=True, deadline=None)  # see effort.py
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "reproducible"))


def pytest_report_header():
    profile = os.environ.get("HYPOTHESIS_PROFILE", "reproducible")
    seed = "fixed seed" if profile != "explore" else "random seed, shown on failure"
    return f"hypothesis: {profile} ({seed})"


@pytest.fixture(params=[40_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def depth(request):
    """How many nodes a deep graph has: forty times Python's recursion limit, or a thousand."""
    return request.param


@pytest.fixture
def own_primitives_forgotten():
    """Leave no primitive behind that a test defines."""
    known = dict(OWN)
    yield
    OWN.clear()
    OWN.update(known)


@pytest.fixture
def uncovered():
    """The environment for a process without coverage.

    Coverage would make the graphs of a million nodes take a minute each; and a process that gets a
    signal while coverage holds its lock waits for ever.
    """
    return {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE")}


@pytest.fixture
def run_python(uncovered):
    """Run code in a fresh interpreter, as a user would, and return what it prints."""

    def run(code, *arguments):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
            cwd=Path(__file__).parent.parent,
            env=uncovered,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
