"""What a trained network looks like inside.

`units.py` finds units that do not work, `statistics.py` measures the gradients of each layer.
"""

from nn.inspection.statistics import GradientStatistics, gradient_statistics
from nn.inspection.units import dead_units, saturation, sparsity

__all__ = ["GradientStatistics", "dead_units", "gradient_statistics", "saturation", "sparsity"]
