"""Gradients that are others': through sums and differences they go on as they are.

The gradient of a result is complete when its step is come to, and never changes after. So that of
a term may be read where that of the sum stands, as long as nothing is added to it:

    before   copyto(dP, dS[:, None])    multiply(dP, W, out=dX)    dX the gradient of x, p = w x
    after    multiply(dS[:, None], W, out=dX)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.compiler.codegen.code import Code, strides_of
from autograd.compiler.passes import VARYING, Step, common_axes


class Aliases:
    """For each place of a program, where its gradient is read.

    Args:
        code: where to write copies. There are no aliases in the careful code.

    Attributes:
        at: for each place of a space, at which one its gradient is read.
        wholes: for each place, of which step it is: its size, and how far from its start that is.
    """

    def __init__(self, code: Code) -> None:
        program = code.program
        self._code = code
        self.at = {space: np.arange(size) for space, size in program.sizes.items()}
        self.wholes = {
            space: np.zeros(size, [("size", np.intp), ("offset", np.intp)])
            for space, size in program.sizes.items()
        }
        if not code.is_flat:
            for step in program.steps:
                if isinstance(step, Step):
                    own = step.within(self.wholes)
                    own["size"], own["offset"] = step.size, np.arange(step.size)

    def hold(self, space: str, places: Any, sources: Any) -> bool:
        """Let the gradients of all results of a step be those at other places, if that can be."""
        start = int(places.flat[0])
        own = np.arange(start, start + places.size)
        size, offset = self.wholes[space][start].tolist()
        if (size, offset) != (places.size, 0) or (places.reshape(-1) != own).any():
            return False
        found = self.at[space][np.broadcast_to(sources, places.shape)]
        if strides_of(found) is None:
            return False
        self.at[space][own] = found.reshape(-1)
        return True

    def places(self, space: str, places: Any) -> Any:
        """Return where the gradients of a step are read."""
        return self.at[space][places]

    def array(self, space: str, places: Any) -> str:
        """Name the gradients of a step, to be read."""
        name = self._code.array("d" + space, self.at[space][places])
        if name is None:
            self.settle(space, places)
            name = self._code.array("d" + space, places)
        assert name is not None
        return name

    def moved_home(self, space: str, places: Any) -> str | None:
        """Name the gradients of a whole step where they are read, which will not be there again.

        What is asked for is to be written to their own places at once.
        """
        found, (size, _) = self.at[space][places], self.wholes[space][places.min()].tolist()
        name = self._code.array("d" + space, found) if (found != places).all() else None
        if name is not None and size == places.size:
            self.at[space][places] = places
            return name
        return None

    def settle(self, space: str, places: Any) -> None:
        """Copy gradients to their own places, before something is added to them there."""
        code, at = self._code, self.at[space]
        moved = places[at[places] != places]
        wholes = self.wholes[space]
        for start in np.unique(moved - wholes["offset"][moved]).tolist():
            own = np.arange(start, start + wholes["size"][start])
            own = own.reshape(common_axes([at[own]]))
            code.count(space == VARYING, moved=2 * own.size)
            names = [code.array("d" + space, x) for x in (own, at[own])]
            code.emit(f"copyto({names[0]}, {names[1]})")
            at[own] = own
