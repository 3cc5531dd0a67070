"""The programs of `benchmarks.structures` in NumPy by hand, value and gradient.

By hand means the whole batch at once, and derivatives that somebody worked out on paper. Each
function takes the parameters and the data, and returns the loss with a gradient per parameter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit, logsumexp

from benchmarks.networks import cross_entropy_by_hand
from benchmarks.scalar_gpt import HEADS
from benchmarks.structure_programs import JITTER

Array = Any
Parameters = Sequence[Array]
Result = tuple[float, list[Array]]


# --- networks -------------------------------------------------------------------------------------


def layers(parameters: Parameters, x: Array, y: Array) -> tuple[float, list[Array], Array]:
    """Run layers with relu and the loss of a softmax; return also the gradient by the input."""
    inputs = [x]
    for W, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        z = inputs[-1] @ W.T
        z += b
        inputs.append(np.maximum(z, 0.0, out=z))
    loss, d = cross_entropy_by_hand(inputs[-1] @ parameters[-2].T + parameters[-1], y)
    gradient: list[Array] = []
    for i, (W, x) in enumerate(zip(parameters[-2::-2], inputs[::-1], strict=True)):
        gradient = [d.T @ x, d.sum(axis=0), *gradient]
        d = d @ W
        if i < len(inputs) - 1:
            d *= x > 0.0
    return loss, gradient, d


def mlp(parameters: Parameters, X: Array, Y: Array) -> Result:
    """Run a network."""
    loss, gradient, _ = layers(parameters, X, Y)
    return loss, gradient


def embedding(parameters: Parameters, tokens: Array, targets: Array) -> Result:
    """Take rows of a table, and add gradients to them sorted by token."""
    (table,) = parameters
    h = np.tanh(table[tokens])
    error = h - targets
    loss = float(np.vdot(error, error)) / len(tokens)
    d = error * (1.0 - h * h) * (2.0 / len(tokens))
    order = np.argsort(tokens, kind="stable")
    sorted_tokens = tokens[order]
    starts = np.flatnonzero(np.diff(sorted_tokens, prepend=-1))
    gradient = np.zeros_like(table)
    gradient[sorted_tokens[starts]] = np.add.reduceat(d[order], starts)
    return loss, [gradient]


# --- attention ------------------------------------------------------------------------------------


def normalised(x: Array) -> tuple[Array, Array]:
    """Divide vectors by their root mean square; return also the factors."""
    scale = 1.0 / np.sqrt(np.einsum("ij,ij->i", x, x)[:, None] / x.shape[1] + 1e-5)
    return x * scale, scale


def through_norm(d: Array, n: Array, scale: Array) -> Array:
    """Take a gradient back through `normalised`, of which `n` and `scale` came."""
    return (d - n * (np.einsum("ij,ij->i", d, n)[:, None] / n.shape[1])) * scale


def attention(q: Array, k: Array, v: Array) -> tuple[Array, Array]:
    """Attend to what is not later; return also the weights. The axes: samples, heads, tokens."""
    scores = q @ k.swapaxes(-1, -2)
    scores *= 1.0 / math.sqrt(q.shape[-1])
    scores += np.triu(np.full(scores.shape[-2:], -np.inf), 1)
    scores -= scores.max(axis=-1, keepdims=True)
    weights = np.exp(scores, out=scores)
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights @ v, weights


def through_attention(
    d: Array, weights: Array, q: Array, k: Array, v: Array
) -> tuple[Array, Array, Array]:
    """Take a gradient back through `attention`."""
    d_weights = d @ v.swapaxes(-1, -2)
    d_weights -= (d_weights * weights).sum(axis=-1, keepdims=True)
    d_scores = d_weights
    d_scores *= weights
    d_scores *= 1.0 / math.sqrt(q.shape[-1])
    return d_scores @ k, d_scores.swapaxes(-1, -2) @ q, weights.swapaxes(-1, -2) @ d


def apart(x: Array, samples: int, heads: int) -> Array:
    """Split rows, one per sample and token, into heads."""
    return x.reshape(samples, -1, heads, x.shape[1] // heads).transpose(0, 2, 1, 3)


def joined(x: Array) -> Array:
    """Undo `apart`."""
    samples, heads, tokens, width = x.shape
    return x.transpose(0, 2, 1, 3).reshape(samples * tokens, heads * width)


def block(parameters: Parameters, x: Array, samples: int) -> tuple[Array, Callable[[Array], Any]]:
    """Run a block of a GPT on rows, one per sample and token.

    Returns:
        The result, and a function that takes its gradient to that by `x` and by the parameters.
    """
    W_q, W_k, W_v, W_o, W_1, W_2 = parameters
    n, scale = normalised(x)
    q, k, v = (apart(n @ W.T, samples, HEADS) for W in (W_q, W_k, W_v))
    attended, weights = attention(q, k, v)
    a = joined(attended)
    middle = x + a @ W_o.T
    m, middle_scale = normalised(middle)
    hidden = m @ W_1.T
    np.maximum(hidden, 0.0, out=hidden)

    def backward(d: Array) -> tuple[Array, list[Array]]:
        d_hidden = (d @ W_2) * (hidden > 0.0)
        d_middle = d + through_norm(d_hidden @ W_1, m, middle_scale)
        d_attended = apart(d_middle @ W_o, samples, HEADS)
        d_qkv = [joined(part) for part in through_attention(d_attended, weights, q, k, v)]
        d_n = d_qkv[0] @ W_q + d_qkv[1] @ W_k + d_qkv[2] @ W_v
        gradient = [*[part.T @ n for part in d_qkv], d_middle.T @ a, d_hidden.T @ m, d.T @ hidden]
        return d_middle + through_norm(d_n, n, scale), gradient

    return middle + hidden @ W_2.T, backward


def gpt_block(parameters: Parameters, X: Array, Y: Array) -> Result:
    """Run a block of a GPT with a squared error."""
    samples, _, channels = X.shape
    output, backward = block(parameters, X.reshape(-1, channels), samples)
    error = output - Y.reshape(-1, channels)
    loss = float(np.vdot(error, error)) / error.size
    return loss, backward(error * (2.0 / error.size))[1]


def gpt(parameters: Parameters, tokens: Array, Y: Array) -> Result:
    """Run a whole GPT of one block on documents of one length."""
    of_token, of_position, W, *rest = parameters
    samples, length = tokens.shape
    x = (of_token[tokens] + of_position[:length]).reshape(samples * length, -1)
    n, scale = normalised(x)
    output, backward = block(rest, n, samples)
    loss, d = cross_entropy_by_hand(output @ W.T, Y)
    d_W = d.T @ output
    d_n, gradient = backward(d @ W)
    d_x = through_norm(d_n, n, scale)
    chosen = (tokens.ravel() == np.arange(len(of_token))[:, None]).astype(float)
    d_position = np.zeros_like(of_position)
    d_position[:length] = d_x.reshape(samples, length, -1).sum(axis=0)
    return loss, [chosen @ d_x, d_position, d_W, *gradient]


# --- convolutions ---------------------------------------------------------------------------------


def windows(images: Array, side: int) -> Array:
    """Copy all windows into rows, one per sample and place.

    Args:
        images: axes of samples, channels, rows and columns.
        side: of the windows.
    """
    samples, channels = images.shape[:2]
    views = np.lib.stride_tricks.sliding_window_view(images, (side, side), axis=(2, 3))
    rows, columns = views.shape[2:4]
    views = views.transpose(0, 2, 3, 1, 4, 5)
    return views.reshape(samples * rows * columns, channels * side * side)


def convolved(images: Array, filters: Array, biases: Array) -> tuple[Array, Array]:
    """Convolve images; return the results, channels last, and the windows."""
    side = filters.shape[-1]
    seen = windows(images, side)
    z = seen @ filters.reshape(len(filters), -1).T
    z += biases
    rows, columns = images.shape[2] - side + 1, images.shape[3] - side + 1
    return z.reshape(len(images), rows, columns, len(filters)), seen


def convolution(parameters: Parameters, images: Array) -> Result:
    """Run one convolution."""
    filters, biases = parameters
    z, seen = convolved(images[:, None], filters, biases)
    np.maximum(z, 0.0, out=z)
    scale = 1.0 / images.size  # the means over the samples and over the pixels
    loss = float(np.vdot(z, z)) * scale
    d = z.reshape(-1, len(filters))
    d *= 2.0 * scale
    return loss, [(d.T @ seen).reshape(filters.shape), d.sum(axis=0)]


def pooled(z: Array) -> Array:
    """Average squares of pixels, channels last."""
    return 0.25 * (z[:, ::2, ::2] + z[:, ::2, 1::2] + z[:, 1::2, ::2] + z[:, 1::2, 1::2])


def through_pool(d: Array) -> Array:
    """Take a gradient back through `pooled`."""
    return np.repeat(np.repeat(0.25 * d, 2, axis=1), 2, axis=2)


def through_convolution(d: Array, filters: Array, seen: Array) -> tuple[Array, Array]:
    """Take a gradient, channels last, back to the filters and biases."""
    rows = d.reshape(-1, len(filters))
    return (rows.T @ seen).reshape(filters.shape), rows.sum(axis=0)


def lenet(parameters: Parameters, images: Array, Y: Array) -> Result:
    """Run LeNet."""
    F, f, G, g, *rest = parameters
    z, seen = convolved(images[:, None], F, f)
    np.maximum(z, 0.0, out=z)
    inner = pooled(z).transpose(0, 3, 1, 2)
    z_2, seen_2 = convolved(inner, G, g)
    np.maximum(z_2, 0.0, out=z_2)
    features = pooled(z_2).transpose(0, 3, 1, 2)
    loss, gradient, d = layers(rest, features.reshape(len(images), -1), Y)
    d = through_pool(d.reshape(features.shape).transpose(0, 2, 3, 1))
    d *= z_2 > 0.0
    second = through_convolution(d, G, seen_2)
    side = G.shape[-1]
    d_inner = np.zeros((len(z), z.shape[1] // 2, z.shape[2] // 2, len(F)))
    d_seen = (d.reshape(-1, len(G)) @ G.reshape(len(G), -1)).reshape(
        *d.shape[:3], len(F), side, side
    )
    for i in range(side):
        for j in range(side):
            d_inner[:, i : i + d.shape[1], j : j + d.shape[2]] += d_seen[..., i, j]
    d = through_pool(d_inner)
    d *= z > 0.0
    return loss, [*through_convolution(d, F, seen), *second, *gradient]


# --- recurrences ----------------------------------------------------------------------------------


def stacked_gates(parameters: Parameters, X: Array) -> tuple[Array, list[Array]]:
    """Compute what the gates get from the inputs, at all steps at once.

    Returns:
        The sums W x + b, axes of steps, gates, samples and neurons, and the matrices U.
    """
    W = np.concatenate(parameters[:-1:3])
    b = np.concatenate(parameters[2:-1:3])
    samples, steps, inputs = X.shape
    z = X.transpose(1, 0, 2).reshape(-1, inputs) @ W.T + b
    gates = len(parameters) // 3
    return z.reshape(steps, samples, gates, -1).transpose(0, 2, 1, 3), list(parameters[1:-1:3])


def gate_gradients(d: Array, X: Array, states: Array, U: Sequence[Array]) -> list[Array]:
    """Return the gradients by W, U and b of each gate.

    Args:
        d: by the gates' sums, axes of steps, gates, samples and neurons.
        X: the inputs.
        states: what each gate multiplies with U: axes of gates, steps, samples and neurons.
        U: the matrices.
    """
    steps, _, samples, hidden = d.shape
    x = X.transpose(1, 0, 2).reshape(steps * samples, -1)
    gradient = []
    for i in range(len(U)):
        own = d[:, i].reshape(-1, hidden)
        gradient += [own.T @ x, own.T @ states[i].reshape(-1, hidden), own.sum(axis=0)]
    return gradient


def gru(parameters: Parameters, X: Array, y: Array) -> Result:
    """Run a gated recurrent unit."""
    sums, (U_z, U_r, U_n) = stacked_gates(parameters, X)
    v = parameters[-1]
    steps, _, samples, hidden = sums.shape
    U_zr = np.concatenate([U_z, U_r])
    states = np.zeros((steps + 1, samples, hidden))
    resets, gates = np.empty((steps, samples, hidden)), np.empty_like(sums)
    for t in range(steps):
        h = states[t]
        both = (h @ U_zr.T).reshape(samples, 2, hidden).transpose(1, 0, 2)
        gates[t, :2] = expit(sums[t, :2] + both)
        z, r = gates[t, :2]
        resets[t] = r * h
        n = gates[t, 2] = np.tanh(sums[t, 2] + resets[t] @ U_n.T)
        states[t + 1] = n + z * (h - n)
    error = states[-1] @ v - y
    loss = float(np.mean(error * error))
    d_output = error * (2.0 / samples)
    d_v = d_output @ states[-1]
    d_h = d_output[:, None] * v
    d = np.empty_like(sums)
    for t in reversed(range(steps)):
        h, (z, r, n) = states[t], gates[t]
        d[t, 2] = d_h * (1.0 - z) * (1.0 - n * n)
        d_reset = d[t, 2] @ U_n
        d[t, 0] = d_h * (h - n) * z * (1.0 - z)
        d[t, 1] = d_reset * h * r * (1.0 - r)
        d_h = d_h * z + d_reset * r + d[t, 0] @ U_z + d[t, 1] @ U_r
    seen = [states[:-1], states[:-1], resets]
    return loss, [*gate_gradients(d, X, seen, (U_z, U_r, U_n)), d_v]


def lstm(parameters: Parameters, X: Array, y: Array) -> Result:
    """Run a long short-term memory."""
    sums, U = stacked_gates(parameters, X)
    v = parameters[-1]
    steps, count, samples, hidden = sums.shape
    U_all = np.concatenate(U)
    states, cells = np.zeros((2, steps + 1, samples, hidden))
    gates, squashed = np.empty_like(sums), np.empty((steps, samples, hidden))
    for t in range(steps):
        z = sums[t] + (states[t] @ U_all.T).reshape(samples, count, hidden).transpose(1, 0, 2)
        gates[t, :3] = expit(z[:3])
        gates[t, 3] = np.tanh(z[3])
        i, f, o, g = gates[t]
        cells[t + 1] = f * cells[t] + i * g
        squashed[t] = np.tanh(cells[t + 1])
        states[t + 1] = o * squashed[t]
    error = states[-1] @ v - y
    loss = float(np.mean(error * error))
    d_output = error * (2.0 / samples)
    d_v = d_output @ states[-1]
    d_h, d_c = d_output[:, None] * v, np.zeros((samples, hidden))
    d = np.empty_like(sums)
    for t in reversed(range(steps)):
        (i, f, o, g), s = gates[t], squashed[t]
        d_c += d_h * o * (1.0 - s * s)
        d[t, 0] = d_c * g * i * (1.0 - i)
        d[t, 1] = d_c * cells[t] * f * (1.0 - f)
        d[t, 2] = d_h * s * o * (1.0 - o)
        d[t, 3] = d_c * i * (1.0 - g * g)
        d_h = d[t].transpose(1, 0, 2).reshape(samples, -1) @ U_all
        d_c *= f
    return loss, [*gate_gradients(d, X, [states[:-1]] * count, U), d_v]


def hmm(parameters: Parameters, X: Array) -> Result:
    """Run the forward and the backward recursion of a hidden Markov model."""
    transitions, start, means, log_deviations = parameters
    samples, steps = X.shape
    moves = transitions - logsumexp(transitions, axis=1, keepdims=True)
    first = start - logsumexp(start)
    deviations = np.exp(-log_deviations)
    scaled = (X.T[:, :, None] - means) * deviations
    emissions = -0.5 * scaled * scaled - log_deviations
    # Scaled probabilities: each alpha adds up to 1, and the loss is made of the scales
    top = emissions.max(axis=2, keepdims=True)
    likely = np.exp(emissions - top)
    P, p = np.exp(moves), np.exp(first)
    alphas, scales = np.empty_like(likely), np.empty((steps, samples, 1))
    alpha: Array = p * likely[0]
    for t in range(steps):
        if t:
            alpha = (alphas[t - 1] @ P) * likely[t]
        scales[t] = alpha.sum(axis=1, keepdims=True)
        alphas[t] = alpha / scales[t]
    loss = -float((np.log(scales) + top).sum()) / samples
    betas = np.ones_like(likely)
    for t in reversed(range(steps - 1)):
        betas[t] = ((likely[t + 1] * betas[t + 1]) @ P.T) / scales[t + 1]
    posterior = alphas * betas
    after = (likely[1:] * betas[1:] / scales[1:]).reshape(-1, len(p))
    pairs = P * (alphas[:-1].reshape(-1, len(p)).T @ after)  # expected numbers of moves
    d_transitions = P * pairs.sum(axis=1, keepdims=True) - pairs
    d_start = p * samples - posterior[0].sum(axis=0)
    d_means = -(posterior * scaled).sum(axis=(0, 1)) * deviations
    d_deviations = (posterior * (1.0 - scaled * scaled)).sum(axis=(0, 1))
    gradient = [d_transitions, d_start, d_means, d_deviations]
    return loss, [part / samples for part in gradient]


# --- all data at once -----------------------------------------------------------------------------


def gaussian_process(parameters: Parameters, x: Array, y: Array) -> Result:
    """Run a Gaussian process: the gradient is the kernel's, weighted with K⁻¹ − ααᵀ."""
    (logarithms,) = parameters
    length, amplitude, noise = np.exp(logarithms)
    squares = ((x[:, None] - x) / length) ** 2
    kernel = amplitude * np.exp(-0.5 * squares)
    K = kernel + (noise + JITTER) * np.eye(len(x))
    factor = cho_factor(K, lower=True)
    alpha = cho_solve(factor, y)
    loss = 0.5 * float(y @ alpha) + float(np.log(np.diag(factor[0])).sum())
    weights = 0.5 * (cho_solve(factor, np.eye(len(x))) - np.outer(alpha, alpha))
    weighted = weights * kernel
    gradient = [np.vdot(weighted, squares), weighted.sum(), noise * np.trace(weights)]
    return loss, [np.array(gradient)]


def ising_chain(parameters: Parameters, S: Array) -> Result:
    """Run a ring of spins."""
    couplings, fields = parameters
    pairs = S * np.roll(S, -1, axis=1)
    energies = -(pairs @ couplings) - S @ fields
    d = -expit(energies) / len(S)
    return float(np.mean(np.logaddexp(0.0, energies))), [d @ pairs, d @ S]


def ising_lattice(parameters: Parameters) -> Result:
    """Run a torus of spins."""
    (s,) = parameters
    after = np.roll(s, -1, axis=0) + np.roll(s, -1, axis=1)
    before = np.roll(s, 1, axis=0) + np.roll(s, 1, axis=1)
    return -float(np.vdot(s, after)), [-after - before]


def bodies(parameters: Parameters, masses: Array) -> Result:
    """Run bodies that attract each other."""
    (places,) = parameters
    differences = places[:, None] - places
    squares = np.einsum("ijk,ijk->ij", differences, differences) + 0.01
    products = np.outer(masses, masses)
    np.fill_diagonal(products, 0.0)
    energies = products / np.sqrt(squares)
    forces = energies / squares
    gradient = forces.sum(axis=1)[:, None] * places - forces @ places
    return -0.5 * float(energies.sum()), [gradient]


def factorisation(parameters: Parameters, R: Array) -> Result:
    """Run the factorisation of a matrix."""
    U, V = parameters
    error = U @ V.T - R
    d = 2.0 * error
    return float(np.vdot(error, error)), [d @ V, d.T @ U]


BY_HAND: dict[str, Callable[..., Result]] = {
    "gpt_block_16": gpt_block,
    "gpt_block_64": gpt_block,
    "gpt": gpt,
    "lenet": lenet,
    "convolution": convolution,
    "gru": gru,
    "lstm": lstm,
    "hmm": hmm,
    "gaussian_process": gaussian_process,
    "ising_chain": ising_chain,
    "ising_lattice": ising_lattice,
    "bodies": bodies,
    "factorisation": factorisation,
    "mlp_arrays": mlp,
    "mlp_loops": mlp,
    "mlp_1024": mlp,
    "embedding": embedding,
}
