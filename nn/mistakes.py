"""Warnings of common mistakes in training, each with its fix.

They are of a category of their own, `autograd.MistakeWarning`, so that the standard filter silences
them. `nn.precautions` has those that `fit` looks for before it begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from autograd import MistakeWarning, Value
from autograd.engine import modes, operation_of, table

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_STEPS = 20  # after so many without any gradient, something is not connected


def warn(message: str, category: type[Warning] = MistakeWarning) -> None:
    """Warn of what is wrong, with the fix, at the line outside of these packages that led here.

    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", MistakeWarning)
    ...     warn("this is not shown")
    """
    said = _said.get()
    if said is not None:
        if message in said:
            return
        said.add(message)
    modes.warn(message, category)


_said: ContextVar[set[str] | None] = ContextVar("said", default=None)


def each_once(function: Callable[P, R]) -> Callable[P, R]:
    """Have a function give each warning of a mistake once per call, whatever the filter."""

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        token = _said.set(set())
        try:
            return function(*args, **kwargs)
        finally:
            _said.reset(token)

    return wrapped


def renamed(**meant: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Have a function answer an argument by its name in other libraries with its name here.

    >>> @renamed(learning_rate="lr")
    ... def train(lr): ...
    >>> train(learning_rate=0.1)
    Traceback (most recent call last):
    TypeError: train has no argument 'learning_rate'; did you mean 'lr'?
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        called = function.__qualname__.removesuffix(".__init__").rpartition(".")[2]

        @wraps(function)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
            for name in meant.keys() & kwargs.keys():
                raise TypeError(f"{called} has no argument {name!r}; did you mean {meant[name]!r}?")
            return function(*args, **kwargs)

        return wrapped

    return decorated


def suggestion(name: str, names: Iterable[str]) -> str:
    """Return the end of a message about a name that is not among those there are.

    It is a question that names the nearest; nothing, if none is near.

    >>> suggestion("CrossEntropyLoss", ["binary_cross_entropy", "cross_entropy"])
    "; did you mean 'cross_entropy'?"
    >>> suggestion("zzz", ["binary_cross_entropy", "cross_entropy"])
    ''
    """
    from difflib import get_close_matches  # slow to load

    plain = {other: other.replace("_", "") for other in names}
    wanted = name.lower().replace("_", "")
    initials = {other: "".join(part[:1] for part in other.split("_")) for other in plain}
    near = [other for other in plain if wanted and plain[other].startswith(wanted)]
    near += [other for other in plain if wanted == initials[other]]
    spelled = get_close_matches(wanted, plain.values(), cutoff=0.75)
    near += [other for other in plain if plain[other] in spelled[:1]]
    return f"; did you mean {near[0]!r}?" if near else ""


def named(choices: Mapping[str, T], name: str, what: str) -> T:
    """Return what is called `name`.

    Raises:
        ValueError: nothing is; the message has the names there are, and the nearest.

    >>> named({"relu": abs, "tanh": abs}, "rely", "activation")
    Traceback (most recent call last):
    ValueError: activation must be one of relu, tanh, not 'rely'; did you mean 'relu'?
    """
    if name not in choices:
        meant = suggestion(name, choices)
        raise ValueError(f"{what} must be one of {', '.join(choices)}, not {name!r}{meant}")
    return choices[name]


def check_logits(outputs: Sequence[Any], loss: str) -> None:
    """Warn if a loss that takes logits gets probabilities: it would apply softmax twice."""
    op = operation_of(outputs[0]) if isinstance(outputs[0], Value) else None
    if op is table.softmax or op is table.sigmoid:
        own = "sigmoid" if loss == "binary_cross_entropy" else "softmax"
        warn(
            f"{loss} wants logits, since {own} is part of it, but it got the output of {op.name}, "
            "and the gradients will be far too small: make the output layer linear, as in "
            'MLP(…, output="linear")'
        )


class StepWatch:
    """Watches the gradients at the steps of an optimiser, for two mistakes in a training loop.

    If gradients are never set to zero, each step uses the sum of all gradients so far. One
    parameter tells: its gradient is marked when a step has used it, and a mark survives addition.
    And if all the parameters of a layer get no gradient for many steps, the loss does not depend
    on them.

    >>> from nn import SGD
    >>> w = Value(1.0)
    >>> optimizer = SGD([w], lr=0.1)
    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     for _ in range(3):
    ...         (w * w).backward()
    ...         optimizer.step()
    >>> [str(warning.message)[:37] for warning in caught]
    ['gradients are not set to zero between']
    """

    def __init__(self) -> None:
        self._probe: Value | None = None
        self._steps = 0
        self._waiting: dict[str, list[Value]] = {}
        self._warned = False

    def before_step(self, trained: Sequence[Value]) -> None:
        """Look at the gradients that a step is about to use."""
        if self._probe is not None and self._probe.grad.__class__ is _Mixed and not self._warned:
            self._warned = True
            warn(
                "gradients are not set to zero between steps, so each step uses the sum of all "
                "gradients so far: call optimizer.zero_grad() before each backward()"
            )
        if self._steps < _STEPS:
            self._look_for_missing(trained)

    def after_step(self, trained: Sequence[Value]) -> None:
        """Mark a gradient as used."""
        self._probe = next((p for p in trained if p.grad), None)
        if self._probe is not None:
            self._probe.grad = _Spent(self._probe.grad)

    def _look_for_missing(self, trained: Sequence[Value]) -> None:
        """Note which layers have had a gradient; warn in the end of those that have not."""
        if not self._steps:
            for p in trained:
                path, _, _ = (p.name or "").rpartition(".")
                layer, _, _ = path.partition(".")  # "layer2" of "layer2.neuron1.w3"
                self._waiting.setdefault(layer, []).append(p)
        self._steps += 1
        self._waiting = {
            layer: params
            for layer, params in self._waiting.items()
            if not any(p.grad for p in params)
        }
        if self._steps == _STEPS and self._waiting:
            layers = ", ".join(filter(None, self._waiting))
            which = f"{sum(map(len, self._waiting.values()))} parameters"
            which += f" ({layers})" if layers else ""
            warn(
                f"{which} have had no gradient in {_STEPS} steps: call backward() on a loss that "
                "depends on them, and look for dead units; "
                "autograd.why(loss, parameter) names the cause"
            )


class _Spent(float):
    """A gradient that a step has used."""

    __slots__ = ()

    def __add__(self, other: float) -> _Mixed:
        return _Mixed(float(self) + other)

    def __reduce__(self) -> tuple[Any, ...]:
        return float, (float(self),)


class _Mixed(_Spent):
    """A gradient that a step has used, and to which another one was added."""

    __slots__ = ()


def marked_like(grad: float, number: float) -> float:
    """Return a number with the mark, if there is one, of the gradient that it takes the place of.

    >>> marked_like(2.0, 1.0)
    1.0
    """
    return type(grad)(number) if isinstance(grad, _Spent) else number
