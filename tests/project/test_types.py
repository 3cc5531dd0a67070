"""What a type checker and an editor follow: CI runs mypy on this file, pytest the code itself."""

import inspect
from typing import Any, assert_type

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Value
from autograd.compiler.compiled import Compiled
from autograd.engine import functions


def test_operators_and_methods_of_a_value() -> None:
    x = Value(2.0)
    assert_type(x * 2, Value)
    assert_type(2 * x, Value)
    assert_type(2 - x / x**2, Value)
    assert_type(-x, Value)
    assert_type(abs(x), Value)
    assert_type(x < 3, bool)
    assert_type(x.tanh(), Value)
    assert_type(x.maximum(3), Value)
    assert_type(sum([x, x], Value(0.0)), Value)


def test_functions_give_what_they_are_given() -> None:
    x, array = Value(2.0), np.zeros(3)
    assert_type(ag.tanh(x), Value)
    assert_type(ag.tanh(1.0), float)
    assert_type(ag.tanh(1), float)
    assert isinstance(ag.tanh(array), np.ndarray)
    assert_type(ag.maximum(x, 1), Value)
    assert_type(ag.maximum(1.0, x), Value)
    assert_type(ag.maximum(1.0, 2), float)
    assert_type(ag.gelu(x), Value)
    assert_type(ag.where(x > 0, x, 0.0), Value)
    assert_type(ag.dot([x], [1.0]), Value)
    assert_type(ag.dot([1.0], [1.0]), float)
    assert_type(ag.fsum([1.0, 2.0]), float)
    assert_type(ag.softmax([x, x]), list[Value])


def test_modes_as_decorators() -> None:
    @ag.no_grad
    def plain(x: float) -> Value:
        return Value(x)

    @ag.no_grad()
    def called(x: float) -> Value:
        return Value(x)

    assert_type(plain(1.0), Value)
    assert_type(called(1.0), Value)


def test_models_and_compiled_functions() -> None:
    assert_type(nn.Neuron(2)([1.0, 2.0]), Value)
    model = nn.MLP(2, [3, 2])  # which gives a list of Values, and with one output a Value
    weighted: Value = ag.dot(model([1.0, 2.0]), [Value(1.0), 2.0])
    assert_type(weighted * 2, Value)
    assert_type(model([1.0, 2.0])[0] * 2, Any)
    assert_type(ag.compile(lambda x: x * 2, in_axes=0), Compiled)

    @ag.compile(in_axes=0)
    def double(x: Any) -> Any:
        return x * 2

    assert_type(double, Compiled)


ARITHMETIC = [
    "add",
    "radd",
    "sub",
    "rsub",
    "mul",
    "rmul",
    "truediv",
    "rtruediv",
    "pow",
    "rpow",
    "neg",
    "abs",
    "lt",
    "le",
    "gt",
    "ge",
]
METHODS = [name for name in dir(Value) if name[0] != "_" and callable(getattr(Value, name))]


@pytest.mark.parametrize("name", [*METHODS, *[f"__{name}__" for name in ARITHMETIC]])
def test_help_knows_every_method_and_operator(name: str) -> None:
    method = getattr(Value, name)
    assert method.__name__ == name
    assert method.__doc__
    assert inspect.signature(method).parameters


FUNCTIONS = [name for name in ag.__all__ if hasattr(functions, name) and name != "Value"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_help_knows_every_function(name: str) -> None:
    function = getattr(ag, name)
    assert (function.__name__, function.__module__) == (name, "autograd.engine.functions")
    assert ">>>" in function.__doc__
    assert inspect.signature(function).parameters


def test_operands_are_called_as_in_mathematics() -> None:
    atan2: Any = ag.atan2
    assert list(inspect.signature(atan2).parameters) == ["y", "x"]
    assert list(inspect.signature(ag.pow).parameters) == ["a", "b"]
    assert atan2(y=0.0, x=1.0) == 0.0
