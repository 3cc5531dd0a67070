"""A process with HIPS autograd in it: it reads requests from a pipe, a line of JSON each.

`benchmarks.derivatives` starts it with the Python of an environment in which HIPS autograd is
installed, whose import name is ours. It lives as long as the benchmark, so that its samples can
be taken in turn with those of the others.

A request names a problem (`name`, `sizes`), a `form` ("scalar" or "vectorised") and a `task`
("gradient" or "hessian"). With `loops` it is answered by the seconds that one call takes, without
by the numbers computed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import cache, partial
from importlib import metadata
from typing import Any

import autograd.numpy as np
from problems import Problem
from timing import seconds

import autograd

TASKS = {"gradient": autograd.grad, "hessian": autograd.hessian}


@cache
def prepared(name: str, sizes: tuple[int, ...], form: str, task: str) -> Callable[[], Any]:
    """Make the function without arguments that does the task once."""
    problem = Problem(name, sizes)
    f = problem.scalar(np.tanh) if form == "scalar" else problem.vectorised(np)
    return partial(TASKS[task](f), np.array(problem.start()))


def main() -> None:
    """Say the version, then answer requests until there are no more."""
    print(json.dumps(metadata.version("autograd")), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        loops = request.pop("loops", None)
        run = prepared(request["name"], tuple(request["sizes"]), request["form"], request["task"])
        answer = run().ravel().tolist() if loops is None else seconds(run, loops)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
