"""A process with HIPS autograd in it, whose import name is ours, for `benchmarks.derivatives`.

That starts it with the Python of an environment in which HIPS autograd is installed. It lives as
long as the benchmark, so that its samples can be taken in turn with those of the others.

The forms are "scalar" and "vectorised", the tasks "gradient" and "hessian".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import metadata
from typing import Any

import autograd.numpy as np
from problems import Problem
from serving import serve
from timing import seconds

import autograd

TASKS = {"gradient": autograd.grad, "hessian": autograd.hessian}


def prepare(name: str, sizes: tuple[int, ...], form: str, task: str) -> Callable[[], Any]:
    """Make the function without arguments that does the task once."""
    problem = Problem(name, sizes)
    f = problem.scalar(np.tanh) if form == "scalar" else problem.vectorised(np)
    return partial(TASKS[task](f), np.array(problem.start()))


if __name__ == "__main__":
    serve(metadata.version("autograd"), prepare, seconds)
