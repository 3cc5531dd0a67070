"""The order of the graph, how often it is walked, how deep it may be, and what a node costs."""

import gc
import importlib
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd
from autograd import Value
from autograd.engine.graph import topological_order

graph_module = importlib.import_module("autograd.engine.graph")


@st.composite
def dags(draw):
    """Lists of parents, as positions of earlier nodes, with multiplicity."""
    graph = []
    for i in range(draw(st.integers(1, 14))):
        size = draw(st.integers(0, min(i, 4)))
        graph.append([draw(st.integers(0, i - 1)) for _ in range(size)])
    return graph


def built(graph, leaf):
    """The graph as nodes: leaves of the given kind, and sums."""
    nodes = []
    for parents in graph:
        nodes.append(autograd.fsum([nodes[i] for i in parents]) if parents else leaf(1.0))
    return nodes


def reachable(graph, roots):
    found, todo = set(), list(roots)
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo.extend(graph[node])
    return found


@given(graph=dags(), data=st.data())
def test_order_has_every_node_once_and_after_its_parents(graph, data):
    roots = data.draw(st.lists(st.integers(0, len(graph) - 1), min_size=1, max_size=3))
    asked = []

    def parents(node):
        asked.append(node)
        return graph[node]

    order = topological_order(roots, parents)
    assert sorted(order) == sorted(reachable(graph, roots))
    place = {node: i for i, node in enumerate(order)}
    assert all(place[parent] < place[node] for node in order for parent in graph[node])
    assert sorted(asked) == sorted(order)  # parents are looked up once per node
    assert topological_order(roots, parents) == order  # and the order is always the same


# --- one sweep --------------------------------------------------------------------------------


class Counted(Value):
    """A leaf that counts how often a gradient is added to it."""

    __slots__ = ("additions", "kept")

    def __init__(self, data):
        self.additions = -1  # the 0 that a new node gets
        super().__init__(data)

    @property
    def grad(self):
        return self.kept

    @grad.setter
    def grad(self, grad):
        self.kept = grad
        self.additions += 1


@given(graph=dags())
def test_backward_visits_each_node_once(graph):
    """One order, which lists each node once; and along each edge into a leaf one addition."""
    nodes = built(graph, Counted)
    orders = []

    def order_once(*arguments):
        orders.append(topological_order(*arguments))
        return orders[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph_module, "topological_order", order_once)
        nodes[-1].backward()
    (order,) = orders
    wanted = reachable(graph, [len(graph) - 1])
    assert len(order) == len(set(order)) == len(wanted)
    assert set(order) == {nodes[i] for i in wanted}
    for i, node in enumerate(nodes):
        if isinstance(node, Counted):
            edges = sum(parents.count(i) for j, parents in enumerate(graph) if j in wanted)
            assert node.additions == edges + (i == len(graph) - 1)


@given(graph=dags())
def test_gradient_counts_the_paths(graph):
    """In a graph of sums the gradient of a node is the number of paths from the root to it."""
    nodes = built(graph, Value)
    nodes[-1].backward()
    paths = [0.0] * len(graph)
    paths[-1] = 1.0
    for i in reversed(range(len(graph))):
        for parent in graph[i]:
            paths[parent] += paths[i]
    assert [node.grad for node in nodes] == paths


# --- depth ------------------------------------------------------------------------------------

DEEP = """
import copy, gc, pickle, sys
from autograd import Value

DEPTH = int(sys.argv[2])  # of which 4 is left when it is divided by 6
assert sys.getrecursionlimit() == 1000

def chain():
    x = Value(0.5, "x")
    y = x
    for _ in range(DEPTH):
        y = -y
    return y, [x], 0.5, [1.0]

def ladder():
    # each node is used by the next two; y_n = y_(n-1) - y_(n-2) has period 6
    a, b = Value(2.0, "a"), Value(3.0, "b")
    leaves = [a, b]
    for _ in range(DEPTH):
        a, b = b, b - a
    return b, leaves, -1.0, [1.0, -1.0]

def last_leaf(root):
    node = root
    for _ in range(DEPTH):
        node = node.parents[0]
    return node

blocks = sys.getallocatedblocks()
root, leaves, data, slopes = locals()[sys.argv[1]]()
name, slope = leaves[-1].name, slopes[-1]
assert root.data == data, root
root.backward()
assert [x.grad for x in leaves] == slopes, leaves

copied = copy.deepcopy(root)
leaf = last_leaf(copied)
assert leaf is not leaves[-1]
assert (copied.data, copied.grad, leaf.name, leaf.grad) == (data, 1.0, name, slope)
del root, leaves  # they are freed, and the copy lives
copied.backward()
assert leaf.grad == 2 * slope
text = pickle.dumps(copied)
del copied, leaf
loaded = pickle.loads(text)
del text
leaf = last_leaf(loaded)
assert (loaded.data, loaded.grad, leaf.name, leaf.grad) == (data, 1.0, name, 2 * slope)
loaded.backward()
assert leaf.grad == 3 * slope
del leaf, loaded
assert sys.getallocatedblocks() < blocks + 20_000, "the graph was not freed"
print("fine")
"""


@pytest.mark.parametrize("shape", ["chain", "ladder"])
def test_a_deep_graph(shape, depth, run_python):
    """Build, differentiate, copy, pickle and free, each without recursion."""
    assert run_python(DEEP, shape, depth) == "fine\n"


def test_a_recorded_pass_is_deep_too():
    x = Value(1.0)
    y = x
    for _ in range(20_000):
        y = y * 1.0
    y.backward(create_graph=True)
    gradient = x.grad_value
    assert gradient.data == 1.0
    gradient.backward()
    del gradient, y
    autograd.zero_grad([x])


def test_a_node_costs_at_most_250_bytes():
    n = 20_000
    x, y = Value(1.5), Value(0.75)
    tracemalloc.start()
    try:
        start, _ = tracemalloc.get_traced_memory()
        z = x
        for _ in range(n):
            z = z * y
        end, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (end - start) / n <= 250
    assert z.op == "*"


def test_a_graph_without_recorded_gradients_is_freed_at_once():
    """No cycles: reference counts suffice, also after a pass."""
    x = Value(1.0)
    gc.collect()
    gc.disable()
    try:
        y = autograd.dot([x, x.tanh()], [x * 3, x], 1.0).exp()
        y.backward()
        assert y.parents[0].parents
        del y
        assert gc.collect() == 0
    finally:
        gc.enable()
