"""The programs of `benchmarks.structures` in PyTorch, each over the whole batch, on one thread."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from benchmarks.scalar_gpt import HEADS
from benchmarks.structure_programs import Program

torch.set_num_threads(1)

Array = Any
Parameters = Any


def mlp(parameters: Parameters, x: Array, y: Array) -> Array:
    """Run a network."""
    for W, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        x = functional.relu(functional.linear(x, W, b))
    return functional.cross_entropy(functional.linear(x, *parameters[-2:]), y)


def normalised(x: Array) -> Array:
    """Divide vectors by their root mean square."""
    return functional.rms_norm(x, x.shape[-1:], eps=1e-5)


def block(parameters: Parameters, x: Array) -> Array:
    """Run a block of a GPT."""
    W_q, W_k, W_v, W_o, W_1, W_2 = parameters
    samples, tokens, _ = x.shape
    n = normalised(x)
    q, k, v = (
        functional.linear(n, W).view(samples, tokens, HEADS, -1).transpose(1, 2)
        for W in (W_q, W_k, W_v)
    )
    attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    x = x + functional.linear(attended.transpose(1, 2).reshape(x.shape), W_o)
    hidden = functional.relu(functional.linear(normalised(x), W_1))
    return x + functional.linear(hidden, W_2)


def gpt_block(parameters: Parameters, x: Array, y: Array) -> Array:
    """Run a block of a GPT with a squared error."""
    return functional.mse_loss(block(parameters, x), y)


def gpt(parameters: Parameters, tokens: Array, y: Array) -> Array:
    """Run a whole GPT of one block on documents of one length."""
    of_token, of_position, W, *rest = parameters
    x = functional.embedding(tokens, of_token) + of_position[: tokens.shape[1]]
    output = block(rest, normalised(x))
    return functional.cross_entropy(functional.linear(output.flatten(0, 1), W), y)


def lenet(parameters: Parameters, images: Array, y: Array) -> Array:
    """Run LeNet."""
    F, f, G, g, *rest = parameters
    z = functional.avg_pool2d(functional.relu(functional.conv2d(images[:, None], F, f)), 2)
    z = functional.avg_pool2d(functional.relu(functional.conv2d(z, G, g)), 2)
    return mlp(rest, z.flatten(1), y)


def pinn(parameters: Parameters, x: Array) -> Array:
    """Run a network and its second derivative; what a sample's is, the sum's gradient tells."""
    w, b, W, c, v = parameters
    u = torch.tanh(functional.linear(torch.tanh(x[:, None] * w + b), W, c)) @ v
    (slopes,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    (curvatures,) = torch.autograd.grad(slopes.sum(), x, create_graph=True)
    return torch.mean((curvatures + math.pi**2 * torch.sin(math.pi * x)) ** 2)


FUNCTIONS: dict[str, Callable[..., Array]] = {
    "gpt_block_16": gpt_block,
    "gpt_block_64": gpt_block,
    "gpt": gpt,
    "lenet": lenet,
    "pinn": pinn,
    "mlp_arrays": mlp,
    "mlp_loops": mlp,
    "mlp_1024": mlp,
}


def value_and_gradient(name: str, program: Program) -> Callable[[], Any]:
    """Prepare the function without arguments that computes both."""
    arrays, given = program.for_peers()
    parameters = [torch.tensor(array, requires_grad=True) for array in arrays]
    # The derivative of a network by its input needs that of the data
    data = [torch.tensor(array, requires_grad=name == "pinn") for array in given]
    function = FUNCTIONS[name]

    def run() -> Any:
        loss = function(parameters, *data)
        return loss.detach(), torch.autograd.grad(loss, parameters)

    return run
