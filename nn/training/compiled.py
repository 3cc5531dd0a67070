"""The engine that compiles: the model and the loss, traced once, become array code.

The trace is of one sample, with stand-ins for the parameters, the inputs and the target. From it
`autograd.compile` makes matrix products that run over a whole minibatch.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

import autograd
from autograd import AnomalyError, Value, dot, no_grad
from autograd.engine import modes
from autograd.errors import TraceError
from autograd.transforms import trees
from nn.dropout import dropping, factors, rates_of
from nn.forward import listed
from nn.optim import Array, read
from nn.training.engines import EagerEngine, Engine, Loss, needs_value
from nn.training.samples import Samples, distinct


class CompiledEngine(Engine):
    """Array code, made from the scalar code of the model and the loss.

    Attributes:
        traced: the loss of a sample, a function of θ, `constants`, factors, an input and a target.
        constants: the numbers of the parameters that are not trained.
        targets: those of the samples to train on, as `traced` takes them, and of those held out.
    """

    name = "compiled"
    _columns: Mapping[Any, int] = {}  # by the targets of a classification that the code knows

    def begin(self, params: list[Value]) -> None:
        """Get ready for epochs: compile, if other parameters are trained than before.

        Raises:
            TraceError: the model or the loss cannot be compiled, or does not compute any more what
                was compiled.
        """
        self._theta = None
        if params != self.params:
            self._eager = EagerEngine(self.model, self.loss, self.samples, self.held_out, self.rng)
            self._check_targets()
            self._compile(params)
        self._eager.begin(params)
        self.constants = read(self._others)
        try:
            self._compare(self.samples.subset(range(len(self.samples))[:3]))
        except Exception as error:  # the scalar code is anybody's
            if isinstance(error, TraceError):
                raise
            raise TraceError(f"{type(error).__name__}: {error}") from error

    def take(self, samples: Samples) -> None:
        """Go on with these samples, see `Engine.take`; compile, if they have a new class."""
        if samples is self.samples:
            return
        super().take(samples)
        self._eager.take(samples)
        if self._columns and not self._columns.keys() >= set(samples.y):
            self._compile(self.params)
        else:
            self.targets[0] = self._encoded(samples.y)

    def gradient(self, theta: Array, indices: Sequence[int]) -> tuple[float, Any, Array]:
        """Compute the gradient of a minibatch."""
        rows = slice(indices.start, indices.stop) if isinstance(indices, range) else indices
        X, targets = self.samples.X[rows], self.targets[0][rows]
        with suppress(AnomalyError):
            (loss, outputs), gradient = self._function.value_and_grad(
                theta, self.constants, self.drawn(len(X)), X, targets
            )
            if math.isfinite(loss) and math.isfinite(gradient @ gradient):
                return loss, outputs, gradient
        return self._eager.gradient(theta, indices)  # it may be 0 · inf, for a class not meant

    def evaluate(self) -> tuple[float, Any]:
        """Return the mean loss and the outputs of the samples held out, for the model as it is."""
        with suppress(AnomalyError):
            loss, outputs = self._function(
                self.theta(),
                self.constants,
                self.kept(len(self.held_out)),
                self.held_out.X,
                self.targets[1],
            )
            if math.isfinite(loss):
                return loss, outputs
        self.settle()
        return self._eager.evaluate()

    # --- compiling --------------------------------------------------------------------------

    def _check_targets(self) -> None:
        """Have the loss refuse the targets that it does not take, before it is traced without."""
        with no_grad():
            (output,) = map(self.model, self.samples.inputs([0]))
            for target in distinct([*self.samples.y, *self.held_out.y]):
                needs_value(self.loss(output, target))

    def _compile(self, params: list[Value]) -> None:
        """Make the function of θ, of all other parameters, of an input and of its target."""
        if any(isinstance(part.X, list) and part for part in (self.samples, self.held_out)):
            raise TraceError("the samples have different lengths")
        trained = set(params)
        self._others = [p for p in self.model.parameters() if p not in trained]
        loss_of = self._loss_by_row()
        self.targets = [self._encoded(part.y) for part in (self.samples, self.held_out)]
        self._rates = rates_of(self.model, *self.samples.inputs([0]))

        def loss(theta: Any, constants: Any, given: Any, x: Any, target: Any) -> tuple[Any, Any]:
            stand_ins = zip([*params, *self._others], [*theta, *constants], strict=True)
            model = copy.deepcopy(self.model, {id(p): tracer for p, tracer in stand_ins})
            following = iter(given)
            with dropping(model, source=lambda _: next(following)):
                output = model(listed(x))
            value = loss_of(output, listed(target))
            _refuse_nodes_from_outside(trained)
            return value, self._observed(output)

        self._function = autograd.compile(loss, **MEAN)
        self.traced, self.params = loss, params

    def _loss_by_row(self) -> Loss:
        """Make the loss that takes a row of what `_encoded` makes of the targets.

        The target of a classification, such as the index of a class, may be used as no stand-in
        can be. So the loss is traced for each target that occurs, and a row says which is meant.
        """
        every = distinct([*self._columns, *self.samples.y, *self.held_out.y])
        if self.samples.classes is None or any(isinstance(t, (list, tuple)) for t in every):
            return self.loss
        self._columns = {target: j for j, target in enumerate(every)}
        return lambda output, row: dot(row, [self.loss(output, t) for t in every])

    def _encoded(self, y: list[Any]) -> Array:
        """Make an array of targets: of rows that say which one is meant, or as they are."""
        if self._columns:
            return np.eye(len(self._columns))[[self._columns[target] for target in y]]
        try:
            array = np.array(y)
        except ValueError:
            raise TraceError("the targets have different shapes") from None
        if array.dtype.kind not in "fiub":
            raise TraceError("the targets are no numbers")
        return array

    def _observed(self, output: Any) -> Any:
        """Return the numbers in an output, if they tell the class."""
        if self.samples.classes is None and self.held_out.classes is None:
            return []
        return trees.as_array(output, (len(output),)) if isinstance(output, list) else output

    def _compare(self, few: Samples) -> None:
        """Check that what was compiled computes what the model and the loss do."""
        (loss, _), _ = self._function.value_and_grad(
            self.theta(), self.constants, self.kept(len(few)), few.X, self.targets[0][: len(few)]
        )
        expected, _ = EagerEngine(self.model, self.loss, self.samples, few).evaluate()
        if abs(loss - expected) > 1e-6 * (1.0 + abs(expected)):  # false if either is nan
            raise TraceError(
                f"the mean loss of the first samples is {expected:.6g}, but {loss:.6g} as "
                "compiled: the model or the loss depends on random numbers, or on something else "
                "that changes"
            )

    def drawn(self, count: int) -> Array:
        """Draw the factors that Dropout takes for samples, in the order in which it would."""
        if not self._rates:
            return np.empty((count, 0))
        draw = factors(self.rng)
        return np.array([[draw(p) for p in self._rates] for _ in range(count)])

    def kept(self, *shape: int) -> Array:
        """Return the factors with which Dropout leaves numbers as they are, by sample."""
        return np.ones((*shape, len(self._rates)))


# How the loss of a sample becomes that of a minibatch
MEAN: dict[str, Any] = {"in_axes": (None, None, 0, 0, 0), "reduce": "mean", "has_aux": True}


def _refuse_nodes_from_outside(trained: set[Value]) -> None:
    """Raise if what was just traced depends on the parameters in a way that the trace lacks."""
    trace = modes.tracing.get()
    for node in trace.captured if trace else ():
        if node in trained or node.op:
            raise TraceError(
                f"the model or the loss uses {node!r}, which is no attribute of the model and no "
                "argument of the loss, so its derivative would be missing"
            )
