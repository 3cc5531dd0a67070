"""Neurons, layers of neurons and networks of layers, as the lecture defines them."""

from __future__ import annotations

import itertools
import operator
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, final

from autograd import (
    Value,
    dot,
    elu,
    gelu,
    leaky_relu,
    log_sigmoid,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from nn.init import Initialiser, generator, resolve
from nn.mistakes import named
from nn.module import Module, activation_label

Activation = Callable[[Any], Any]


def linear(z: Any) -> Any:
    """No activation: z itself.

    >>> linear(2.0)
    2.0
    """
    return z


def gelu_tanh(z: Any) -> Any:
    """GELU in its tanh form.

    >>> round(gelu_tanh(1.0), 6)
    0.841192
    """
    return gelu(z, approximate="tanh")


ACTIVATIONS: dict[str, Activation] = {
    "linear": linear,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "silu": silu,
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "tanh": tanh,
    "sigmoid": sigmoid,
    "log_sigmoid": log_sigmoid,
    "softplus": softplus,
    "softmax": softmax,
}
"""The activations by name. `softmax` acts on a whole layer, the others on one number."""


@final
class Neuron(Module):
    """A linear form of the inputs, then a non-linearity: x = σ(⟨w, x⟩ + b).

    Args:
        n_in: the number of inputs.
        activation: σ, by name or as a function of one number.
        init: how to draw the weights, by name or as a function (see `nn.init`); by default as
            suits the activation.
        seed: the seed, or the generator, to draw them with.
        n_out: the number of neurons in the layer, at which some initialisations look.

    Attributes:
        w: the weights, n_in Values named "w1", "w2", …
        b: the bias, a Value that begins at 0.
        activate: σ, the function.

    Raises:
        ValueError: `n_in` is below 1, or there is no such activation or initialisation.

    >>> neuron = Neuron(2, "tanh", seed=0)
    >>> neuron
    Neuron(2, activation='tanh')
    >>> neuron.n_in, neuron.activation
    (2, 'tanh')
    >>> x = neuron([1.0, -2.0])
    >>> x.op, x.parents[0].op
    ('tanh', 'dot')
    """

    w: list[Value]
    b: Value
    activate: Activation
    saved = ("n_in", "activation")

    def __init__(
        self,
        n_in: int,
        activation: str | Activation = "relu",
        *,
        init: str | Initialiser | None = None,
        seed: int | random.Random | None = None,
        n_out: int = 1,
    ) -> None:
        n_in, n_out = count("n_in", n_in), count("n_out", n_out)
        self.activate = _activation(activation)
        if self.activate is softmax:
            raise ValueError("softmax acts on a whole layer: use Layer(…, activation='softmax')")
        draw = resolve(init, self.activation)
        weights = draw(n_in, n_out, rng=generator(seed))
        if len(weights) != n_in:
            raise ValueError(f"init gave {len(weights)} weights for a neuron with {n_in} inputs")
        self.w = [Value(w) for w in weights]
        self.b = Value(0.0)
        self.name_parameters()

    @property
    def activation(self) -> str | Activation:
        """The activation's name; if it is your own function, that function."""
        return _name_or_function(self.activate)

    @property
    def n_in(self) -> int:
        """The number of inputs."""
        return len(self.w)

    def pre_activation(self, x: Any) -> Any:
        """Return z = ⟨w, x⟩ + b, as one `dot` node.

        Args:
            x: a list of n_in numbers or Values; for one input, also the number itself.

        Raises:
            ValueError: there are not n_in of them.
            TypeError: `x` is not a list of numbers.

        >>> neuron = Neuron(1, init=lambda n_in, n_out, *, rng: [2.0])
        >>> neuron.pre_activation([3.0]).data
        6.0
        """
        return dot(self.w, inputs_of(x, len(self.w), self), self.b)

    def __call__(self, x: Any) -> Value:
        """Return σ(⟨w, x⟩ + b) for x as `pre_activation` takes it.

        >>> Neuron(1, init=lambda n_in, n_out, *, rng: [2.0])([-3.0]).data
        0.0
        """
        output: Value = self.activate(self.pre_activation(x))
        return output

    def _summary_shape(self) -> str:
        return f"{self.n_in} → 1"


@final
class Layer(Module):
    """Neurons side by side, which look at the same inputs: x = σ(Wᵀx + b).

    Args:
        n_in: the number of inputs.
        n_out: the number of neurons, so of outputs.
        activation, init, seed: as of a `Neuron`; but the activation "softmax" is a layer's only.

    Attributes:
        neurons: the neurons, n_out of them.

    Raises:
        ValueError: a size is below 1, or there is no such activation or initialisation.

    >>> layer = Layer(3, 2, activation="softmax", seed=0)
    >>> layer
    Layer(3, 2, activation='softmax')
    >>> layer.n_in, layer.n_out, layer.activation
    (3, 2, 'softmax')
    >>> round(sum(x.data for x in layer([1.0, 2.0, 3.0])), 12)
    1.0
    """

    neurons: list[Neuron]
    saved = ("n_in", "n_out", "activation")

    def __init__(
        self,
        n_in: int,
        n_out: int,
        activation: str | Activation = "relu",
        *,
        init: str | Initialiser | None = None,
        seed: int | random.Random | None = None,
    ) -> None:
        n_out = count("n_out", n_out)
        self._activate = _activation(activation)
        own = linear if self._activate is softmax else self._activate
        rng = generator(seed)
        self.neurons = [Neuron(n_in, own, init=init, seed=rng, n_out=n_out) for _ in range(n_out)]
        self.name_parameters()

    @property
    def activation(self) -> str | Activation:
        """The activation's name; if it is your own function, that function."""
        return _name_or_function(self._activate)

    @property
    def n_in(self) -> int:
        """The number of inputs."""
        return len(self.neurons[0].w)

    @property
    def n_out(self) -> int:
        """The number of outputs."""
        return len(self.neurons)

    @property
    def W(self) -> list[list[Value]]:
        """The weight matrix, n_in × n_out: column i has the weights of neuron i.

        So `W[j][i]` is `neurons[i].w[j]`, the Value itself, and the layer is σ(Wᵀx + b).

        >>> layer = Layer(3, 2)
        >>> len(layer.W), len(layer.W[0])
        (3, 2)
        """
        return [list(row) for row in zip(*[n.w for n in self.neurons], strict=True)]

    @property
    def b(self) -> list[Value]:
        """The biases, one per neuron.

        >>> [b.name for b in Layer(3, 2).b]
        ['neuron1.b', 'neuron2.b']
        """
        return [n.b for n in self.neurons]

    def pre_activation(self, x: Any) -> list[Any]:
        """Return z = Wᵀx + b, one number per neuron, for x as a `Neuron` takes it.

        >>> [z.op for z in Layer(3, 2).pre_activation([1.0, 2.0, 3.0])]
        ['dot', 'dot']
        """
        # numbers as leaves that the neurons share: one object each, and a quicker `dot`
        x = inputs_of(x, self.n_in, self)
        x = [Value(v) if v.__class__ is float or v.__class__ is int else v for v in x]
        return [dot(n.w, x, n.b) for n in self.neurons]

    def activate(self, z: Sequence[Any]) -> list[Any]:
        """Return σ(z), one number per neuron, for as many z.

        >>> Layer(3, 2).activate([-1.0, 1.0])
        [0.0, 1.0]
        """
        if self._activate is softmax:
            return softmax(z)
        return [n.activate(v) for n, v in zip(self.neurons, z, strict=True)]

    def __call__(self, x: Any) -> Any:
        """Return σ(Wᵀx + b): a list, or a single Value if there is one neuron.

        >>> len(Layer(3, 2)([1.0, 2.0, 3.0]))
        2
        """
        return _unwrapped(self.vector(x))

    def vector(self, x: Any) -> list[Any]:
        """Return σ(Wᵀx + b), a list even if there is one neuron.

        >>> len(Layer(3, 1).vector([1.0, 2.0, 3.0]))
        1
        """
        return self.activate(self.pre_activation(x))

    def example(self) -> list[float]:
        """Return inputs, all of them 1."""
        return [1.0] * self.n_in

    def _summary_shape(self) -> str:
        return f"{self.n_in} → {self.n_out}"


class Activations(NamedTuple):
    """What a network computes on the way, with the lecture's indices.

    Attributes:
        z: z[k] are the pre-activations of layer k = 1 … K; z[0] is empty.
        x: x[k] are the outputs of layer k; x[0] is the input, x[K] the output.
    """

    z: list[list[Any]]
    x: list[list[Any]]


@final
class MLP(Module):
    """A feed-forward network: the composition of K layers, ŷ = F_K(… F_2(F_1(x))).

    Args:
        n_in: the number of inputs.
        sizes: the number of neurons of each layer, n_1 … n_K, the output layer last.
        activation: σ of the hidden layers, by name or as a function of one number.
        output: σ of the output layer; "softmax" is possible. A loss that takes logits, such as
            `cross_entropy`, wants "linear".
        init, seed: as of a `Neuron`. Without a seed, every network is another.

    Attributes:
        layers: the layers, K of them; the inputs are not neurons.

    Raises:
        ValueError: a size is below 1, there are no layers, or there is no such activation or
            initialisation.

    >>> model = MLP(2, [16, 16, 1], seed=0)
    >>> len(model.parameters())
    337
    >>> model([0.5, -1.0]).op  # one output: a Value, not a list
    'dot'
    """

    layers: list[Layer]
    saved = ("layers",)

    def __init__(
        self,
        n_in: int,
        sizes: Sequence[int],
        activation: str | Activation = "relu",
        output: str | Activation = "linear",
        *,
        init: str | Initialiser | None = None,
        seed: int | random.Random | None = None,
    ) -> None:
        if not isinstance(sizes, Iterable):
            raise TypeError(f"sizes must be a list, such as [16, 16, 1], not {sizes!r}")
        widths = [count("n_in", n_in), *[count("each size", n) for n in sizes]]
        if len(widths) == 1:
            raise ValueError("sizes is empty: an MLP has at least one layer, the output layer")
        rng = generator(seed)
        kinds = [_activation(activation)] * (len(widths) - 2) + [output]  # checked without use, too
        self.layers = [
            Layer(n, m, kind, init=init, seed=rng)
            for n, m, kind in zip(widths[:-1], widths[1:], kinds, strict=True)
        ]
        self.name_parameters()

    @classmethod
    def from_layers(cls, layers: Iterable[Layer]) -> MLP:
        """Compose layers that exist already, each with an activation of its own.

        Args:
            layers: the layers; their parameters get the names that they have in the network.

        Raises:
            ValueError: there are none, or one does not have as many inputs as the one before it
                has outputs.
            TypeError: something is no Layer.

        >>> MLP.from_layers([Layer(2, 8, "tanh"), Layer(8, 4, "relu"), Layer(4, 1, "linear")])
        MLP(2 → 8 tanh → 4 relu → 1 linear)
        """
        model = cls.__new__(cls)
        model.layers = list(layers)
        if not model.layers:
            raise ValueError("there are no layers: an MLP has at least one, the output layer")
        for layer in model.layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"an MLP is made of Layers, not of {layer!r}: see Sequential")
        for k, (before, layer) in enumerate(itertools.pairwise(model.layers), start=2):
            if layer.n_in != before.n_out:
                raise ValueError(
                    f"layer {k} takes {layer.n_in} inputs, but layer {k - 1} gives {before.n_out}"
                )
        model.name_parameters()
        return model

    @classmethod
    def from_saved(cls, **fields: Any) -> MLP:
        """Make it of its layers."""
        return cls.from_layers(fields["layers"])

    def example(self) -> list[float]:
        """Return inputs, all of them 1."""
        return self.layers[0].example()

    def activations(self, x: Any) -> Activations:
        """Compute the output for one sample, and return all that is computed on the way.

        >>> z, x = MLP(2, [3, 1]).activations([0.5, -1.0])
        >>> [len(z_k) for z_k in z], [len(x_k) for x_k in x]
        ([0, 3, 1], [2, 3, 1])
        """
        xs: list[Any] = [inputs_of(x, self.layers[0].n_in, self)]
        zs: list[Any] = [[]]
        for layer in self.layers:
            zs.append(layer.pre_activation(xs[-1]))
            xs.append(layer.activate(zs[-1]))
        return Activations(zs, xs)

    def __call__(self, x: Any) -> Any:
        """Return the output ŷ for one sample: a list, or a single Value if there is one output.

        The sample is as a `Neuron` takes it: see `Neuron.pre_activation`.

        >>> len(MLP(2, [3, 3])([0.5, -1.0]))
        3
        """
        return _unwrapped(self.activations(x).x[-1])

    def __repr__(self) -> str:
        layers = [f"{layer.n_out} {activation_label(layer.activation)}" for layer in self.layers]
        return f"MLP({' → '.join([str(self.layers[0].n_in), *layers])})"


def count(name: str, n: int, least: int = 1) -> int:
    """Check a number of inputs, neurons, epochs or samples."""
    try:
        n = operator.index(n)
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {n!r}") from None
    if n < least:
        raise ValueError(f"{name} must be at least {least}, not {n}")
    return n


def _activation(activation: str | Activation) -> Activation:
    """Return the function that an activation's name means."""
    if isinstance(activation, str):
        return named(ACTIVATIONS, activation, "the activation")
    if not callable(activation):
        raise TypeError(f"the activation must be a name or a function, not {activation!r}")
    return activation


def _name_or_function(function: Activation) -> str | Activation:
    """Return the name of an activation, or the function where it has none."""
    names = [name for name, known in ACTIVATIONS.items() if known is function]
    return names[0] if names else function


def inputs_of(x: Any, n_in: int, taker: Module) -> Any:
    """Return inputs as a list or a tuple, after checking how many there are for their taker."""
    if (x.__class__ is list or x.__class__ is tuple) and len(x) == n_in:
        return x
    if hasattr(x, "tolist"):  # an array
        x = x.tolist()
    if n_in == 1 and not hasattr(x, "__iter__"):
        return [x]
    try:
        x = list(x)
    except TypeError:
        raise TypeError(f"{taker!r} takes a list of {n_in} numbers, not {x!r}") from None
    if len(x) != n_in:
        hint = ""
        if x and hasattr(x[0], "__len__"):
            hint = "; for a batch, call it once per sample: [model(x) for x in X]"
        raise ValueError(f"{taker!r} takes {n_in} inputs, not {len(x)}{hint}")
    return x


def _unwrapped(x: list[Any]) -> Any:
    """Return the only element of a list with one element, else the list."""
    return x[0] if len(x) == 1 else x
