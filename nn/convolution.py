"""Convolution: neurons that look at one window of an image after the other."""

from __future__ import annotations

import random
from typing import Any, final

from nn.init import Initialiser
from nn.layers import Activation, Layer, count
from nn.mistakes import renamed
from nn.module import Module


@final
class Conv2d(Module):
    """Filters that slide over an image, each a neuron that looks at a square window of it.

    Of an image of H × W pixels each filter makes another, of ⌊(H + 2·padding - size)/stride⌋ + 1
    rows, and columns likewise. Filters are not flipped.

    Args:
        n_in: the number of channels of the image, such as 3 for colours.
        n_out: the number of filters, so of channels of the result.
        size: the number of rows, and of columns, of the window.
        stride: how far the window moves at a time.
        padding: how many zeros are put around the image on every side.
        activation, init, seed: as of a `Layer`, but softmax is not possible.

    Attributes:
        filters: the neurons, a layer; the weights of each go channel by channel and row by row.

    Raises:
        ValueError: a size is below 1, or the padding below 0.

    >>> edges = Conv2d(1, 1, 2, init=lambda n_in, n_out, *, rng: [-1.0, 1.0, -1.0, 1.0])
    >>> ((row,),) = edges([[[0.0, 0.0, 3.0], [0.0, 0.0, 3.0]]])
    >>> [y.data for y in row]
    [0.0, 6.0]
    """

    filters: Layer
    saved = ("n_in", "n_out", "size", "stride", "padding", "activation")

    @renamed(kernel_size="size")
    def __init__(
        self,
        n_in: int,
        n_out: int,
        size: int,
        *,
        stride: int = 1,
        padding: int = 0,
        activation: str | Activation = "linear",
        init: str | Initialiser | None = None,
        seed: int | random.Random | None = None,
    ) -> None:
        self.n_in, self.n_out = count("n_in", n_in), count("n_out", n_out)
        self.size = count("size", size)
        self.stride = count("stride", stride)
        self.padding = count("padding + 1", padding + 1) - 1
        if activation == "softmax":
            raise ValueError("softmax acts on a whole layer, and filters are none")
        inputs = self.n_in * self.size * self.size
        self.filters = Layer(inputs, self.n_out, activation, init=init, seed=seed)
        self.name_parameters()

    @property
    def activation(self) -> str | Activation:
        """The activation, as of a `Layer`."""
        return self.filters.activation

    def __call__(self, x: Any) -> list[list[list[Any]]]:
        """Return an image with a channel for each filter.

        Args:
            x: an image: for each of the `n_in` channels a list of rows, of numbers or Values.

        Raises:
            ValueError: there are other channels, they differ in shape, or the window is larger.
            TypeError: it is no list of channels.
        """
        try:
            channels = [self._padded([list(row) for row in channel]) for channel in x]
        except TypeError:
            message = f"{self!r} takes a list of channels, lists of rows: of a grey image [image]"
            raise TypeError(message) from None
        shapes = {(len(c), len(row)) for c in channels for row in c}
        if len(channels) != self.n_in or len(shapes) != 1:
            raise ValueError(
                f"{self!r} takes {self.n_in} channel{'s' if self.n_in > 1 else ''}, lists of rows "
                f"of one shape, not {len(channels)} with the shapes {sorted(shapes)}"
            )
        ((height, width),) = shapes
        if min(height, width) < self.size:
            raise ValueError(f"{self!r} takes images of at least its size, not {height} × {width}")
        tops, lefts = [range(0, n - self.size + 1, self.stride) for n in (height, width)]
        pixels = [
            [
                self.filters.vector(
                    [
                        pixel
                        for channel in channels
                        for row in channel[top : top + self.size]
                        for pixel in row[left : left + self.size]
                    ]
                )
                for left in lefts
            ]
            for top in tops
        ]
        return [[[pixel[i] for pixel in row] for row in pixels] for i in range(self.n_out)]

    def _padded(self, rows: list[list[Any]]) -> list[list[Any]]:
        """Put zeros around a channel."""
        n = self.padding
        sides = [[*[0.0] * n, *row, *[0.0] * n] for row in rows]
        edge = [[0.0] * len(sides[0]) for _ in range(n)] if sides else []
        return [*edge, *sides, *edge]

    def example(self) -> Any:
        """Return an image of the size of the window."""
        return [[[1.0] * self.size for _ in range(self.size)] for _ in range(self.n_in)]

    def _summary_shape(self) -> str:
        return f"{self.n_in}·{self.size}² → {self.n_out}"
