"""A scalar reverse-mode autodiff engine that shows what it does.

The node: `Value`; `no_grad`, `zero_grad`, `detect_anomaly`.
Functions, of floats, Values and arrays: `exp`, `tanh`, `relu`, `dot`, `where` and their kin.
Derivatives of any order: `grad`, `value_and_grad`, `jacobian`, `hessian`, `hvp`, `jvp`, `vjp`;
`check_grads` compares them with finite differences, and `primitive` adds an operation.
Array code from scalar code: `compile`.
Pictures: `draw`, and `animate` and `interactive`, which move.
Explanations: `forward_steps`, `backward_steps`, `explain`, `paths`, `why`.

>>> from autograd import Value
>>> x = Value(2.0, name="x")
>>> y = x * x + 1
>>> y.backward()
>>> x.grad
4.0
"""

from os.path import exists as _exists
from typing import TYPE_CHECKING, Any

import autograd.engine.functions as _functions
from autograd.engine import Value, detect_anomaly, no_grad, zero_grad
from autograd.engine.functions import *  # noqa: F403
from autograd.engine.functions import abs as abs
from autograd.engine.functions import pow as pow
from autograd.errors import AnomalyError, GradientError, MistakeWarning, TraceError

if TYPE_CHECKING:
    from autograd.classroom import animate, interactive
    from autograd.compiler import compile as compile
    from autograd.engine.custom import primitive
    from autograd.explanations import backward_steps, explain, forward_steps, paths, why
    from autograd.pictures import draw
    from autograd.transforms import (
        check_grads,
        grad,
        hessian,
        hvp,
        jacobian,
        jvp,
        value_and_grad,
        vjp,
    )

__version__ = "0.1.0"

# HIPS autograd has the same import name, and is in the environment of Colab: installed over each
# other, the two are mixed in one folder, and removing either breaks the other.
if _exists(__file__.removesuffix("__init__.py") + "numpy"):
    import warnings

    warnings.warn(
        "chainrule is installed over HIPS autograd, which has the same import name: run "
        "`pip uninstall autograd chainrule`, and then install chainrule again",
        RuntimeWarning,
        stacklevel=2,
    )

# What stands on the core is loaded when first used, so that `import autograd` stays quick.
_LATER = {
    name: room
    for room, names in {
        "classroom": "animate interactive",
        "compiler": "compile",
        "engine.custom": "primitive",
        "explanations": "backward_steps explain forward_steps paths why",
        "pictures": "draw",
        "transforms": "check_grads grad hessian hvp jacobian jvp value_and_grad vjp",
    }.items()
    for name in names.split()
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        meant = f"; did you mean autograd.{_ELSEWHERE[name]}?" if name in _ELSEWHERE else ""
        raise AttributeError(f"module 'autograd' has no attribute {name!r}{meant}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f"autograd.{_LATER[name]}"), name)
    return value


# What others call by another name.
_ELSEWHERE = {"jit": "compile", "vmap": "compile(…, in_axes=…)", "jacrev": "jacobian"}
_ELSEWHERE |= {"jacfwd": "jacobian", "Tensor": "Value", "tensor": "Value", "Variable": "Value"}
_ELSEWHERE |= {"ln": "log", "sum": "fsum", "matmul": "dot", "max": "maximum", "min": "minimum"}
_ELSEWHERE |= {"Function": "primitive"}


def __dir__() -> list[str]:
    return sorted([*[name for name in globals() if name[:2] == "__"], *_HIDING, *__all__])


# Names of Python's own functions: `from autograd import *` leaves those as they are.
_HIDING = ["abs", "compile", "pow"]

__all__ = ["AnomalyError", "GradientError", "MistakeWarning", "TraceError", "Value", "animate"]
__all__ += ["backward_steps", "check_grads", "detect_anomaly", "draw", "explain", "forward_steps"]
__all__ += ["grad", "hessian", "hvp", "interactive", "jacobian", "jvp", "no_grad", "paths"]
__all__ += ["primitive", "value_and_grad", "vjp", "why", "zero_grad"]
__all__ += _functions.__all__
