"""The programs of `benchmarks.structures`: scalar code of a user, and data for it.

Each is the loss of one sample, or of all data where there is no batch: a function of a list of
arrays, the parameters, and of further data. Nothing in it says how its pieces repeat, and a sum of
products is written as such.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

import autograd as ag
from benchmarks.scalar_gpt import (
    HEADS,
    LETTERS,
    VOCABULARY,
    added,
    drawn_parameters,
    inner,
    linear,
    mean,
    normalised,
    surprises,
    tokens_of,
)

Scalar = Any  # a number of any kind
Vector = Sequence[Scalar]
Matrix = Sequence[Vector]
Array = Any

BLANK = 0  # the class of CTC that stands for no letter
NEVER = -1e30  # the logarithm of a probability of zero, as far as CTC is concerned
JITTER = 1e-6  # what the diagonal of a covariance has more


@dataclass(frozen=True)
class Program:
    """A loss with its data; the value and its gradient are asked for.

    Attributes:
        loss: the scalar code, a function of the parameters and the data.
        parameters: arrays, or nested lists; the peers get arrays.
        data: arrays; their leading axis is the batch, if there is one.
        batched: whether there is one; then the mean over it is asked for.
        given: the data in the form in which the peers want it, if that is another one.
    """

    loss: Callable[..., Scalar]
    parameters: list[Any]
    data: tuple[Array, ...]
    batched: bool = True
    given: tuple[Any, ...] | None = None

    def for_peers(self) -> tuple[list[Array], tuple[Any, ...]]:
        """Return the parameters and the data that the peers get."""
        parameters = [np.asarray(parameter) for parameter in self.parameters]
        return parameters, self.data if self.given is None else self.given

    def compiled(self, backend: str = "numpy") -> Any:
        """Return our compiled function; it is not traced before its first call."""
        if not self.batched:
            return ag.compile(self.loss, backend=backend)
        axes = (None, *[0] * len(self.data))
        return ag.compile(self.loss, in_axes=axes, reduce="mean", backend=backend)


@dataclass(frozen=True)
class Structure:
    """A row of the table.

    Attributes:
        make: makes the program of sizes.
        sizes: those of the table.
        quick: small ones, to try it out.
        limits: how many times the peer's time ours may be, by name of the peer, and under "first"
            and "memory" the seconds and megabytes of the first call.
    """

    make: Callable[..., Program]
    sizes: Mapping[str, Any]
    quick: Mapping[str, Any]
    limits: Mapping[str, float] = field(default_factory=dict)

    def program(self, is_quick: bool = False) -> Program:
        """Make the program."""
        return self.make(**(self.quick if is_quick else self.sizes))


def drawn(rng: np.random.Generator, *shape: int) -> Array:
    """Draw the weights of a layer; the last axis is that of its inputs."""
    return rng.normal(0.0, 1.0 / math.sqrt(shape[-1]), shape)


def classes(rng: np.random.Generator, samples: int, count: int) -> Array:
    """Draw targets: 1 at the class and 0 elsewhere."""
    return np.eye(count)[rng.integers(count, size=samples)]


def affine(W: Matrix, x: Vector, b: Vector) -> list[Scalar]:
    """Multiply a matrix with a vector and add another."""
    return [inner(w, x) + bi for w, bi in zip(W, b, strict=True)]


def squared_distance(a: Vector, b: Vector) -> Scalar:
    """Return the squared distance of two vectors."""
    return sum((ai - bi) ** 2 for ai, bi in zip(a, b, strict=True))


def cross_entropy(z: Vector, y: Vector) -> Scalar:
    """Return the loss of logits, where `y` is 1 at the class and 0 elsewhere."""
    return ag.logsumexp(z) - inner(y, z)


# --- networks -------------------------------------------------------------------------------------


def mlp(layer: Callable[[Any, Any, Any], Any], sizes: tuple[int, ...], samples: int) -> Program:
    """Make a network with the loss of its softmax."""
    rng = np.random.default_rng(0)
    parameters = [array for n, m in pairwise(sizes) for array in (drawn(rng, m, n), np.zeros(m))]

    def loss(parameters: Any, x: Any, y: Any) -> Scalar:
        for W, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
            x = [ag.relu(z) for z in layer(W, x, b)]
        return cross_entropy(layer(parameters[-2], x, parameters[-1]), y)

    data = rng.normal(size=(samples, sizes[0])), classes(rng, samples, sizes[-1])
    return Program(loss, parameters, data)


def in_arrays(W: Any, x: Any, b: Any) -> Any:
    """Compute a layer in the style of NumPy."""
    return W @ np.asarray(x) + b


def mlp_arrays(sizes: tuple[int, ...], samples: int) -> Program:
    """Make a network whose layers are `W @ x + b`."""
    return mlp(in_arrays, sizes, samples)


def mlp_loops(sizes: tuple[int, ...], samples: int) -> Program:
    """Make a network of plain loops, whose parameters are lists, as such code has them."""
    program = mlp(affine, sizes, samples)
    return replace(program, parameters=[array.tolist() for array in program.parameters])


def embedding(words: int, channels: int, samples: int) -> Program:
    """Make the squared error of the row of a table that belongs to a token."""
    rng = np.random.default_rng(0)
    tokens, targets = rng.integers(words, size=samples), rng.normal(size=(samples, channels))

    def loss(parameters: Any, token: Scalar, target: Vector) -> Scalar:
        (table,) = parameters
        return squared_distance([ag.tanh(e) for e in table[token]], target)

    return Program(loss, [rng.normal(size=(words, channels))], (tokens, targets))


# --- attention ------------------------------------------------------------------------------------


def attention(Q: Matrix, K: Matrix, V: Matrix) -> list[list[Scalar]]:
    """Let each position of one head look at itself and at those before."""
    width = len(Q[0])
    result = []
    for t, q in enumerate(Q):
        weights = ag.softmax([inner(q, k) / math.sqrt(width) for k in K[: t + 1]])
        result.append([inner(weights, [v[c] for v in V[: t + 1]]) for c in range(width)])
    return result


def gpt_block(tokens: int, channels: int, samples: int) -> Program:
    """Make a block of a GPT, with the squared error of what comes out of it."""
    rng = np.random.default_rng(0)
    parameters = [drawn(rng, channels, channels) for _ in "QKVO"]
    parameters += [drawn(rng, 4 * channels, channels), drawn(rng, channels, 4 * channels)]
    width = channels // HEADS

    def loss(parameters: Any, X: Matrix, Y: Matrix) -> Scalar:
        W_q, W_k, W_v, W_o, W_1, W_2 = parameters
        N = [normalised(x) for x in X]
        Q, K, V = ([linear(W, n) for n in N] for W in (W_q, W_k, W_v))
        heads = []
        for h in range(HEADS):
            own = slice(h * width, (h + 1) * width)
            heads.append(attention([q[own] for q in Q], [k[own] for k in K], [v[own] for v in V]))
        total = 0.0
        for t, (x, y) in enumerate(zip(X, Y, strict=True)):
            joined = [c for head in heads for c in head[t]]
            x = added(x, linear(W_o, joined))
            hidden = [ag.relu(z) for z in linear(W_1, normalised(x))]
            x = added(x, linear(W_2, hidden))
            total = total + squared_distance(x, y)
        return total / (tokens * channels)

    shape = (samples, tokens, channels)
    return Program(loss, parameters, (rng.normal(size=shape), rng.normal(size=shape)))


def gpt_loss(parameters: Any, tokens: Vector, targets: Vector) -> Scalar:
    """Compute the loss of a document by the scalar GPT."""
    return mean(surprises(ag.softmax, ag.take, parameters, tokens, targets))


def gpt(letters: int, samples: int) -> Program:
    """Make the scalar GPT, a whole model, on documents of one length."""
    rng = random.Random(2)
    tokens = np.array([tokens_of("".join(rng.choices(LETTERS, k=letters))) for _ in range(samples)])
    before, after = tokens[:, :-1], tokens[:, 1:]
    parameters = [np.array(matrix) for matrix in drawn_parameters()]
    return Program(gpt_loss, parameters, (before, after), given=(before, one_hot(after)))


def one_hot(tokens: Array) -> Array:
    """Make rows, one per token, that are 1 at the token and 0 elsewhere."""
    return np.eye(VOCABULARY)[tokens.ravel()]


# --- convolutions ---------------------------------------------------------------------------------


def convolved(images: Sequence[Matrix], filters: Any, biases: Vector) -> list[list[list[Scalar]]]:
    """Slide filters over the channels of an image.

    Args:
        images: the channels.
        filters: for each output channel one matrix per input channel.
        biases: of the output channels.
    """
    side = len(filters[0][0])
    rows, columns = len(images[0]) - side + 1, len(images[0][0]) - side + 1
    result = []
    for kernels, bias in zip(filters, biases, strict=True):
        weights = [w for kernel in kernels for row in kernel for w in row]
        channel = []
        for i in range(rows):
            line = []
            for j in range(columns):
                window = [
                    pixel for image in images for row in image[i : i + side]
                    for pixel in row[j : j + side]
                ]  # fmt: skip
                line.append(inner(weights, window) + bias)
            channel.append(line)
        result.append(channel)
    return result


def rectified(images: Sequence[Matrix]) -> list[list[list[Scalar]]]:
    """Apply relu to every pixel."""
    return [[[ag.relu(pixel) for pixel in row] for row in image] for image in images]


def pooled(images: Sequence[Matrix]) -> list[list[list[Scalar]]]:
    """Average squares of pixels."""
    return [
        [
            [(a[j] + a[j + 1] + b[j] + b[j + 1]) / 4 for j in range(0, len(a), 2)]
            for a, b in zip(image[::2], image[1::2], strict=True)
        ]
        for image in images
    ]


def convolution(side: int, filters: int, samples: int) -> Program:
    """Make one 3×3 convolution of an image with a channel, and a number from it."""
    rng = np.random.default_rng(0)

    def loss(parameters: Any, image: Matrix) -> Scalar:
        pixels = rectified(convolved([image], *parameters))
        return sum(p * p for channel in pixels for row in channel for p in row) / (side * side)

    parameters = [rng.normal(0.0, 0.3, (filters, 1, 3, 3)), rng.normal(0.0, 0.1, filters)]
    return Program(loss, parameters, (rng.normal(size=(samples, side, side)),))


def lenet(side: int, filters: tuple[int, int], dense: tuple[int, int], samples: int) -> Program:
    """Make LeNet: twice a 5×5 convolution, relu and a mean of 2×2 pixels, then three layers."""
    rng = np.random.default_rng(0)
    first, second = filters
    left = ((side - 4) // 2 - 4) // 2
    sizes = (second * left * left, *dense, 10)
    parameters = []
    for shape in [(first, 1, 5, 5), (second, first, 5, 5)]:
        spread = 1.0 / math.sqrt(shape[1] * 25)
        parameters += [rng.normal(0.0, spread, shape), rng.normal(0.0, 0.1, shape[0])]
    for n, m in pairwise(sizes):
        parameters += [drawn(rng, m, n), rng.normal(0.0, 0.1, m)]

    def loss(parameters: Any, image: Matrix, y: Vector) -> Scalar:
        F, f, G, g, *layers = parameters
        channels = pooled(rectified(convolved([image], F, f)))
        channels = pooled(rectified(convolved(channels, G, g)))
        x = [pixel for channel in channels for row in channel for pixel in row]
        for W, b in zip(layers[:-2:2], layers[1:-2:2], strict=True):
            x = [ag.relu(z) for z in affine(W, x, b)]
        return cross_entropy(affine(layers[-2], x, layers[-1]), y)

    return Program(
        loss, parameters, (rng.normal(size=(samples, side, side)), classes(rng, samples, 10))
    )


# --- recurrences ----------------------------------------------------------------------------------


def recurrent_data(
    gates: int, steps: int, inputs: int, hidden: int, samples: int
) -> tuple[list[Array], tuple[Array, Array]]:
    """Draw W, U and b for each gate and the weights of the output; sequences and targets."""
    rng = np.random.default_rng(0)
    parameters: list[Array] = []
    for _ in range(gates):
        parameters += [drawn(rng, hidden, inputs), drawn(rng, hidden, hidden)]
        parameters += [rng.normal(0.0, 0.1, hidden)]
    parameters.append(drawn(rng, hidden))
    return parameters, (rng.normal(size=(samples, steps, inputs)), rng.normal(size=samples))


def gate(activate: Callable[[Scalar], Scalar], weights: Any, x: Vector, h: Vector) -> list[Scalar]:
    """Compute a gate from the input and the state."""
    W, U, b = weights
    return [activate(inner(w, x) + inner(u, h) + bi) for w, u, bi in zip(W, U, b, strict=True)]


def gru(steps: int, inputs: int, hidden: int, samples: int) -> Program:
    """Make a gated recurrent unit with the squared error of a number from its last state."""

    def loss(parameters: Any, sequence: Matrix, y: Scalar) -> Scalar:
        update, reset, candidate = (parameters[i : i + 3] for i in (0, 3, 6))
        h: Vector = [0.0] * hidden
        for x in sequence:
            z = gate(ag.sigmoid, update, x, h)
            r = gate(ag.sigmoid, reset, x, h)
            n = gate(ag.tanh, candidate, x, [ri * hi for ri, hi in zip(r, h, strict=True)])
            h = [(1 - zi) * ni + zi * hi for zi, ni, hi in zip(z, n, h, strict=True)]
        return (inner(parameters[9], h) - y) ** 2

    return Program(loss, *recurrent_data(3, steps, inputs, hidden, samples))


def lstm(steps: int, inputs: int, hidden: int, samples: int) -> Program:
    """Make a long short-term memory with the squared error of a number from its last state."""

    def loss(parameters: Any, sequence: Matrix, y: Scalar) -> Scalar:
        gates = [parameters[i : i + 3] for i in (0, 3, 6, 9)]
        h: Vector = [0.0] * hidden
        c: Vector = [0.0] * hidden
        for x in sequence:
            i, f, o = (gate(ag.sigmoid, weights, x, h) for weights in gates[:3])
            g = gate(ag.tanh, gates[3], x, h)
            c = [fk * ck + ik * gk for fk, ck, ik, gk in zip(f, c, i, g, strict=True)]
            h = [ok * ag.tanh(ck) for ok, ck in zip(o, c, strict=True)]
        return (inner(parameters[12], h) - y) ** 2

    return Program(loss, *recurrent_data(4, steps, inputs, hidden, samples))


# --- dynamic programmes and filters ---------------------------------------------------------------


def hmm(steps: int, states: int, samples: int) -> Program:
    """Make the negative log-likelihood of a hidden Markov model with normal emissions."""
    rng = np.random.default_rng(0)
    parameters = [rng.normal(size=(states, states)), rng.normal(size=states)]
    parameters += [rng.normal(size=states), rng.normal(0.0, 0.2, states)]

    def loss(parameters: Any, observed: Vector) -> Scalar:
        transitions, start, means, log_deviations = parameters
        into = list(zip(*[ag.log_softmax(row) for row in transitions], strict=True))
        alpha = None
        for x in observed:
            if alpha is None:
                alpha = ag.log_softmax(start)
            else:
                alpha = [ag.logsumexp(added(alpha, column)) for column in into]
            alpha = [
                a - 0.5 * ((x - m) * ag.exp(-s)) ** 2 - s
                for a, m, s in zip(alpha, means, log_deviations, strict=True)
            ]
        return -ag.logsumexp(alpha)

    return Program(loss, parameters, (rng.normal(size=(samples, steps)),))


def word_with_blanks(letters: int) -> list[int]:
    """Return the classes of a word of some letters, 1, 2, 2, 1, 2, 2, … with blanks around each."""
    classes = [BLANK]
    for i in range(letters):
        classes += [1 if i % 3 == 0 else 2, BLANK]
    return classes


def ctc(frames: int, letters: int, inputs: int, samples: int) -> Program:
    """Make the loss of connectionist temporal classification, of a linear map of the frames."""
    rng = np.random.default_rng(0)
    word = word_with_blanks(letters)

    def loss(parameters: Any, sound: Matrix) -> Scalar:
        (W,) = parameters
        alpha: Vector = [0.0] + [NEVER] * (len(word) - 1)
        for t, frame in enumerate(sound):
            logits = ag.log_softmax(linear(W, frame))
            following = []
            for s, label in enumerate(word):
                ways = [alpha[s]]
                if s > 0 and (t > 0 or s == 1):
                    ways.append(alpha[s - 1])
                if t > 0 and s > 1 and label not in (BLANK, word[s - 2]):
                    ways.append(alpha[s - 2])
                following.append(ag.logsumexp(ways) + logits[label])
            alpha = following
        return -ag.logsumexp(alpha[-2:])

    sounds = rng.normal(size=(samples, frames, inputs))
    allowed = [s > 1 and label not in (BLANK, word[s - 2]) for s, label in enumerate(word)]
    given = sounds, np.array(word), np.array(allowed)
    return Program(loss, [drawn(rng, 5, inputs)], (sounds,), given=given)


def matrix_product(A: Matrix, B: Matrix) -> list[list[Scalar]]:
    """Multiply two matrices."""
    columns = list(zip(*B, strict=True))
    return [[inner(row, column) for column in columns] for row in A]


def kalman(steps: int, samples: int) -> Program:
    """Make the negative log-likelihood of a track in the plane, by a filter with four states.

    Position and velocity in two directions; the position is observed. The parameters are the matrix
    of the motion and the logarithms of the variances of motion and observation.
    """
    rng = np.random.default_rng(0)
    motion = np.eye(4) + 0.5 * np.eye(4, k=2) + rng.normal(0.0, 0.05, (4, 4))
    parameters = [motion, rng.normal(-1.0, 0.2, 4), rng.normal(-1.0, 0.2, 2)]

    def loss(parameters: Any, track: Matrix) -> Scalar:
        F, log_motion, log_noise = parameters
        m: Vector = [0.0] * 4
        P: Matrix = [[float(i == j) for j in range(4)] for i in range(4)]
        total = 0.0
        for z in track:
            m = linear(F, m)
            P = matrix_product(matrix_product(F, P), list(zip(*F, strict=True)))
            P = [
                [p + ag.exp(log_motion[i]) if i == j else p for j, p in enumerate(row)]
                for i, row in enumerate(P)
            ]
            a, b = P[0][0] + ag.exp(log_noise[0]), P[0][1]
            c, d = P[1][0], P[1][1] + ag.exp(log_noise[1])
            determinant = a * d - b * c
            u, v = z[0] - m[0], z[1] - m[1]
            weighted = [(d * u - b * v) / determinant, (a * v - c * u) / determinant]
            total = total + 0.5 * (u * weighted[0] + v * weighted[1] + ag.log(determinant))
            gains = [
                [(p[0] * d - p[1] * c) / determinant, (p[1] * a - p[0] * b) / determinant]
                for p in P
            ]
            m = [mi + g[0] * u + g[1] * v for mi, g in zip(m, gains, strict=True)]
            P = [
                [P[i][j] - gains[i][0] * P[0][j] - gains[i][1] * P[1][j] for j in range(4)]
                for i in range(4)
            ]
        return total

    return Program(loss, parameters, (rng.normal(size=(samples, steps, 2)).cumsum(axis=1),))


# --- all data at once -----------------------------------------------------------------------------


def gaussian_process(points: int) -> Program:
    """Make the negative log-likelihood of a Gaussian process, by Cholesky's factorisation."""
    rng = np.random.default_rng(0)

    def loss(parameters: Any, x: Vector, y: Vector) -> Scalar:
        (logarithms,) = parameters
        length, amplitude, noise = (ag.exp(logarithm) for logarithm in logarithms)
        n = len(x)
        L: list[list[Scalar]] = []
        for i in range(n):
            row: list[Scalar] = []
            for j in range(i + 1):
                k = amplitude * ag.exp(-0.5 * ((x[i] - x[j]) / length) ** 2)
                if i == j:
                    rest = k + noise + JITTER - inner(row, row)
                    row.append(ag.sqrt(rest))
                else:
                    rest = k - inner(row, L[j][:j])
                    row.append(rest / L[j][j])
            L.append(row)
        z: list[Scalar] = []
        for row, yi in zip(L, y, strict=True):
            z.append((yi - inner(row[:-1], z)) / row[-1])
        return sum(0.5 * zi * zi + ag.log(row[-1]) for row, zi in zip(L, z, strict=True))

    data = np.sort(rng.uniform(0.0, 5.0, points)), rng.normal(size=points)
    return Program(loss, [np.array([-0.3, 0.2, -1.5])], data, batched=False)


def pinn(hidden: int, samples: int) -> Program:
    """Make the residual of u″ + π² sin πx = 0, squared, for a network u with two hidden layers."""
    rng = np.random.default_rng(0)
    parameters = [rng.normal(size=hidden), rng.normal(0.0, 0.1, hidden), drawn(rng, hidden, hidden)]
    parameters += [rng.normal(0.0, 0.1, hidden), drawn(rng, hidden)]

    def loss(parameters: Any, x: Scalar) -> Scalar:
        w, b, W, c, v = parameters

        def u(x: Scalar) -> Scalar:
            h = [ag.tanh(wi * x + bi) for wi, bi in zip(w, b, strict=True)]
            return inner(v, [ag.tanh(z) for z in affine(W, h, c)])

        return (ag.grad(ag.grad(u))(x) + math.pi**2 * ag.sin(math.pi * x)) ** 2

    return Program(loss, parameters, (rng.uniform(size=samples),))


def ising_chain(spins: int, samples: int) -> Program:
    """Make the softplus of the energy of spins in a ring, by its couplings and fields."""
    rng = np.random.default_rng(0)

    def loss(parameters: Any, s: Vector) -> Scalar:
        couplings, fields = parameters
        energy = 0.0
        for i in range(spins):
            energy = energy - couplings[i] * s[i] * s[(i + 1) % spins] - fields[i] * s[i]
        return ag.softplus(energy)

    parameters = [rng.normal(size=spins), rng.normal(size=spins)]
    return Program(loss, parameters, (np.sign(rng.normal(size=(samples, spins))),))


def ising_lattice(side: int) -> Program:
    """Make the energy of soft spins on a torus."""
    rng = np.random.default_rng(0)

    def loss(parameters: Any) -> Scalar:
        (s,) = parameters
        energy = 0.0
        for i in range(side):
            for j in range(side):
                neighbours = s[(i + 1) % side][j] + s[i][(j + 1) % side]
                energy = energy - s[i][j] * neighbours
        return energy

    return Program(loss, [rng.uniform(-1.0, 1.0, (side, side))], (), batched=False)


def bodies(count: int) -> Program:
    """Make the energy of bodies that attract each other."""
    rng = np.random.default_rng(0)

    def loss(parameters: Any, masses: Vector) -> Scalar:
        (places,) = parameters
        energy = 0.0
        for i in range(count):
            for j in range(i):
                distance = ag.sqrt(squared_distance(places[i], places[j]) + 0.01)
                energy = energy - masses[i] * masses[j] / distance
        return energy

    data = (rng.uniform(0.5, 2.0, count),)
    return Program(loss, [rng.normal(size=(count, 3))], data, batched=False)


def factorisation(rows: int, columns: int, rank: int) -> Program:
    """Make the squared error of a matrix as a product of two."""
    rng = np.random.default_rng(0)

    def loss(parameters: Any, R: Matrix) -> Scalar:
        U, V = parameters
        return sum((R[i][j] - inner(U[i], V[j])) ** 2 for i in range(rows) for j in range(columns))

    parameters = [rng.normal(size=(rows, rank)), rng.normal(size=(columns, rank))]
    return Program(loss, parameters, (rng.normal(size=(rows, columns)),), batched=False)


# --- the table ------------------------------------------------------------------------------------

OVER_NUMPY, OVER_JAX, OVER_TORCH = 1.3, 1.5, 1.0  # times the peer's time
NUMPY = {"numpy": OVER_NUMPY}
JAX = {"jax": OVER_JAX}
TORCH = {"torch": OVER_TORCH}
FIRST = {"first": 2.0}  # seconds
LOOPS = {"first": 4.0, "memory": 250.0}  # seconds, megabytes

STRUCTURES: dict[str, Structure] = {
    "gpt_block_16": Structure(
        gpt_block,
        {"tokens": 16, "channels": 16, "samples": 32},
        {"tokens": 3, "channels": 4, "samples": 2},
        NUMPY | JAX | TORCH | FIRST,
    ),
    "gpt_block_64": Structure(
        gpt_block,
        {"tokens": 16, "channels": 64, "samples": 32},
        {"tokens": 2, "channels": 8, "samples": 2},
        NUMPY | JAX | TORCH | FIRST,
    ),
    "gpt": Structure(
        gpt,
        {"letters": 7, "samples": 32},
        {"letters": 1, "samples": 2},
        NUMPY | JAX | TORCH | FIRST,
    ),
    "lenet": Structure(
        lenet,
        {"side": 28, "filters": (6, 16), "dense": (120, 84), "samples": 32},
        {"side": 16, "filters": (1, 2), "dense": (4, 3), "samples": 2},
        NUMPY | JAX | TORCH | FIRST,
    ),
    "convolution": Structure(
        convolution,
        {"side": 28, "filters": 6, "samples": 32},
        {"side": 5, "filters": 2, "samples": 3},
        NUMPY | JAX | FIRST,
    ),
    "gru": Structure(
        gru,
        {"steps": 32, "inputs": 8, "hidden": 16, "samples": 64},
        {"steps": 3, "inputs": 2, "hidden": 3, "samples": 4},
        NUMPY | JAX | FIRST,
    ),
    "lstm": Structure(
        lstm,
        {"steps": 32, "inputs": 8, "hidden": 16, "samples": 64},
        {"steps": 3, "inputs": 2, "hidden": 3, "samples": 4},
        NUMPY | JAX | FIRST,
    ),
    "hmm": Structure(
        hmm,
        {"steps": 50, "states": 5, "samples": 64},
        {"steps": 4, "states": 3, "samples": 3},
        NUMPY | JAX | FIRST,
    ),
    "ctc": Structure(
        ctc,
        {"frames": 24, "letters": 5, "inputs": 8, "samples": 32},
        {"frames": 5, "letters": 3, "inputs": 2, "samples": 2},
        JAX | FIRST,
    ),
    "kalman": Structure(
        kalman, {"steps": 30, "samples": 64}, {"steps": 3, "samples": 3}, JAX | FIRST
    ),
    "gaussian_process": Structure(
        gaussian_process, {"points": 30}, {"points": 4}, NUMPY | JAX | FIRST
    ),
    "pinn": Structure(
        pinn, {"hidden": 32, "samples": 64}, {"hidden": 3, "samples": 3}, JAX | TORCH | FIRST
    ),
    "ising_chain": Structure(
        ising_chain, {"spins": 32, "samples": 64}, {"spins": 4, "samples": 3}, NUMPY | JAX | FIRST
    ),
    "ising_lattice": Structure(ising_lattice, {"side": 32}, {"side": 3}, NUMPY | JAX | FIRST),
    "bodies": Structure(bodies, {"count": 20}, {"count": 4}, NUMPY | JAX | FIRST),
    "factorisation": Structure(
        factorisation,
        {"rows": 30, "columns": 20, "rank": 5},
        {"rows": 4, "columns": 3, "rank": 2},
        NUMPY | JAX | FIRST,
    ),
    "mlp_arrays": Structure(
        mlp_arrays,
        {"sizes": (784, 512, 256, 10), "samples": 128},
        {"sizes": (4, 3, 2), "samples": 3},
        NUMPY | JAX | TORCH | FIRST,
    ),
    "mlp_loops": Structure(
        mlp_loops,
        {"sizes": (784, 512, 256, 10), "samples": 128},
        {"sizes": (4, 3, 2), "samples": 3},
        NUMPY | JAX | TORCH | LOOPS,
    ),
    "mlp_1024": Structure(
        mlp_arrays,
        {"sizes": (1024, 1024, 1024, 10), "samples": 128},
        {"sizes": (5, 5, 5, 3), "samples": 3},
        NUMPY | JAX | TORCH | {"first": 1.0, "memory": 200.0},
    ),
    "embedding": Structure(
        embedding,
        {"words": 1000, "channels": 32, "samples": 64},
        {"words": 6, "channels": 3, "samples": 4},
        {"numpy": 1.5} | JAX | FIRST,
    ),
}
