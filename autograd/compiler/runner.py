"""Calls of a plan as NumPy code, and the workspaces that they share.

A call takes a workspace that nobody uses and puts it back when it is done. So threads do not wait
for each other, and what an interrupted call leaves behind is never used again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from autograd.compiler.arraycode import ArrayCode
from autograd.compiler.codegen import Work
from autograd.compiler.plan import Plan
from autograd.compiler.workspace import Workspace

_SIZES_KEPT = 4  # numbers of samples for which workspaces are kept
_SPARE_KEPT = 4  # workspaces for each, for as many threads


class Runner:
    """Runs a plan on batches, as NumPy code: see `autograd.compiler.backends.Runner`."""

    def __init__(self, plan: Plan, careful: bool = False) -> None:
        self.plan, self.match = plan, plan.match
        self.size = 0
        self.written = ArrayCode(plan, careful)
        self._sizes_kept = min(_SIZES_KEPT, self.written.most_blocks)
        self._spare: dict[int, deque[Workspace]] = {}
        self._lock = threading.RLock()

    @property
    def listing(self) -> str:
        """The code as text."""
        return self.written.listing

    @property
    def work(self) -> list[Work]:
        """What its lines cost."""
        return self.written.work

    @cached_property
    def careful(self) -> Runner:
        """The same, but branches that were not taken have no part in the gradient at all."""
        return Runner(self.plan, careful=True)

    def run(self, size: int, arrays: Sequence[Any]) -> tuple[Any, Any]:
        """Run the code over a batch; give the value and, if wanted, the gradient.

        Args:
            size: the number of samples.
            arrays: an array, or a number, per leaf of the arguments.
        """
        self.size = size
        spare = self._spare.get(size)
        try:
            workspace = spare.pop() if spare else Workspace(self.written, size)
        except IndexError:  # another thread was faster
            workspace = Workspace(self.written, size)
        result = workspace.run(arrays)
        may_be_nan = workspace.may_be_nan
        if spare is None:
            with self._lock:
                spare = self._spare.setdefault(size, deque(maxlen=_SPARE_KEPT))
                if len(self._spare) > self._sizes_kept:
                    del self._spare[next(iter(self._spare))]
        spare.append(workspace)
        if may_be_nan:
            return self.careful.run(size, arrays)
        return result
