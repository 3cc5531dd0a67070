"""The loop of a process that takes samples of its own, at the requests of a benchmark.

A request is a line of JSON, which names a problem (`name`, `sizes`), a `form` of its code and a
`task`. With `loops` it is answered by the seconds that one call takes, without by the numbers
computed.

Nothing of the project is imported here, since this file also runs where HIPS autograd is installed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import cache
from typing import Any


def serve(version: str, prepare: Callable[..., Callable[[], Any]], seconds: Any) -> None:
    """Say the version, then answer requests until there are no more.

    Args:
        version: what to say.
        prepare: makes, of a name, sizes, a form and a task, the function without arguments that
            does the task once and gives an array.
        seconds: takes the time of a call, as `timing.seconds`.
    """
    prepared = cache(prepare)
    print(json.dumps(version), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        loops = request.pop("loops", None)
        run = prepared(request["name"], tuple(request["sizes"]), request["form"], request["task"])
        answer = run().ravel().tolist() if loops is None else seconds(run, loops)
        print(json.dumps(answer), flush=True)
