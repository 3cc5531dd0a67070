"""Calls of a plan, and the workspaces that they share.

A call takes a workspace that nobody uses and puts it back when it is done. So threads do not wait
for each other, and what an interrupted call leaves behind is never used again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

from autograd.compiler.plan import Plan
from autograd.compiler.workspace import Workspace

_SIZES_KEPT = 4  # numbers of samples for which workspaces are kept
_SPARE_KEPT = 4  # workspaces for each, for as many threads


class Runner:
    """Runs a plan on batches.

    Args:
        plan: the plan.

    Attributes:
        match: tells whether arguments are of the form that the plan is for: see `matcher`.
        size: the number of samples of the latest batch.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan, self.match = plan, plan.match
        self.size = 0
        self._sizes_kept = min(_SIZES_KEPT, plan.most_blocks)
        self._spare: dict[int, deque[Workspace]] = {}
        self._careful: Runner | None = None
        self._lock = threading.RLock()

    def run(self, size: int, arrays: Sequence[Any]) -> tuple[Any, Any]:
        """Run the code over a batch; give the value and, if wanted, the gradient.

        Args:
            size: the number of samples.
            arrays: an array, or a number, per leaf of the arguments.
        """
        self.size = size
        spare = self._spare.get(size)
        try:
            workspace = spare.pop() if spare else Workspace(self.plan, size)
        except IndexError:  # another thread was faster
            workspace = Workspace(self.plan, size)
        result = workspace.run(arrays)
        may_be_nan = workspace.may_be_nan
        if spare is None:
            with self._lock:
                spare = self._spare.setdefault(size, deque(maxlen=_SPARE_KEPT))
                if len(self._spare) > self._sizes_kept:
                    del self._spare[next(iter(self._spare))]
        spare.append(workspace)
        if may_be_nan:
            with self._lock:
                if self._careful is None:
                    self._careful = Runner(self.plan.careful)
            return self._careful.run(size, arrays)
        return result
