"""Modules made of modules: one after another, around a shortcut, or for each element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

from nn.forward import listed
from nn.module import Module


@final
class Sequential(Module):
    """One module after another, each on what the one before it returns; `parts` lists them.

    Raises:
        TypeError: something is no Module.
        ValueError: there are none.

    >>> from nn import Layer
    >>> model = Sequential(Layer(2, 8, "tanh", seed=0), Layer(8, 1, "linear", seed=1))
    >>> model
    Sequential(Layer(2, 8, activation='tanh'), Layer(8, 1, activation='linear'))
    >>> len(model.parameters())
    33
    """

    parts: list[Module]
    saved = ("parts",)

    def __init__(self, *modules: Module) -> None:
        if not modules:
            raise ValueError("Sequential needs at least one module")
        self.parts = [module_of(module, "Sequential") for module in modules]
        self.name_parameters()

    def __call__(self, x: Any) -> Any:
        """Return what the last module makes of what the first one takes."""
        for module in self.parts:
            x = module(x)
        return x

    @classmethod
    def from_saved(cls, **fields: Any) -> Sequential:
        """Make it of its modules."""
        return cls(*fields["parts"])

    def example(self) -> Any:
        """Return an input that the first module takes."""
        return self.parts[0].example()

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.parts))})"


class Around(Module):
    """What is made of one module; a TypeError is raised if that is none."""

    module: Module
    saved = ("module",)

    def __init__(self, module: Module) -> None:
        self.module = module_of(module, type(self).__name__)
        self.name_parameters()

    def example(self) -> Any:
        """Return an input that the module takes."""
        return self.module.example()


@final
class Residual(Around):
    """A module with a shortcut around it: x + F(x). So gradients reach what is before it undimmed.

    Source: He et al., arXiv:1512.03385.

    Args:
        module: F, which returns what has the form of its input: a number, or nested lists.

    >>> from nn import Layer
    >>> F = Layer(2, 2, "linear", init=lambda n_in, n_out, *, rng: [1.0, 2.0])
    >>> [y.data for y in Residual(F)([1.0, 2.0])]
    [6.0, 7.0]
    """

    def __call__(self, x: Any) -> Any:
        """Return x + F(x); a ValueError is raised if F returns another form than it takes."""
        return _sum(x, self.module(x))


@final
class Each(Around):
    """A module for each element of a list, the same for all: for each vector of a sequence, say.

    >>> from nn import Embedding
    >>> vectors = Each(Embedding(27, 4))([7, 0, 25])
    >>> len(vectors), len(vectors[0])
    (3, 4)
    """

    def __call__(self, x: Any) -> list[Any]:
        """Return what the module does for each element of a list."""
        return [self.module(element) for element in x]

    def example(self) -> Any:
        """Return a list with two inputs that the module takes."""
        return [self.module.example() for _ in range(2)]


@final
class Flatten(Module):
    """One list of what nested lists hold, such as the channels of an image, row by row.

    >>> Flatten()([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])
    [1, 2, 3, 4, 5, 6, 7, 8]
    """

    def __call__(self, x: Any) -> list[Any]:
        """Return the elements of nested lists, from left to right."""
        x = listed(x)
        if not isinstance(x, (list, tuple)):
            return [x]
        return [element for part in x for element in self(part)]

    def __repr__(self) -> str:
        return "Flatten()"


def mapped(f: Callable[[Any], Any], x: Any) -> Any:
    """Return nested lists with `f` applied to each number.

    >>> mapped(abs, [-1, [2, -3]])
    [1, [2, 3]]
    """
    x = listed(x)
    return [mapped(f, element) for element in x] if isinstance(x, (list, tuple)) else f(x)


def module_of(module: Any, taker: str) -> Module:
    """Check that something is a module; the error names who takes it."""
    if not isinstance(module, Module):
        raise TypeError(
            f"{taker} is made of Modules, each an argument of its own, not of {module!r}"
        )
    return module


def _sum(x: Any, y: Any) -> Any:
    """Add nested lists."""
    x, y = listed(x), listed(y)
    lengths = [len(z) if isinstance(z, (list, tuple)) else None for z in (x, y)]
    if lengths[0] != lengths[1]:
        one, other = ["a number" if n is None else f"a list of {n}" for n in lengths]
        raise ValueError(f"a shortcut adds what has one form, not {one} and {other}")
    if lengths[0] is None:
        return x + y
    return [_sum(*pair) for pair in zip(x, y, strict=True)]
