"""What a lecturer projects and hands out.

`animation.py` makes a page that plays both passes, `movie.py` a film of it; `sliders.py` a graph
with a slider for each leaf; `worksheets.py` graphs to work through with pen, and `paper.py` the
paper.
"""

from autograd.classroom.animation import animate
from autograd.classroom.sliders import interactive

__all__ = ["animate", "interactive", "worksheets"]
