"""The networks of `benchmarks.compiler` in other libraries, each in the form its own users write.

Every function prepares one contender, and imports the library when called.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.networks import Network

PATIENCE_OF_MICROGRAD = 100_000  # products in a forward pass: some five seconds


@dataclass(frozen=True)
class Contender:
    """What a library makes of a network.

    Attributes:
        run: computes the mean loss and its gradient once.
        numbers: makes a list of what `run` returns: the loss, then for each layer W, neuron by
            neuron, and b. It is not timed.
    """

    run: Callable[[], Any]
    numbers: Callable[[Any], list[float]]


def listed(loss: float, arrays: Sequence[Any]) -> list[float]:
    """List the loss and the numbers of arrays."""
    return [loss, *np.concatenate([np.ravel(array) for array in arrays]).tolist()]


def torch_network(network: Network) -> Contender:
    """Prepare PyTorch: its linear layers and losses, and a backward pass, on one thread."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(1)
    layers = [
        (torch.tensor(W, requires_grad=True), torch.tensor(b, requires_grad=True))
        for W, b in network.parameters()
    ]
    parameters = [parameter for layer in layers for parameter in layer]
    X, y = map(torch.tensor, network.batch())
    activate = getattr(functional, network.activation)
    one_output = network.sizes[-1] == 1

    def run() -> Any:
        x = X
        for W, b in layers[:-1]:
            x = activate(functional.linear(x, W, b))
        z = functional.linear(x, *layers[-1])
        loss = functional.mse_loss(z[:, 0], y) if one_output else functional.cross_entropy(z, y)
        for parameter in parameters:
            parameter.grad = None
        loss.backward()
        return loss

    def numbers(loss: Any) -> list[float]:
        return listed(loss.item(), [parameter.grad.numpy() for parameter in parameters])

    return Contender(run, numbers)


def casadi_network(network: Network, symbols: str) -> Contender:
    """Prepare CasADi: the gradient of one sample's loss, mapped over the batch and added up.

    Args:
        network: which network it is.
        symbols: "SX" for instructions on scalars, "MX" for instructions on matrices.
    """
    import casadi

    def symbol(name: str, *shape: int) -> Any:
        return getattr(casadi, symbols).sym(name, *shape)

    layers = [(symbol("W", m, n), symbol("b", m)) for n, m in pairwise(network.sizes)]
    x, y = symbol("x", network.sizes[0]), symbol("y", network.sizes[-1])
    out = x
    for W, b in layers[:-1]:
        z = W @ out + b
        if network.activation == "relu":
            out = casadi.fmax(z, 0.0)
        else:
            out = 0.5 * z * (1.0 + casadi.erf(z * math.sqrt(0.5)))
    W, b = layers[-1]
    z = W @ out + b
    loss = (z - y) ** 2 if network.sizes[-1] == 1 else casadi.logsumexp(z) - casadi.dot(y, z)
    parameters = [parameter for layer in layers for parameter in layer]
    gradient = [casadi.gradient(loss, parameter) for parameter in parameters]
    one = casadi.Function("one", [*parameters, x, y], [loss, *gradient])
    shared = list(range(len(parameters)))
    summed = list(range(len(parameters) + 1))
    mapped = one.map("mapped", "serial", network.samples, shared, summed)
    X, targets = network.batch()
    arguments = [casadi.DM(array) for layer in network.parameters() for array in layer]
    arguments += [casadi.DM(X.T), casadi.DM(targets.reshape(network.samples, -1).T)]

    def numbers(result: Any) -> list[float]:
        loss, *gradient = [np.array(part) / network.samples for part in result]
        return listed(loss.item(), gradient)

    return Contender(partial(mapped, *arguments), numbers)


def micrograd_network(network: Network) -> Contender | None:
    """Prepare micrograd's own network, unless it would take long; it has no softmax or GELU."""
    products = network.samples * sum(n * m for n, m in pairwise(network.sizes))
    if products > PATIENCE_OF_MICROGRAD or network.activation != "relu" or network.sizes[-1] > 1:
        return None
    from micrograd.nn import MLP

    model = MLP(network.sizes[0], list(network.sizes[1:]))
    for layer, (W, b) in zip(model.layers, network.parameters(), strict=True):
        for neuron, weights, bias in zip(layer.neurons, W.tolist(), b.tolist(), strict=True):
            neuron.b.data = bias
            for parameter, weight in zip(neuron.w, weights, strict=True):
                parameter.data = weight
    X, y = (array.tolist() for array in network.batch())

    def run() -> Any:
        errors = [(model(x) - target) ** 2 for x, target in zip(X, y, strict=True)]
        loss = sum(errors) * (1.0 / len(errors))
        model.zero_grad()
        loss.backward()
        return loss

    def numbers(loss: Any) -> list[float]:
        gradient = []
        for layer in model.layers:
            gradient += [[w.grad for w in neuron.w] for neuron in layer.neurons]
            gradient.append([neuron.b.grad for neuron in layer.neurons])
        return listed(loss.data, gradient)

    return Contender(run, numbers)


# By name, which begins with that of the library, what prepares a contender for a network; it gives
# None where the network is not for that library.
PEERS: dict[str, Callable[[Network], Contender | None]] = {
    "torch": torch_network,
    "casadi, map": partial(casadi_network, symbols="SX"),
    "casadi, map of matrices": partial(casadi_network, symbols="MX"),
    "micrograd": micrograd_network,
}
