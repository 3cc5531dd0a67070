"""The programs of `benchmarks.structures` in JAX, each over the whole batch.

Importing this sets JAX to the processor, one thread of it, and double precision.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import jax
import jax.numpy as jnp
from jax import lax
from jax.nn import relu, sigmoid
from jax.scipy.linalg import solve_triangular

from benchmarks.scalar_gpt import HEADS
from benchmarks.structure_programs import JITTER, NEVER, Program

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", True)

Array = Any
Parameters = Any


def cross_entropy(z: Array, y: Array) -> Array:
    """Return the mean loss of logits."""
    return jnp.mean(jax.nn.logsumexp(z, axis=1) - jnp.sum(y * z, axis=1))


def mlp(parameters: Parameters, x: Array, y: Array) -> Array:
    """Run a network."""
    for W, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        x = relu(x @ W.T + b)
    return cross_entropy(x @ parameters[-2].T + parameters[-1], y)


def embedding(parameters: Parameters, tokens: Array, targets: Array) -> Array:
    """Take rows of a table."""
    (table,) = parameters
    return jnp.sum((jnp.tanh(table[tokens]) - targets) ** 2) / len(tokens)


def normalised(x: Array) -> Array:
    """Divide vectors by their root mean square."""
    return x * lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + 1e-5)


def block(parameters: Parameters, x: Array) -> Array:
    """Run a block of a GPT."""
    W_q, W_k, W_v, W_o, W_1, W_2 = parameters
    samples, tokens, channels = x.shape
    n = normalised(x)
    q, k, v = (
        (n @ W.T).reshape(samples, tokens, HEADS, -1).transpose(0, 2, 1, 3) for W in (W_q, W_k, W_v)
    )
    scores = q @ k.swapaxes(-1, -2) / math.sqrt(channels // HEADS)
    seen = jnp.tril(jnp.ones((tokens, tokens), bool))
    attended = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf), axis=-1) @ v
    x = x + attended.transpose(0, 2, 1, 3).reshape(x.shape) @ W_o.T
    return x + relu(normalised(x) @ W_1.T) @ W_2.T


def gpt_block(parameters: Parameters, x: Array, y: Array) -> Array:
    """Run a block of a GPT with a squared error."""
    return jnp.mean((block(parameters, x) - y) ** 2)


def gpt(parameters: Parameters, tokens: Array, y: Array) -> Array:
    """Run a whole GPT of one block on documents of one length."""
    of_token, of_position, W, *rest = parameters
    x = normalised(of_token[tokens] + of_position[: tokens.shape[1]])
    output = block(rest, x)
    return cross_entropy(output.reshape(len(y), -1) @ W.T, y)


def convolved(images: Array, filters: Array, biases: Array) -> Array:
    """Convolve images; the axes: samples, channels, rows, columns."""
    z = lax.conv_general_dilated(images, filters, (1, 1), "VALID")
    return z + biases[:, None, None]


def convolution(parameters: Parameters, images: Array) -> Array:
    """Run one convolution."""
    return jnp.sum(relu(convolved(images[:, None], *parameters)) ** 2) / images.size


def pooled(z: Array) -> Array:
    """Average squares of pixels."""
    samples, channels, rows, columns = z.shape
    return z.reshape(samples, channels, rows // 2, 2, columns // 2, 2).mean(axis=(3, 5))


def lenet(parameters: Parameters, images: Array, y: Array) -> Array:
    """Run LeNet."""
    F, f, G, g, *rest = parameters
    z = pooled(relu(convolved(images[:, None], F, f)))
    z = pooled(relu(convolved(z, G, g)))
    return mlp(rest, z.reshape(len(images), -1), y)


def gru(parameters: Parameters, X: Array, y: Array) -> Array:
    """Run a gated recurrent unit."""
    W_z, U_z, b_z, W_r, U_r, b_r, W_n, U_n, b_n, v = parameters

    def step(h: Array, x: Array) -> tuple[Array, None]:
        z = sigmoid(x @ W_z.T + h @ U_z.T + b_z)
        r = sigmoid(x @ W_r.T + h @ U_r.T + b_r)
        n = jnp.tanh(x @ W_n.T + (r * h) @ U_n.T + b_n)
        return (1.0 - z) * n + z * h, None

    h, _ = lax.scan(step, jnp.zeros((len(X), len(v))), X.swapaxes(0, 1))
    return jnp.mean((h @ v - y) ** 2)


def lstm(parameters: Parameters, X: Array, y: Array) -> Array:
    """Run a long short-term memory."""
    *gates, v = parameters

    def step(state: Any, x: Array) -> tuple[Any, None]:
        h, c = state
        i, f, o, g = (
            x @ W.T + h @ U.T + b
            for W, U, b in zip(gates[::3], gates[1::3], gates[2::3], strict=True)
        )
        c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
        return (sigmoid(o) * jnp.tanh(c), c), None

    zeros = jnp.zeros((len(X), len(v)))
    (h, _), _ = lax.scan(step, (zeros, zeros), X.swapaxes(0, 1))
    return jnp.mean((h @ v - y) ** 2)


def hmm(parameters: Parameters, X: Array) -> Array:
    """Run the forward recursion of a hidden Markov model."""
    transitions, start, means, log_deviations = parameters
    moves = jax.nn.log_softmax(transitions, axis=1)
    scaled = (X.T[:, :, None] - means) * jnp.exp(-log_deviations)
    emissions = -0.5 * scaled**2 - log_deviations

    def step(alpha: Array, emission: Array) -> tuple[Array, None]:
        return jax.nn.logsumexp(alpha[:, :, None] + moves, axis=1) + emission, None

    alpha, _ = lax.scan(step, jax.nn.log_softmax(start) + emissions[0], emissions[1:])
    return -jnp.mean(jax.nn.logsumexp(alpha, axis=1))


def ctc(parameters: Parameters, X: Array, word: Array, may_skip: Array) -> Array:
    """Run the forward recursion of connectionist temporal classification.

    Args:
        parameters: the linear map.
        X: the frames.
        word: its classes, with blanks.
        may_skip: whether each of them may follow the one but one before it.
    """
    (W,) = parameters
    closed = jnp.where(may_skip, 0.0, NEVER)
    emissions = jax.nn.log_softmax(X.swapaxes(0, 1) @ W.T, axis=2)[:, :, word]

    def shifted(alpha: Array, by: int) -> Array:
        return jnp.pad(alpha[:, :-by], ((0, 0), (by, 0)), constant_values=NEVER)

    def step(alpha: Array, emission: Array) -> tuple[Array, None]:
        ways = jnp.stack([alpha, shifted(alpha, 1), shifted(alpha, 2) + closed])
        return jax.nn.logsumexp(ways, axis=0) + emission, None

    first = jnp.where(jnp.arange(len(word)) < 2, emissions[0], NEVER)
    alpha, _ = lax.scan(step, first, emissions[1:])
    return -jnp.mean(jax.nn.logsumexp(alpha[:, -2:], axis=1))


def kalman(parameters: Parameters, X: Array) -> Array:
    """Run a Kalman filter; the covariances are the same for all samples."""
    F, log_motion, log_noise = parameters

    def step(state: Any, z: Array) -> tuple[Any, Array]:
        m, P = state
        m = m @ F.T
        P = F @ P @ F.T + jnp.diag(jnp.exp(log_motion))
        S = P[:2, :2] + jnp.diag(jnp.exp(log_noise))
        gains = jnp.linalg.solve(S.T, P[:, :2].T).T
        error = z - m[:, :2]
        weighted = jnp.linalg.solve(S, error.T).T
        loss = 0.5 * (jnp.sum(error * weighted, axis=1) + jnp.log(jnp.linalg.det(S)))
        return (m + error @ gains.T, P - gains @ P[:2]), loss

    start = jnp.zeros((len(X), 4)), jnp.eye(4)
    _, losses = lax.scan(step, start, X.swapaxes(0, 1))
    return jnp.sum(losses) / len(X)


def gaussian_process(parameters: Parameters, x: Array, y: Array) -> Array:
    """Run a Gaussian process."""
    (logarithms,) = parameters
    length, amplitude, noise = jnp.exp(logarithms)
    kernel = amplitude * jnp.exp(-0.5 * ((x[:, None] - x) / length) ** 2)
    L = jnp.linalg.cholesky(kernel + (noise + JITTER) * jnp.eye(len(x)))
    z = solve_triangular(L, y, lower=True)
    return 0.5 * z @ z + jnp.sum(jnp.log(jnp.diag(L)))


def pinn(parameters: Parameters, X: Array) -> Array:
    """Run a network and its second derivative."""
    w, b, W, c, v = parameters

    def u(x: Array) -> Array:
        return v @ jnp.tanh(W @ jnp.tanh(w * x + b) + c)

    def residual(x: Array) -> Array:
        return jax.grad(jax.grad(u))(x) + math.pi**2 * jnp.sin(math.pi * x)

    return jnp.mean(jax.vmap(residual)(X) ** 2)


def ising_chain(parameters: Parameters, S: Array) -> Array:
    """Run a ring of spins."""
    couplings, fields = parameters
    energies = -(S * jnp.roll(S, -1, axis=1)) @ couplings - S @ fields
    return jnp.mean(jax.nn.softplus(energies))


def ising_lattice(parameters: Parameters) -> Array:
    """Run a torus of spins."""
    (s,) = parameters
    return -jnp.sum(s * (jnp.roll(s, -1, axis=0) + jnp.roll(s, -1, axis=1)))


def bodies(parameters: Parameters, masses: Array) -> Array:
    """Run bodies that attract each other."""
    (places,) = parameters
    i, j = jnp.tril_indices(len(masses), -1)
    distances = jnp.sqrt(jnp.sum((places[i] - places[j]) ** 2, axis=1) + 0.01)
    return -jnp.sum(masses[i] * masses[j] / distances)


def factorisation(parameters: Parameters, R: Array) -> Array:
    """Run the factorisation of a matrix."""
    U, V = parameters
    return jnp.sum((R - U @ V.T) ** 2)


FUNCTIONS: dict[str, Callable[..., Array]] = {
    "gpt_block_16": gpt_block,
    "gpt_block_64": gpt_block,
    "gpt": gpt,
    "lenet": lenet,
    "convolution": convolution,
    "gru": gru,
    "lstm": lstm,
    "hmm": hmm,
    "ctc": ctc,
    "kalman": kalman,
    "gaussian_process": gaussian_process,
    "pinn": pinn,
    "ising_chain": ising_chain,
    "ising_lattice": ising_lattice,
    "bodies": bodies,
    "factorisation": factorisation,
    "mlp_arrays": mlp,
    "mlp_loops": mlp,
    "mlp_1024": mlp,
    "embedding": embedding,
}


def value_and_gradient(name: str, program: Program) -> Callable[[], Any]:
    """Prepare the function without arguments that computes both; its first call compiles."""
    compiled = jax.jit(jax.value_and_grad(FUNCTIONS[name]))
    parameters, data = jax.tree.map(jnp.asarray, program.for_peers())
    return lambda: jax.block_until_ready(compiled(parameters, *data))
