"""Pictures of graphs, models and compiled functions: `draw`.

Read `drawing.py` first. It draws a graph node by node (`nodes.py`), or in large, with the boxes of
`group_boxes.py` for what `groups.py` and `membership.py` put together; a model by `model.py`, a
compiled function by `program.py`, and text by `outlines.py`. All of them write Graphviz's language
by `boxes.py` and `colours.py`; `render.py` makes files of it, of the shapes that
`shapes.py` reads, PDF by `paint.py` and LaTeX by `tikz.py`.
"""

from autograd.pictures.drawing import Drawing, draw
from autograd.pictures.group_boxes import frames_of
from autograd.pictures.nodes import graph_source
from autograd.pictures.render import set_layout

__all__ = ["Drawing", "colours", "draw", "frames_of", "graph_source", "nodes", "paint", "render"]
__all__ += ["set_layout", "shapes"]
