"""What is wrong with a gradient, and which nodes are to blame: `why`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from math import inf, isfinite, isinf, log10, nan, prod
from textwrap import wrap

from autograd.engine import Value, edges_of, gradient_order, nodes_of, topological_order
from autograd.explanations.causes import (
    Finding,
    advice,
    bad_edge,
    described,
    has_finite_operands,
    sources,
    strong_edge,
    weak_edge,
)
from autograd.explanations.region import Region
from autograd.notation import TEXT, Names

SMALL, LARGE = 1e-6, 1e6  # gradients beyond these are called vanishing and exploding
CANCELLED = 1e-8  # a sum this small, compared with its terms, has lost most of its digits
MAX_FINDINGS = 5  # of each cause, in the text


def why(root: Value, wrt: Value) -> Diagnosis:
    """Say why ∂root/∂wrt is zero, nan, infinite, vanishing or exploding; or that nothing is wrong.

    Blamed are, with their numbers, the nodes at which the gradient is lost or spoilt: a dead ReLU,
    a saturated activation, a domain's edge, a branch not taken, a factor of 0, contributions that
    cancel; or the way from `wrt` to `root` is not there. If the graph was built under
    `detect_anomaly`, the lines of code are named too.

    Args:
        root: the result that is differentiated.
        wrt: the node to differentiate with respect to.

    Returns:
        The diagnosis; print it, or look at `cause` and `findings`.

    Raises:
        TypeError: `root` or `wrt` is not a Value.

    >>> from autograd import dot, relu
    >>> w, x = Value(-3.0, "w"), Value(2.0, "x")
    >>> z = dot([w], [x], 1.0)
    >>> z.name = "z"
    >>> L = relu(z) * 5
    >>> L.name = "L"
    >>> print(why(L, w))
    ∂L/∂w = 0: the gradient is zero.
    Cause: dead relu
      z₁ = ReLU(z) = 0, z = -5: at -5 its slope is 0
    What helps: scale the inputs, lower the learning rate or draw other weights, so that it becomes
    active; or take leaky_relu, elu or gelu; as a hinge loss, it cannot get smaller.
    >>> why(L, w).cause
    'dead relu'
    """
    region = Region(root, wrt)
    names = Names(region.computed or [wrt, root])
    if not region.order:
        return Diagnosis(region, names, "zero", _unconnected(region, names))
    gradient = region.gradient
    if not isfinite(gradient):
        verdict = "infinite" if isinf(gradient) else "nan"
        return Diagnosis(region, names, verdict, _spoilt(region, names))
    if gradient == 0.0:
        return Diagnosis(region, names, "zero", _lost(region, names))
    cancelled = _cancelled(region, names)
    if cancelled:
        return Diagnosis(region, names, "cancelled", cancelled)
    if abs(gradient) < SMALL:
        weak = sorted(_strongest_path(region, wrt), key=lambda step: abs(step[2]))
        findings = [weak_edge(*step, names) for step in weak if abs(step[2]) < 1.0]
        return Diagnosis(region, names, "vanishing", findings)
    if abs(gradient) > LARGE:
        strong = sorted(_strongest_path(region, wrt), key=lambda step: -abs(step[2]))
        findings = [strong_edge(*step, names) for step in strong if abs(step[2]) > 1.0]
        return Diagnosis(region, names, "exploding", findings)
    return Diagnosis(region, names, "healthy", [])


_VERDICTS = {
    "zero": "the gradient is zero",
    "nan": "the gradient is not a number",
    "infinite": "the gradient is infinite",
    "vanishing": "the gradient is vanishing",
    "exploding": "the gradient is exploding",
    "cancelled": "the gradient is what is left of contributions that cancel",
    "healthy": "nothing is wrong, the gradient is neither 0 nor nan, nor very small or large",
}


class Diagnosis:
    """What is wrong with a gradient. It is printed as text.

    Attributes:
        value: the gradient, equal to that of `backward()` to the last bit.
        verdict: "zero", "nan", "infinite", "vanishing", "exploding", "cancelled" or "healthy".
        cause: the main cause, such as "dead relu", "saturated sigmoid", "domain edge", "not
            connected" or "zero factor"; None if nothing is wrong.
        findings: the nodes to blame, those of the main cause first.

    >>> x = Value(3.0, "x")
    >>> why(x * x, x)
    ∂z₁/∂x = 6: nothing is wrong, the gradient is neither 0 nor nan, nor very small or large.
    """

    def __init__(self, region: Region, names: Names, verdict: str, findings: list[Finding]) -> None:
        self.value = region.gradient
        self.verdict = verdict
        causes: dict[str, list[Finding]] = {}
        for finding in findings:
            causes.setdefault(finding.cause, []).append(finding)
        weight = _orders if verdict in ("vanishing", "exploding") else len
        self._causes = sorted(causes.values(), key=weight, reverse=True)
        self.cause = self._causes[0][0].cause if findings else None
        self.findings = [finding for group in self._causes for finding in group]
        self._head = (
            f"{TEXT.partial(region.root, region.wrt, names)} = {TEXT.number(self.value)}: "
            f"{_VERDICTS[verdict]}."
        )

    def __str__(self) -> str:
        lines = [self._head]
        for what, title, findings, help_ in self._parts():
            lines += [f"{what}: {title}", *[f"  {line}" for line in findings]]
            lines += wrap(f"What helps: {help_}.", width=100, break_long_words=False)
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        """Give Jupyter the text, with the findings as lists."""
        lines = [f"**{_plain(self._head)}**"]
        for what, title, findings, help_ in self._parts():
            lines += ["", f"{what}: **{_plain(title)}**", ""]
            lines += [f"- {_plain(line)}" for line in findings]
            lines += ["", f"What helps: {_plain(help_)}."]
        return "\n".join(lines)

    def _parts(self) -> Iterator[tuple[str, str, list[str], str]]:
        """Write what there is to say about each cause: a title, the nodes, and what helps."""
        for i, group in enumerate(self._causes):
            what = "Also" if i else "Cause"
            cause = title = group[0].cause
            if len(group) > 1:
                title += f", at {len(group)} nodes"
            if self.verdict in ("vanishing", "exploding"):
                factor = prod([finding.factor for finding in group])
                title += f", a factor of {TEXT.number(factor)} on the strongest path"
            lines = [_with_place(finding) for finding in group[:MAX_FINDINGS]]
            if len(group) > MAX_FINDINGS:
                lines.append(f"… {len(group) - MAX_FINDINGS} more")
            is_log = all((finding.node.op or "").startswith("log") for finding in group)
            yield what, title, lines, advice(f"{cause} of log" if is_log else cause)


def _with_place(finding: Finding) -> str:
    """Write a finding, with the neuron and the line of code if they are known."""
    place = f", in {finding.place}" if finding.place else ""
    site = f", made at {finding.site}" if finding.site else ""
    return finding.text + place + site


def _plain(text: str) -> str:
    """Escape what has a meaning in Markdown or HTML."""
    return re.sub(r"([\\`*_{}\[\]<>#+!|$~&])", r"\\\1", text)


def _orders(findings: list[Finding]) -> float:
    """Return by how many orders of magnitude nodes change a gradient together."""
    return abs(sum([log10(abs(finding.factor)) for finding in findings]))


# --- where a gradient is lost or spoilt ----------------------------------------------------------


def _unconnected(region: Region, names: Names) -> list[Finding]:
    """Say why the result does not depend on the node."""
    root, wrt = region.root, region.wrt
    everything = topological_order((root,), nodes_of)
    if wrt in everything:
        return _not_taken(everything, region, names)
    of, by = names.text(root), names.text(wrt)
    if root in topological_order((wrt,), nodes_of):
        text = f"{by} is computed from {of}, and not the other way round: exchange the two"
    elif not root.op:
        text = f"{of} is a leaf, with no record of how it was computed"
    else:
        leaves = [x for x in everything if not x.op]
        shown = [f"{x.name} = {x.data:.4g}" if x.name else f"{x.data:.4g}" for x in leaves[:4]]
        text = (
            f"the computation of {of} does not lead back to {by}: it starts from "
            f"{', '.join(shown) or 'numbers'}{', …' if len(leaves) > 4 else ''}"
        )
        if any(x.name == wrt.name is not None for x in leaves):
            text += f"; there {names.text(wrt)} is another Value of that name, such as a copy"
    return [Finding("not connected", root, text, 0.0)]


def _not_taken(everything: list[Value], region: Region, names: Names) -> list[Finding]:
    """Say which choices of `where` cut all ways from the node to the result."""
    below = {region.wrt}
    for node in everything:
        if not below.isdisjoint(nodes_of(node)):
            below.add(node)
    findings = []
    for node in gradient_order(region.root)[::-1]:
        edges = set(edges_of(node))
        for parent in dict.fromkeys(nodes_of(node)):
            if parent in below and parent not in edges:
                text = f"{described(node, names)}: it took the other branch"
                findings.append(Finding("branch not taken", node, text, 0.0))
    return findings


def _lost(region: Region, names: Names) -> list[Finding]:
    """Find where a gradient becomes 0: the first such places on all ways from the node upward."""
    gradients, findings, underflows = region.gradients, [], []
    below = {region.wrt}  # the nodes from which only nodes without gradient lead to `wrt`
    for node in region.order:
        if node not in below:
            continue
        terms = [gradients[user] * local for user, local in region.uses[node]]
        if any(terms):
            findings.append(_cancellation(node, terms, names))
            continue
        for user, local in region.uses[node]:
            if gradients[user] == 0.0:
                below.add(user)
            elif local == 0.0:
                findings.append(weak_edge(user, node, local, names))
            else:
                underflows.append(node)
    if underflows:
        path = _strongest_path(region, underflows[0])
        worst = min(path, key=lambda step: abs(step[2]))
        findings.append(replace(weak_edge(*worst, names), cause="underflow"))
    return findings


def _spoilt(region: Region, names: Names) -> list[Finding]:
    """Find where a gradient ceases to be finite, seen from the result."""
    gradients, findings, spoilt = region.gradients, [], []
    for node in reversed(region.order):
        uses = region.uses[node]
        terms = [gradients[user] * local for user, local in uses]
        if not isfinite(gradients[node]) and all(map(isfinite, terms)):
            text = f"{described(node, names)}: the sum of its {len(uses)} contributions overflows"
            findings.append(Finding("overflow", node, text, nan))
        for (user, local), term in zip(uses, terms, strict=True):
            if isfinite(gradients[user]) and not isfinite(term):
                if has_finite_operands(user) or isfinite(local):
                    findings.append(bad_edge(user, node, local, gradients[user], names))
                else:
                    spoilt.append(user)
    told = {finding.node for finding in findings}
    return [*[source for source in sources(spoilt, names) if source.node not in told], *findings]


def _cancelled(region: Region, names: Names) -> list[Finding]:
    """Find where contributions cancel, if that is why the gradient is small."""
    sizes: dict[Value, float] = {}
    shares: dict[Value, float] = {}
    for node in reversed(region.order):
        uses = region.uses[node]
        sizes[node] = sum([sizes[user] * abs(local) for user, local in uses]) if uses else 1.0
        terms = sum([abs(region.gradients[user] * local) for user, local in uses])
        if terms:
            shares[node] = abs(region.gradients[node]) / terms
    if not 0.0 < abs(region.gradient) < CANCELLED * sizes[region.wrt] < inf:
        return []
    worst = sorted(shares, key=shares.__getitem__)[:MAX_FINDINGS]
    return [
        _cancellation(node, [region.gradients[u] * d for u, d in region.uses[node]], names)
        for node in worst
        if shares[node] <= max(1e-3, shares[worst[0]])
    ]


def _cancellation(node: Value, terms: list[float], names: Names) -> Finding:
    """Say that contributions to the gradient of a node cancel."""
    largest = sorted(terms, key=abs, reverse=True)[:4]
    shown = [TEXT.number(x) for x in largest] + ["…"] * (len(terms) > len(largest))
    text = f"{described(node, names)}: its {len(terms)} contributions {', '.join(shown)} cancel"
    return Finding("cancelled", node, text, 0.0)


def _strongest_path(region: Region, start: Value) -> list[tuple[Value, Value, float]]:
    """Find the path with the largest product, as (user, node, local derivative), from `start` up.

    Logarithms are added up, as products may be too large or too small for a float.
    """
    sizes = {region.root: 0.0}
    steps: dict[Value, tuple[Value, float]] = {}
    for node in reversed(region.order):
        for user, local in region.uses[node]:
            if user in sizes and local != 0.0:
                size = sizes[user] + log10(abs(local))
                if node not in sizes or size > sizes[node]:
                    sizes[node], steps[node] = size, (user, local)
    path = []
    node = start
    while node in steps:
        user, local = steps[node]
        path.append((user, node, local))
        node = user
    return path
