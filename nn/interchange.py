"""Networks for other libraries: PyTorch, ONNX, and the tensors of a safetensors file.

All three have a matrix of weights and a vector of biases per layer, as `torch.nn.Linear` has.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autograd.extras import imported
from autograd.files import write_atomically
from nn.layers import MLP, Layer
from nn.module import Module

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class _Peer:
    """What an activation is elsewhere.

    Args:
        torch: the class in `torch.nn`; empty for none.
        options: its arguments.
        onnx: operators, each with its operands: "z", or the place of an operator before.
        attributes: of the first of them.
    """

    torch: str
    options: Mapping[str, Any] = field(default_factory=dict)
    onnx: Sequence[tuple[str, list[str]]] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)


_PEERS = {
    "linear": _Peer(""),
    "relu": _Peer("ReLU", {}, [("Relu", ["z"])]),
    "leaky_relu": _Peer(
        "LeakyReLU", {"negative_slope": 0.01}, [("LeakyRelu", ["z"])], {"alpha": 0.01}
    ),
    "elu": _Peer("ELU", {"alpha": 1.0}, [("Elu", ["z"])], {"alpha": 1.0}),
    "silu": _Peer("SiLU", {}, [("Sigmoid", ["z"]), ("Mul", ["z", "0"])]),
    "gelu": _Peer("GELU", {"approximate": "none"}, [("Gelu", ["z"])], {"approximate": "none"}),
    "gelu_tanh": _Peer("GELU", {"approximate": "tanh"}, [("Gelu", ["z"])], {"approximate": "tanh"}),
    "tanh": _Peer("Tanh", {}, [("Tanh", ["z"])]),
    "sigmoid": _Peer("Sigmoid", {}, [("Sigmoid", ["z"])]),
    "log_sigmoid": _Peer("LogSigmoid", {}, [("Neg", ["z"]), ("Softplus", ["0"]), ("Neg", ["1"])]),
    "softplus": _Peer("Softplus", {"beta": 1.0, "threshold": 20.0}, [("Softplus", ["z"])]),
    "softmax": _Peer("Softmax", {"dim": -1}, [("Softmax", ["z"])], {"axis": -1}),
}
"""The activations of `nn.ACTIVATIONS`. PyTorch's softplus is z itself from 20 on, 2e-9 less."""


def linear_maps(model: MLP) -> Iterator[tuple[str, Array, Array, str]]:
    """Go through the layers of a network as `torch.nn.Sequential` numbers them.

    Returns:
        For each layer: its place among linear maps and activations; its m × n weights, m biases;
        and its activation.

    Raises:
        ValueError: an activation is a function of your own.

    >>> [(place, W.shape, b.shape) for place, W, b, _ in linear_maps(MLP(2, [8, 3, 1]))]
    [('0', (8, 2), (8,)), ('2', (3, 8), (3,)), ('4', (1, 3), (1,))]
    """
    import numpy as np

    place = 0
    for layer in model.layers:
        if layer.activation not in _PEERS:
            raise ValueError(
                f"the activation {layer.activation} is a function of your own, which other "
                "libraries do not know"
            )
        weights = np.array([[w.data for w in neuron.w] for neuron in layer.neurons])
        biases = np.array([neuron.b.data for neuron in layer.neurons])
        yield str(place), weights, biases, layer.activation
        place += 1 + (layer.activation != "linear")


def to_torch(model: Module) -> Any:
    """Make a `torch.nn.Sequential` that computes the same as an MLP, in float64.

    Returns:
        The PyTorch module, for an input of n numbers or a batch of them; the output has an axis
        also if it is a single number.

    Raises:
        TypeError: the model is something else.
        ValueError: an activation is a function of your own.
        ImportError: PyTorch is not installed.

    >>> to_torch(MLP(2, [8, 1], "tanh", seed=0))  # doctest: +SKIP
    Sequential(
      (0): Linear(in_features=2, out_features=8, bias=True)
      (1): Tanh()
      (2): Linear(in_features=8, out_features=1, bias=True)
    )
    """
    torch = imported("torch", "peers", "to_torch")
    parts = []
    for _, weights, biases, activation in linear_maps(_mlp(model)):
        linear = torch.nn.Linear(weights.shape[1], weights.shape[0], dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weights))
            linear.bias.copy_(torch.from_numpy(biases))
        parts.append(linear)
        if peer := _PEERS[activation].torch:
            parts.append(getattr(torch.nn, peer)(**_PEERS[activation].options))
    return torch.nn.Sequential(*parts)


def from_torch(module: Any) -> MLP:
    """Make an MLP of a `torch.nn.Sequential` of linear maps and activations, in float32, too.

    Raises:
        TypeError: there is another part in it, or an activation with other options.
        ValueError: there are no linear maps, or they do not fit together.

    >>> from_torch(to_torch(MLP(2, [8, 1], "tanh")))  # doctest: +SKIP
    MLP(2 → 8 tanh → 1 linear)
    """
    layers: list[Layer] = []
    linear = None  # the map whose activation is still to come
    for part in module:
        if type(part).__name__ == "Linear":
            if linear is not None:
                layers.append(_layer(linear, "linear"))
            linear = part
        elif linear is None:
            raise TypeError(f"from_torch takes an activation after a Linear only, not {part!r}")
        else:
            layers.append(_layer(linear, _activation(part)))
            linear = None
    if linear is not None:
        layers.append(_layer(linear, "linear"))
    return MLP.from_layers(layers)


def to_onnx(model: Module, path: str | os.PathLike[str]) -> None:
    """Write a network to an ONNX file, to predict with elsewhere, in float32.

    Args:
        model: an MLP.
        path: the file. Its network takes "x", a batch of samples, and returns "y".

    Raises:
        TypeError: the model is something else.
        ValueError: an activation is a function of your own.
        ImportError: onnx is not installed.
        OSError: the file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_onnx(MLP(2, [8, 1], seed=0), f"{folder}/model.onnx")  # doctest: +SKIP
    """
    import numpy as np

    layers = list(linear_maps(_mlp(model)))
    onnx = imported("onnx", "export", "to_onnx")
    make, nodes, constants, values = onnx.helper, [], [], "x"
    for place, weights, biases, activation in layers:
        for name, array in (("weight", weights), ("bias", biases)):
            array32 = array.astype(np.float32)
            constants.append(onnx.numpy_helper.from_array(array32, f"{place}.{name}"))
        operands = [values, f"{place}.weight", f"{place}.bias"]
        z = values = f"{place}.z"
        nodes.append(make.make_node("Gemm", operands, [z], transB=1))
        peer = _PEERS[activation]
        for i, (operator, names) in enumerate(peer.onnx):
            values = f"{place}.{i}"
            inputs = [z if name == "z" else f"{place}.{name}" for name in names]
            attributes = peer.attributes if i == 0 else {}
            nodes.append(make.make_node(operator, inputs, [values], **attributes))
    nodes.append(make.make_node("Identity", [values], ["y"]))
    ends = [
        make.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", width])
        for name, width in (("x", layers[0][1].shape[1]), ("y", layers[-1][1].shape[0]))
    ]
    graph = make.make_graph(nodes, "chainrule", ends[:1], ends[1:], constants)
    # the operator sets of 2023, the first with Gelu, and the format that goes with them
    versions = [make.make_opsetid("", 20)]
    made = make.make_model(graph, opset_imports=versions, ir_version=9, producer_name="chainrule")
    onnx.checker.check_model(made, full_check=True)
    write_atomically(path, made.SerializeToString())


def _mlp(model: Module) -> MLP:
    """Check that a model is a network of layers."""
    if not isinstance(model, MLP):
        raise TypeError(f"only an MLP has a form in other libraries, not {model!r}")
    return model


def _layer(linear: Any, activation: str) -> Layer:
    """Make a layer of a linear map of PyTorch."""
    weights = linear.weight.detach().double().tolist()
    biases = [0.0] * len(weights) if linear.bias is None else linear.bias.detach().tolist()
    layer = Layer(len(weights[0]), len(weights), activation)
    for neuron, row, bias in zip(layer.neurons, weights, biases, strict=True):
        for w, x in zip(neuron.w, row, strict=True):
            w.data = x
        neuron.b.data = bias
    return layer


def _activation(part: Any) -> str:
    """Name the activation that a module of PyTorch is."""
    kind = type(part).__name__
    for name, peer in _PEERS.items():
        options = {key: getattr(part, key, None) for key in peer.options}
        if kind == peer.torch and options == peer.options:
            return name
    raise TypeError(
        f"there is no activation here that is {part!r}; the activations are those of "
        "nn.ACTIVATIONS, with the options that PyTorch gives them by default"
    )
