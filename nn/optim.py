"""Optimisers: how the gradient changes the parameters.

The update rules are PyTorch's, to the last sign. Each is written once, for arrays that hold a
number per parameter. `nn.schedules` has the learning rates that vary.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias, final

import numpy as np

import autograd
from autograd import Value
from autograd.errors import as_float, data_of, grad_of
from nn.mistakes import StepWatch, marked_like, renamed
from nn.module import Frozen

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]


class Optimizer(ABC):
    """What all optimisers share: the parameters, the learning rate, and a state that can be saved.

    A parameter that `Module.freeze` has frozen is left as it is, and so is all that the optimiser
    remembers about it.

    Args:
        params: the parameters to train, as `model.parameters()` gives them.
        lr: the learning rate η, at least 0.
        weight_decay: the factor λ of the decay of the parameters, at least 0.

    Attributes:
        params: the parameters, a list.
        weight_decay: λ.

    Raises:
        TypeError: something in `params` is not a Value, or an option is not a number.
        ValueError: there are no parameters, one is there twice, or an option is out of range.
    """

    _options: ClassVar[tuple[str, ...]]  # the arguments beside `params`
    _memory: ClassVar[tuple[str, ...]]  # the attributes that hold one number per parameter

    def __init__(self, params: Iterable[Value], lr: float, weight_decay: float) -> None:
        self.params = _parameters(params)
        self._watch = StepWatch()
        self.lr = lr
        self.weight_decay = _option("weight_decay", weight_decay)
        for name in self._memory:
            setattr(self, name, np.zeros(len(self.params)))

    @property
    def lr(self) -> float:
        """The learning rate η, which may be changed at any time.

        >>> optimizer = SGD([Value(1.0)], lr=0.1)
        >>> optimizer.lr = 0.05
        >>> optimizer.lr
        0.05
        """
        return self._lr

    @lr.setter
    def lr(self, lr: float) -> None:
        self._lr = _option("lr", lr)

    def step(self) -> None:
        """Update every parameter once, from its `grad`.

        >>> w = Value(1.0)
        >>> w.grad = 2.0
        >>> SGD([w], lr=0.1).step()
        >>> w.data
        0.8
        """
        trained, rows = self.trained()
        self._watch.before_step(trained)
        if trained:
            theta, gradient = read(trained), _gradient(trained)
            with np.errstate(all="ignore"):
                theta = self.updated(theta, gradient, rows)
            write(trained, theta)
        self._watch.after_step(trained)

    def trained(self) -> tuple[list[Value], Any]:
        """Return the parameters that are not frozen, and which of all parameters they are.

        >>> optimizer = SGD([Value(1.0), Value(2.0)], lr=0.1)
        >>> optimizer.trained()
        ([Value(data=1.0, grad=0.0), Value(data=2.0, grad=0.0)], slice(None, None, None))
        """
        if Frozen not in set(map(type, self.params)):
            return self.params.copy(), slice(None)
        rows = [i for i, p in enumerate(self.params) if not isinstance(p, Frozen)]
        return [self.params[i] for i in rows], rows

    @abstractmethod
    def rule(
        self, theta: Array, gradient: Array, lr: Any, memory: tuple[Array, ...]
    ) -> tuple[Array, tuple[Array, ...]]:
        """Return θ after a step, and what the next step must know: a pure function, of any arrays.

        Args:
            theta: the n numbers θ of the parameters that are trained.
            gradient: n derivatives with respect to them.
            lr: the learning rate.
            memory: what the last step returned, arrays of n numbers; at first they are zeros.
        """

    def updated(self, theta: Array, gradient: Array, rows: Any) -> Array:
        """Return θ after a step, see `rule`, and remember what the next step must know.

        `rows` are which of all parameters they are, an index of the arrays in the memory.
        """
        theta, memory = self.rule(theta, gradient, self.lr, self.memory(rows))
        self.remember(rows, memory)
        return theta

    def remember(self, rows: Any, memory: Sequence[Array]) -> None:
        """Keep the memory that a step returned, see `rule`, of these rows of the parameters."""
        for name, numbers in zip(self._memory, memory, strict=True):
            getattr(self, name)[rows] = numbers

    def memory(self, rows: Any) -> tuple[Array, ...]:
        """Return the memory that the last step returned, of these rows of the parameters."""
        return tuple([getattr(self, name)[rows] for name in self._memory])

    def zero_grad(self) -> None:
        """Set the gradients of the parameters to zero, before the next `backward()` adds to them.

        >>> w = Value(1.0)
        >>> w.grad = 3.0
        >>> SGD([w], lr=0.1).zero_grad()
        >>> w.grad
        0.0
        """
        autograd.zero_grad(self.params)

    def options(self) -> dict[str, Any]:
        """Return the arguments that it was made with, but for the parameters, as they are now.

        >>> SGD([Value(1.0)], lr=0.1, momentum=0.9).options()
        {'lr': 0.1, 'momentum': 0.9, 'nesterov': False, 'weight_decay': 0.0}
        """
        return {name: getattr(self, name) for name in self._options}

    def state_dict(self) -> dict[str, Any]:
        """Return the options and the memory, but not the parameters, as plain data for JSON.

        Returns:
            "optimizer", the name of the class; "options", its arguments; "memory", lists of one
            number per parameter.

        >>> SGD([Value(1.0)], lr=0.1, momentum=0.9).state_dict()["memory"]
        {'velocity': [0.0]}
        """
        return {
            "optimizer": type(self).__name__,
            "options": self.options(),
            "memory": {name: getattr(self, name).tolist() for name in self._memory},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the options and the memory that `state_dict` returned; all of them or none.

        Raises:
            ValueError: it is of another class or another number of parameters, or damaged.

        >>> saved = Adam([Value(1.0)], lr=0.5).state_dict()
        >>> optimizer = Adam([Value(1.0)])
        >>> optimizer.load_state_dict(saved)
        >>> optimizer.lr
        0.5
        """
        name = type(self).__name__
        if state.get("optimizer") != name:
            raise ValueError(f"the saved optimiser is {state.get('optimizer')!r}, not {name!r}")
        try:
            restored = type(self)(
                self.params, **{key: state["options"][key] for key in self._options}
            )
            for key in self._memory:
                setattr(restored, key, _numbers(state["memory"][key], key, len(self.params)))
        except KeyError as error:
            raise ValueError(f"the saved {name} has no field {error}") from None
        except (TypeError, ValueError) as error:
            raise ValueError(f"the saved {name} is damaged: {error}") from error
        self.__dict__.update(restored.__dict__)

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._options)
        return f"{type(self).__name__}({len(self.params)} parameters, {options})"


@final
class SGD(Optimizer):
    """Gradient descent, θ ← θ - η g, with momentum and weight decay if wanted.

    With weight decay λ the gradient is g + λθ. With momentum μ the velocity v ← μv + g, at first
    0, takes the place of g; with Nesterov's variant g + μv does.

    Args:
        params, lr, weight_decay: the parameters, η and λ, as of `Optimizer`.
        momentum: μ, at least 0 and below 1.
        nesterov: whether to use Nesterov's variant.

    Attributes:
        velocity: v, an array of one number per parameter.

    Raises:
        ValueError: `nesterov` without `momentum`; for others see `Optimizer`.

    >>> w = Value(1.0)
    >>> optimizer = SGD([w], lr=0.25)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> w.data
    0.5
    """

    _options = ("lr", "momentum", "nesterov", "weight_decay")
    _memory = ("velocity",)

    velocity: Array

    @renamed(learning_rate="lr")
    def __init__(
        self,
        params: Iterable[Value],
        lr: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, weight_decay)
        self.momentum = _option("momentum", momentum, below=1.0)
        if nesterov and not momentum:
            raise ValueError("nesterov=True needs a momentum above 0, such as momentum=0.9")
        self.nesterov = bool(nesterov)

    def rule(
        self, theta: Array, gradient: Array, lr: Any, memory: tuple[Array, ...]
    ) -> tuple[Array, tuple[Array, ...]]:
        """Return θ after a step, and the velocity: see `Optimizer.rule`."""
        g = gradient + self.weight_decay * theta if self.weight_decay else gradient
        if self.momentum:
            (velocity,) = memory
            v = self.momentum * velocity + g
            g, memory = g + self.momentum * v if self.nesterov else v, (v,)
        return theta - lr * g, memory


class Adam(Optimizer):
    """Steps scaled by running means of the gradient and of its square.

    With m ← β₁m + (1 - β₁)g and v ← β₂v + (1 - β₂)g², both corrected for their start at 0 in the
    t-th step by m̂ = m/(1 - β₁ᵗ) and v̂ = v/(1 - β₂ᵗ): θ ← θ - η m̂/(√v̂ + ε). With weight decay λ
    the gradient is g + λθ. Source: Kingma and Ba, arXiv:1412.6980.

    Args:
        params, lr, weight_decay: the parameters, η and λ, as of `Optimizer`.
        betas: β₁ and β₂, each at least 0 and below 1.
        eps: ε, at least 0.

    Attributes:
        mean, square, steps: m, v and t, arrays of one number per parameter.

    >>> w = Value(1.0)
    >>> optimizer = Adam([w], lr=0.1)
    >>> (w * w).backward()
    >>> optimizer.step()
    >>> round(w.data, 6)
    0.9
    """

    _options = ("lr", "betas", "eps", "weight_decay")
    _memory = ("mean", "square", "steps")
    _decoupled: ClassVar[bool] = False  # whether the weight decay is apart from the gradient

    mean: Array
    square: Array
    steps: Array

    @renamed(learning_rate="lr")
    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, weight_decay)
        if not isinstance(betas, Sequence) or len(betas) != 2:
            raise ValueError(f"betas must be two numbers, not {betas!r}")
        self.betas = tuple([_option(f"betas[{i}]", x, below=1.0) for i, x in enumerate(betas)])
        self.eps = _option("eps", eps)

    def rule(
        self, theta: Array, gradient: Array, lr: Any, memory: tuple[Array, ...]
    ) -> tuple[Array, tuple[Array, ...]]:
        """Return θ after a step, the means and the number of steps: see `Optimizer.rule`."""
        (beta1, beta2), (mean, square, steps) = self.betas, memory
        g = gradient if self._decoupled else gradient + self.weight_decay * theta
        shrink = 1.0 - lr * self.weight_decay if self._decoupled else 1.0
        t = steps + 1.0
        m = beta1 * mean + (1.0 - beta1) * g
        v = beta2 * square + (1.0 - beta2) * g * g
        rate, scale = lr / (1.0 - beta1**t), (1.0 - beta2**t) ** 0.5
        return shrink * theta - rate * m / (v**0.5 / scale + self.eps), (m, v, t)

    def memory(self, rows: Any) -> tuple[Array, ...]:
        """Return what the last step returned, and one number of steps where all are the same.

        They are a parameter's own, so that one that is unfrozen starts from the start.
        """
        mean, square, steps = super().memory(rows)
        return mean, square, steps[:1] if (steps == steps[0]).all() else steps


@final
class AdamW(Adam):
    """Adam with the weight decay apart from the gradient: θ ← (1 - ηλ)θ, then Adam's step.

    So a parameter with large gradients decays as much as one with small gradients. Arguments and
    attributes are those of Adam. Source: Loshchilov and Hutter, arXiv:1711.05101.

    >>> w = Value(1.0)
    >>> AdamW([w], lr=0.1, weight_decay=0.5).step()
    >>> w.data
    0.95
    """

    _decoupled = True

    @renamed(learning_rate="lr")
    def __init__(
        self,
        params: Iterable[Value],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)


def clip_grad_norm(params: Iterable[Value], max_norm: float) -> float:
    """Shorten the gradient, as one vector over all parameters, to `max_norm` if it is longer.

    Its direction stays the same. Call it between `backward()` and `step()`.

    Args:
        params: the parameters; frozen ones do not count.
        max_norm: the greatest Euclidean norm allowed, above 0.

    Returns:
        The norm before clipping. If that is nan or infinite, there is no direction to keep, and
        the gradients are left as they are.

    Raises:
        TypeError: something in `params` is not a Value, or `max_norm` is not a number.
        ValueError: there are no parameters, one is there twice, or `max_norm` is not above 0.

    >>> a, b = Value(0.0), Value(0.0)
    >>> a.grad, b.grad = 3.0, 4.0
    >>> clip_grad_norm([a, b], 2.5)
    5.0
    >>> a.grad, b.grad
    (1.5, 2.0)
    """
    trained = [p for p in _parameters(params) if not isinstance(p, Frozen)]
    gradient, norm = clipped(_gradient(trained), checked_norm(max_norm))
    if norm > max_norm:
        for p, g in zip(trained, gradient.tolist(), strict=True):
            p.grad = marked_like(p.grad, g)
    return norm


# --- on arrays ------------------------------------------------------------------------------------


def clipped(gradient: Array, max_norm: float) -> tuple[Array, float]:
    """Return a gradient, shortened to `max_norm` if it is longer, and its norm before that.

    >>> import numpy as np
    >>> gradient, norm = clipped(np.array([3.0, 4.0]), 2.5)
    >>> gradient.tolist(), norm
    ([1.5, 2.0], 5.0)
    """
    norm = _norm(gradient)
    return (gradient * (max_norm / norm) if max_norm < norm < math.inf else gradient), norm


def checked_norm(max_norm: float) -> float:
    """Check the greatest norm that a gradient may have, which may be infinite."""
    max_norm = as_float(max_norm, "max_norm")
    if not max_norm > 0.0:
        raise ValueError(f"max_norm must be above 0, not {max_norm}")
    return max_norm


def read(params: Sequence[Value]) -> Array:
    """Return the numbers of parameters.

    >>> read([Value(1.0), Value(2.0)]).tolist()
    [1.0, 2.0]
    """
    try:  # not by NumPy, which takes the text "1.5" for a number
        return np.frombuffer(array("d", [p.data for p in params]))
    except TypeError:
        return np.array([data_of(p) for p in params])


def _gradient(params: Sequence[Value]) -> Array:
    """Return the gradient with respect to parameters."""
    return np.array([grad_of(p) for p in params])


def write(params: Sequence[Value], theta: Array) -> None:
    """Give parameters their numbers.

    >>> import numpy as np
    >>> w = Value(1.0)
    >>> write([w], np.array([0.5]))
    >>> w.data
    0.5
    """
    for p, x in zip(params, theta.tolist(), strict=True):
        p.data = x


def _norm(gradient: Array) -> float:
    """Return the Euclidean norm, also where the square of a number is beyond the floats."""
    with np.errstate(all="ignore"):
        square = float(gradient @ gradient)
    return math.sqrt(square) if 1e-280 < square < math.inf else math.hypot(*gradient.tolist())


# --- arguments ------------------------------------------------------------------------------------


def _parameters(params: Iterable[Value]) -> list[Value]:
    """List the parameters, each of which must be a Value, and there only once."""
    if callable(getattr(params, "parameters", None)):
        raise TypeError(
            f"params is a {type(params).__name__}; give its parameters: model.parameters()"
        )
    listed = list(params)
    if not listed:
        raise ValueError("there are no parameters to train; pass model.parameters()")
    seen: set[Value] = set()
    for i, p in enumerate(listed):
        if not isinstance(p, Value):
            raise TypeError(f"params[{i}] is {p!r}, a {type(p).__name__}, and not a Value")
        if p in seen:
            raise ValueError(f"params[{i}] is there twice, and would be updated twice per step")
        seen.add(p)
    return listed


def _option(name: str, x: float, below: float = math.inf) -> float:
    """Check that an option is at least 0 and below a limit."""
    x = as_float(x, name)
    if not 0.0 <= x < below:
        bounds = "finite and at least 0" if below == math.inf else f"at least 0 and below {below:g}"
        raise ValueError(f"{name} must be {bounds}, not {x}")
    return x


def _numbers(saved: Any, name: str, n: int) -> Array:
    """Check that a saved list holds n numbers, and make it an array."""
    if not isinstance(saved, list) or len(saved) != n:
        raise ValueError(f"{name} must be a list of {n} numbers, one per parameter")
    for i, x in enumerate(saved):
        if not isinstance(x, (int, float)):
            raise ValueError(f"{name}[{i}] must be a number, not {x!r}")
    return np.array(saved, dtype=np.float64)
