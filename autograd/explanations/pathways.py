"""The paths of the chain rule, counted and listed, and what one sweep saves: `paths`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import log10, prod

from autograd import notation
from autograd.engine import Value, edges_of, gradient_order
from autograd.explanations.region import Region
from autograd.notation import TEXT, Cut, Names

MAX_LISTED = 10  # of the paths, in the table
MAX_SHOWN = 7  # of the nodes of a path
_PER_SECOND = 1e9  # multiplications that a fast machine does


def paths(root: Value, wrt: Value) -> Paths:
    """Count and list the paths from `wrt` to `root`, over whose products ∂root/∂wrt is the sum.

    The number of paths may grow exponentially with the size of the graph. It is computed exactly,
    in one sweep, as the gradient is; paths are only made when asked for, one at a time. An operand
    that occurs twice, as in a × a, gives two paths.

    Args:
        root: the result that is differentiated.
        wrt: the node to differentiate with respect to.

    Returns:
        The paths. They are printed as a table, and can be iterated over.

    Raises:
        TypeError: `root` or `wrt` is not a Value.

    >>> a = Value(3.0, "a")
    >>> b = a * a
    >>> c = b + a
    >>> b.name, c.name = "b", "c"
    >>> print(paths(c, a))
    3 paths lead from a to c, and ∂c/∂a is the sum of their products.
    path       product of local derivatives
    a → b → c  1 · 3 = 3
    a → b → c  1 · 3 = 3
    a → c      1
    sum        7
    <BLANKLINE>
                                       multiplications
    path by path, ∂c/∂a                              2
    path by path, for all leaves                     2
    one sweep backward, for all nodes                4
    >>> for _ in range(1000):
    ...     c = c * c + a
    >>> paths(c, a).count > 2**1000
    True
    """
    return Paths(Region(root, wrt))


@dataclass(frozen=True)
class Path:
    """One way from a node to a result.

    Attributes:
        nodes: the nodes on it, the result last.
        local_derivatives: ∂nodes[i + 1]/∂nodes[i], one fewer.
    """

    nodes: tuple[Value, ...]
    local_derivatives: tuple[float, ...]

    @property
    def product(self) -> float:
        """The product of the local derivatives, from the result back, as the sweep takes it.

        >>> a = Value(3.0)
        >>> [path.product for path in paths(a * 2 * a, a)]
        [6.0, 6.0]
        """
        return prod(self.local_derivatives[::-1], start=1.0)


class Paths:
    """The paths from a node to a result; iterating gives each as a `Path`, made when asked for.

    Attributes:
        count: how many there are, exactly.
        value: the sum of their products, ∂root/∂wrt, computed in one sweep.
        multiplications: how many it takes to compute it path by path.
        edges: how many edges one sweep of the whole graph passes, with one multiplication each;
            that gives the derivatives with respect to all nodes.

    >>> a = Value(3.0, "a")
    >>> ways = paths(a * a, a)
    >>> ways.count, ways.value, ways.multiplications, ways.edges
    (2, 6.0, 0, 2)
    >>> [path.local_derivatives for path in ways]
    [(3.0,), (3.0,)]
    """

    def __init__(self, region: Region) -> None:
        self._region = region
        self.value = region.gradient
        self._order = gradient_order(region.root)
        self.edges = sum([len(edges_of(node)) for node in self._order])
        self.count, self.multiplications, self._for_all_leaves = self._counted()

    def _counted(self) -> tuple[int, int, int]:
        """Count paths, the multiplications along them, and those along paths to all leaves."""
        # of paths from the root to a node: their number, and the number of edges on them in all
        open_ends = {self._region.root: (1, 0)}
        count = multiplications = for_all_leaves = 0
        for node in reversed(self._order):
            paths, edges = open_ends.pop(node)
            parents = edges_of(node)
            for parent in parents:
                before = open_ends.get(parent, (0, 0))
                open_ends[parent] = (before[0] + paths, before[1] + edges + paths)
            products = max(0, edges - paths)  # a path of n edges takes n - 1 multiplications
            if not parents:
                for_all_leaves += products
            if node is self._region.wrt:
                count, multiplications = paths, products
        return count, multiplications, for_all_leaves

    def __iter__(self) -> Iterator[Path]:
        """Go through the paths, depth first: the next one is found without looking at others."""
        region = self._region
        if not region.order:
            return
        nodes, locals_ = [region.wrt], list[float]()
        choices = [reversed(region.uses[region.wrt])]
        while choices:
            if nodes[-1] is region.root:
                yield Path(tuple(nodes), tuple(locals_))
                step = None
            else:
                step = next(choices[-1], None)
            if step is not None:
                nodes.append(step[0])
                locals_.append(step[1])
                choices.append(reversed(region.uses[step[0]]))
            else:
                choices.pop()
                nodes.pop()
                if locals_:
                    locals_.pop()

    def __str__(self) -> str:
        region = self._region
        names = Names(region.computed or [region.wrt, region.root])
        root, wrt = names.text(region.root), names.text(region.wrt)
        if not self.count:
            return f"No path leads from {wrt} to {root}, so ∂{root}/∂{wrt} is 0."
        if region.root is region.wrt:
            return f"{root} is the result itself, so ∂{root}/∂{root} is 1."
        head = f"1 path leads from {wrt} to {root}, and its product is ∂{root}/∂{wrt}."
        if self.count > 1:
            head = (
                f"{_written(self.count)} paths lead from {wrt} to {root}, and ∂{root}/∂{wrt} is "
                "the sum of their products."
            )
        rows = [("path", "product of local derivatives")]
        for path in islice(self, MAX_LISTED):
            way = Cut(path.nodes, MAX_SHOWN).joined(" → ", names.text, TEXT.gap)
            rows.append((way, _product(path)))
        if self.count > MAX_LISTED:
            rows.append((f"… {_written(self.count - MAX_LISTED)} more", "…"))
        rows.append(("sum", TEXT.number(self.value)))
        costs = [
            ("", "multiplications"),
            (f"path by path, ∂{root}/∂{wrt}", _written(self.multiplications)),
            ("path by path, for all leaves", _written(self._for_all_leaves)),
            ("one sweep backward, for all nodes", _written(self.edges)),
        ]
        lines = [head, notation.aligned(rows, range(2)), "", notation.aligned(costs)]
        seconds = log10(max(self.multiplications, 1)) - log10(_PER_SECOND)
        if (years := seconds - log10(365.25 * 86400)) > 0.0:
            lines.append(
                f"At 10⁹ multiplications a second, path by path takes {_power(years)} years."
            )
        return "\n".join(lines)

    __repr__ = __str__


def _product(path: Path) -> str:
    """Write the local derivatives, from the result back, and their product."""
    factors = path.local_derivatives[::-1]
    result = TEXT.number(path.product)
    if len(factors) == 1:
        return result
    return f"{Cut(factors, MAX_SHOWN).joined(' · ', TEXT.factor, TEXT.gap)} = {result}"


def _written(n: int) -> str:
    """Write a whole number, which may have more digits than a float has room for."""
    return f"{n:,}" if n < 10**9 else _power(log10(n))


def _power(exponent: float) -> str:
    """Write 10 to a power."""
    whole = int(exponent)
    mantissa = f"{10 ** (exponent - whole):.4g}"
    return f"1e+{whole + 1}" if mantissa == "10" else f"{mantissa}e+{whole}"
