"""A number that remembers how it was made, and the backward pass over such numbers.

Read `graph.py` (the order of a graph), `primitives.py` (the table of operations with their
derivatives), `value.py` (the node) and `backward.py` (the chain rule): that is reverse-mode
differentiation whole. The rest is what is not usual: `modes.py`, `dispatch.py` (other kinds of
numbers), `higher_order.py` (a pass of nodes), `copies.py`, `custom.py` (operations of users),
`functions.py` (`exp` and its kin) and `speed.py`.
"""
