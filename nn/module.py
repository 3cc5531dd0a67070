"""The base of everything that has parameters: finding, naming, freezing and counting them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from inspect import signature
from typing import TYPE_CHECKING, Any, ClassVar

import autograd
from autograd import Value, notation
from autograd.errors import as_float, data_of
from nn.tables import html_table


class Frozen(Value):
    """A parameter that training leaves as it is: what `Module.freeze` turns a Value into.

    It computes as any Value does, and still receives a gradient.

    >>> model = Module()
    >>> model.w = Value(2.0)
    >>> model.freeze()
    >>> isinstance(model.w, Frozen)
    True
    """

    __slots__ = ()


class Module:
    """The base class of neurons, layers and networks, and of your own.

    Its parameters are found, not registered: they are the Values without parents among its
    attributes, and those of the modules among its attributes; also inside of lists, tuples and
    dictionaries. An attribute whose name begins with an underscore is left out.

    A parameter's name is the path to it. An element of a list has its number in the name, counted
    from 1 as in the lecture: the third weight in `w` is "w3", the first module in `layers` is
    "layer1". An entry of a dictionary has its key there.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         self.slope, self.intercept = Value(2.0), Value(1.0)
    ...     def __call__(self, x):
    ...         return self.slope * x + self.intercept
    >>> line = Line()
    >>> line(3.0).data
    7.0
    >>> line.state_dict()
    {'slope': 2.0, 'intercept': 1.0}

    Attributes:
        class_names: the names of the classes, if `fit` was given names for targets.
        regression: whether `fit` has trained the model to give numbers rather than classes.
    """

    class_names: tuple[str, ...] = ()
    regression: bool = False
    saved: ClassVar[tuple[str, ...]] = ()  # what it is made of, and `nn.save` keeps

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002 - for those who override it
        """Compute the output: to be defined by each kind of module.

        Raises:
            NotImplementedError: it is not.

        >>> Module()(1.0)
        Traceback (most recent call last):
        NotImplementedError: Module does not define __call__
        """
        name = type(self).__name__
        remedy = ": give its method forward that name" if hasattr(self, "forward") else ""
        raise NotImplementedError(f"{name} does not define __call__{remedy}")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Say what is written here instead of what others call by this name."""
            remedy = f"; {_ELSEWHERE[name]}" if name in _ELSEWHERE else ""
            what = f"{type(self).__name__!r} object has no attribute {name!r}{remedy}"
            raise AttributeError(what, name=name, obj=self)

    # --- the parameters ---------------------------------------------------------------------

    def parameters(self) -> list[Value]:
        """Return all parameters, frozen ones too, in the order of the attributes.

        A parameter that is used in several places is there once.

        >>> from nn import Neuron
        >>> [p.name for p in Neuron(2).parameters()]
        ['w1', 'w2', 'b']
        """
        return list(self._named().values())

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Iterate over the names and the parameters, in the order of `parameters`.

        Raises:
            ValueError: two parameters would have the same name.

        >>> from nn import Layer
        >>> [name for name, _ in Layer(2, 2).named_parameters()]
        ['neuron1.w1', 'neuron1.w2', 'neuron1.b', 'neuron2.w1', 'neuron2.w2', 'neuron2.b']
        """
        return iter(self._named().items())

    def name_parameters(self) -> None:
        """Write the names onto the parameters, where drawings and messages show them.

        A neuron, a layer and an MLP do this when they are made. Your own module, which gives the
        names more parts, may do it at the end of its `__init__`.

        >>> module = Module()
        >>> module.w = Value(2.0)
        >>> module.name_parameters()
        >>> module.w
        Value(data=2.0, grad=0.0, name='w')
        """
        for name, parameter in self._named().items():
            parameter.name = name

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to zero.

        >>> from nn import Neuron
        >>> neuron = Neuron(1)
        >>> neuron.b.grad = 3.0
        >>> neuron.zero_grad()
        >>> neuron.b.grad
        0.0
        """
        autograd.zero_grad(self.parameters())

    def freeze(self) -> None:
        """Have training leave the parameters as they are, from now on.

        It may be called at any time, and on a part: `model.layers[0].freeze()`.

        >>> from nn import MLP
        >>> model = MLP(2, [3, 1])
        >>> model.layers[0].freeze()
        >>> len(model.parameters()), len(model.trainable_parameters())
        (13, 4)
        >>> model.unfreeze()
        >>> len(model.trainable_parameters())
        13
        """
        for parameter in self.parameters():
            parameter.__class__ = Frozen

    def unfreeze(self) -> None:
        """Undo `freeze`."""
        for parameter in self.parameters():
            parameter.__class__ = Value

    def trainable_parameters(self) -> list[Value]:
        """Return the parameters that are not frozen: see `freeze`."""
        return [p for p in self.parameters() if not isinstance(p, Frozen)]

    def state_dict(self) -> dict[str, float]:
        """Return the numbers of all parameters, by name.

        >>> from nn import Neuron
        >>> Neuron(1, init=lambda n_in, n_out, *, rng: [0.5]).state_dict()
        {'w1': 0.5, 'b': 0.0}
        """
        return {name: data_of(parameter) for name, parameter in self._named().items()}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Set all parameters to the numbers of `state`; if anything is wrong with it, set none.

        Args:
            state: a number for each name of a parameter, as `state_dict` returns.

        Raises:
            ValueError: names are missing, or there are others.
            TypeError: something is not a number.

        >>> from nn import Neuron
        >>> neuron = Neuron(1)
        >>> neuron.load_state_dict({"w1": 2.0, "b": 1.0})
        >>> neuron([3.0]).data
        7.0
        """
        named = self._named()
        faults = {
            "missing": [name for name in named if name not in state],
            "unexpected": [name for name in state if name not in named],
        }
        if any(faults.values()):
            told = "; ".join([f"{what} {_some(names)}" for what, names in faults.items() if names])
            raise ValueError(f"the state does not fit the parameters: {told}")
        numbers = [as_float(state[name], name) for name in named]
        for parameter, number in zip(named.values(), numbers, strict=True):
            parameter.data = number

    def _named(self) -> dict[str, Value]:
        """Find the parameters."""
        named: dict[str, Value] = {}
        seen: set[int] = set()  # identities, since a module of yours may not be hashable

        def collect(module: Module, prefix: str) -> None:
            for name, held in module._members():
                if id(held) in seen:
                    continue
                seen.add(id(held))
                if isinstance(held, Module):
                    collect(held, f"{prefix}{name}.")
                elif named.setdefault(prefix + name, held) is not held:
                    raise ValueError(f"two parameters are called {prefix + name}: rename one")

        collect(self, "")
        return named

    def _members(self) -> list[tuple[str, Module | Value]]:
        """Find the modules and the parameters among the attributes."""
        members: list[tuple[str, Module | Value]] = []
        for name, held in vars(self).items():
            if not name.startswith("_"):
                _find(name, held, members)
        return members

    def modules(self) -> Iterator[Module]:
        """Iterate over this module and all modules inside of it, each once.

        >>> from nn import MLP
        >>> [type(part).__name__ for part in MLP(1, [1]).modules()]
        ['MLP', 'Layer', 'Neuron']
        """
        waiting, seen = [self], {id(self)}
        while waiting:
            part = waiting.pop()
            yield part
            inside = [held for _, held in part._members() if isinstance(held, Module)]
            waiting += [held for held in inside[::-1] if id(held) not in seen]
            seen.update(map(id, inside))

    def __repr__(self) -> str:
        """Write how it was made, as far as `saved` tells; what has a default is written by name."""
        saved = type(self).saved  # not what an instance may call so
        if not saved:
            return super().__repr__()
        every = signature(type(self)).parameters.items()
        plain = {name for name, argument in every if argument.default is argument.empty}
        written = []
        for name in saved:
            held = getattr(self, name)
            text = repr(activation_label(held) if name == "activation" else held)
            written.append(text if name in plain else f"{name}={text}")
        return f"{type(self).__name__}({', '.join(written)})"

    @classmethod
    def from_saved(cls, **fields: Any) -> Module:
        """Make a module of the attributes that `saved` names."""
        return cls(**fields)

    def example(self) -> Any:
        """Return an input, for pictures of how the parts are connected; None if it is not known.

        >>> from nn import Layer
        >>> Layer(3, 2).example()
        [1.0, 1.0, 1.0]
        """
        return None

    # --- the summary ------------------------------------------------------------------------

    def summary(self) -> Summary:
        """Return a table of the layers, with their shapes and the numbers of their parameters.

        It is a text, to be printed; as the last line of a cell, a notebook shows it as a table.

        A module that is not built of layers has a line for the parameters of its own.

        >>> from nn import MLP
        >>> print(MLP(2, [16, 1]).summary())
        name    kind   activation  shape   weights  biases  parameters
        ──────────────────────────────────────────────────────────────────────────────────────
        layer1  Layer  relu        2 → 16       32      16          48  trainable
        layer2  Layer  linear      16 → 1       16       1          17  trainable
        ──────────────────────────────────────────────────────────────────────────────────────
        total                                                       65  65 trainable, 0 frozen
        """
        head = ("name", "kind", "activation", "shape", *Summary.numbers, "")
        rows: list[tuple[str, ...]] = []
        seen: set[int] = set()

        def collect(module: Module, name: str) -> None:
            if id(module) in seen:
                return
            seen.add(id(module))
            members, shape = module._members(), module._summary_shape()
            own = {id(held): held for _, held in members if isinstance(held, Value)}
            if shape or own:
                rows.append(module._summary_line(name, shape, module._named() if shape else own))
            for part, held in members:
                if isinstance(held, Module) and not shape:
                    collect(held, f"{name}.{part}" if name else part)

        collect(self, "")
        every = self.parameters()
        frozen = sum(isinstance(p, Frozen) for p in every)
        state = f"{len(every) - frozen} trainable, {frozen} frozen"
        rows.append(("total", "", "", "", "", "", str(len(every)), state))
        lines = notation.aligned([head, *rows], left=(0, 1, 2, 3, 7)).splitlines()
        rule = "─" * max(map(len, lines))
        summary = Summary("\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]]))
        summary.table = html_table(head, rows, numbers=Summary.numbers)
        return summary

    def _summary_shape(self) -> str:
        """Return "inputs → outputs" for a module that has a single line in the summary."""
        return ""

    def _summary_line(self, name: str, shape: str, named: Mapping[Any, Value]) -> tuple[str, ...]:
        """Return a line of the summary, which counts the weights if there is a shape."""
        kind, counts = type(self).__name__, ("", "")
        if shape:
            weights = sum(path.rpartition(".")[2][0] == "w" for path in named)
            counts = (str(weights), str(len(named) - weights))
        frozen = sum(isinstance(p, Frozen) for p in named.values())
        state = f"{frozen} of {len(named)} frozen"
        if frozen in (0, len(named)):
            state = "frozen" if frozen else "trainable"
        label = activation_label(getattr(self, "activation", "") if shape else "")
        return (name or kind.lower(), kind, label, shape, *counts, str(len(named)), state)


_MODE = "there is no mode: Dropout acts in nn.fit and inside of `with nn.dropping(model):`"
_ELSEWHERE = {
    **dict.fromkeys(("train", "eval"), _MODE),
    "forward": "call the model itself: model(x)",
    "fit": "write nn.fit(model, X, y)",
    "predict": "write nn.predict(model, X)",
    **dict.fromkeys(("weight", "weights"), "a neuron has .w, a layer .W"),
    "bias": "a neuron and a layer have .b",
}


class Summary(str):
    """A table of the layers, as text; in a notebook, as the last line of a cell, as a table."""

    table: str
    numbers = ("weights", "biases", "parameters")

    def _repr_html_(self) -> str:
        """Give Jupyter the table."""
        return self.table


def activation_label(activation: str | Callable[[Any], Any]) -> str:
    """Name an activation, also one of your own, for people to read."""
    return activation if isinstance(activation, str) else getattr(activation, "__name__", "custom")


def _find(name: str, held: Any, members: list[tuple[str, Module | Value]]) -> None:
    """Add the modules and the parameters in an attribute to `members`."""
    if isinstance(held, Value):
        if not held.op:
            members.append((name, held))
    elif isinstance(held, Module):
        members.append((name, held))
    elif isinstance(held, dict):
        for key, element in held.items():
            _find(f"{name}.{key}", element, members)
    elif isinstance(held, (list, tuple)):
        stem = f"{name}_" if name[-1].isdigit() else name
        for i, element in enumerate(held, start=1):
            one = stem.removesuffix("s") if isinstance(element, Module) else stem
            _find(f"{one}{i}", element, members)


def _some(names: list[str]) -> str:
    """List names; a long list is cut."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
