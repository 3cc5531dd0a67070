"""`no_grad` and `detect_anomaly`."""

import contextvars
import copy
import inspect
import math
import threading
import warnings
from pathlib import Path

import pytest
from graphs import KINDS

import autograd
import nn
from autograd import AnomalyError, MistakeWarning, Value, detect_anomaly, no_grad, where

# --- no_grad ------------------------------------------------------------------------------------


def is_recording():
    return Value(1.0).exp().op == "exp"


@pytest.mark.parametrize("make", KINDS)
def test_results_are_leaves_with_the_same_data(make):
    v = Value(0.5)
    recorded = make(v)
    with no_grad():
        plain = make(v)
    assert type(plain) is Value
    assert plain.data == recorded.data
    assert (plain.op, plain.parents, plain.local_derivatives) == ("", (), ())
    assert make(v).op == recorded.op != ""


def test_a_result_made_without_recording_is_a_constant_later():
    w = Value(2.0)
    with no_grad():
        h = w * w
    (h * w).backward()
    assert (w.grad, h.grad) == (4.0, 2.0)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(
    "make", [lambda w: w * w, lambda w: where(w > 0, w, 0.0), lambda w: copy.deepcopy(w * w)]
)
def test_a_pass_from_a_result_that_was_not_recorded_is_a_mistake(make, create_graph):
    w = Value(2.0)
    with no_grad():
        y = make(w)
    with pytest.warns(
        MistakeWarning, match=r"under no_grad.*: compute it outside of no_grad"
    ) as caught:
        y.backward(create_graph=create_graph)
    assert (w.grad, y.grad, caught[0].filename) == (0.0, 1.0, __file__)
    (y * w).backward()  # as a constant, and so a leaf, it is as good as any
    Value(3.0).backward()


def test_what_was_recorded_before_can_be_differentiated_inside():
    v = Value(3.0)
    y = v * v
    with no_grad():
        y.backward()
    assert v.grad == 6.0


def test_a_recorded_pass_inside_gives_leaves():
    v = Value(3.0)
    y = v * v
    with no_grad():
        y.backward(create_graph=True)
    assert v.grad == 6.0
    assert v.grad_value.parents == ()


def test_it_ends_with_an_exception():
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert is_recording()


def test_nested():
    with no_grad():
        with no_grad():
            assert not is_recording()
        assert not is_recording()
        with detect_anomaly():
            assert not is_recording()
        assert not is_recording()
    assert is_recording()


def test_one_object_nested_in_itself():
    def nested():
        mode = no_grad()
        with mode:
            with mode:
                assert not is_recording()
            assert not is_recording()
        assert is_recording()

    contextvars.copy_context().run(nested)  # a failure must not reach other tests


def test_decorator():
    @no_grad()
    def predict(v, depth=2):
        """Docstring."""
        if depth:
            assert predict(v, depth - 1).op == ""
        return v * v

    assert predict(Value(2.0)).op == ""
    assert predict.__doc__ == "Docstring."
    assert predict.__name__ == "predict"
    assert is_recording()


def test_decorator_without_parentheses():
    @no_grad
    def predict(v):
        return v * v

    assert predict(Value(2.0)).op == ""
    assert predict.__name__ == "predict"
    assert is_recording()


def test_decorator_ends_with_an_exception():
    @no_grad()
    def fail():
        raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert is_recording()


def test_another_thread_keeps_recording():
    entered, done, seen = threading.Event(), threading.Event(), []

    def other():
        entered.wait(10)
        seen.append(is_recording())
        with no_grad():
            seen.append(is_recording())
        seen.append(is_recording())
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with no_grad():
        entered.set()
        assert done.wait(10)
        assert not is_recording()
    thread.join()
    assert seen == [True, False, True]
    assert is_recording()


def test_two_threads_may_overlap():
    inside, left = threading.Event(), threading.Event()

    def other():
        with no_grad():
            inside.set()
            left.wait(10)
            assert not is_recording()

    thread = threading.Thread(target=other)
    with no_grad():
        thread.start()
        assert inside.wait(10)
    assert is_recording()  # while the other thread is still in its block
    left.set()
    thread.join()
    assert is_recording()


# --- detect_anomaly: forward --------------------------------------------------------------------


def line_of(function, text):
    """The place of the line of a function that contains `text`, as file:line."""
    lines, start = inspect.getsourcelines(function)
    (offset,) = [i for i, line in enumerate(lines) if text in line]
    return f"{Path(__file__)}:{start + offset}"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda x: x.log(), r"log gave -inf for x=0\.0"),
        (lambda x: 1.0 / x, r"/ gave inf for 1\.0, x=0\.0"),
        (lambda x: x / x, r"/ gave nan for x=0\.0, x=0\.0"),
        (lambda x: (x - 1).sqrt(), r"sqrt gave nan for -1\.0"),
        (lambda x: (x + 1000).exp(), r"exp gave inf for 1000\.0"),
        (lambda x: x**-1, r"\*\* gave inf for x=0\.0, -1\.0"),
        (lambda x: autograd.dot([x], [math.inf]), r"dot gave nan for x=0\.0, inf, 0\.0"),
        (lambda x: autograd.fsum([x] * 9 + [math.inf]), r"fsum gave inf for x=0\.0, .*\.\.\."),
        (lambda x: autograd.clip(x, math.inf, math.inf), r"clip gave inf for x=0\.0, inf, inf"),
    ],
)
def test_the_first_nan_or_infinity_is_named(make, message):
    with detect_anomaly(), pytest.raises(AnomalyError, match=message + ".*test_modes.py:"):
        make(Value(0.0, "x"))


def test_the_line_of_user_code_is_named():
    def model(x):
        h = x * 2
        return h.log()  # here

    with detect_anomaly(), pytest.raises(AnomalyError) as error:
        model(Value(-1.0))
    assert line_of(model, "# here") in str(error.value)
    assert "in model" in str(error.value)


def test_the_line_is_that_of_the_caller_of_a_function_of_the_package():
    def model(x):
        return autograd.mean([x, autograd.exp(x)])  # here

    with detect_anomaly(), pytest.raises(AnomalyError) as error:
        model(Value(1000.0))
    assert line_of(model, "# here") in str(error.value)


def test_a_bad_branch_that_is_not_taken_is_none():
    x, bad = Value(1.0), Value(math.nan)
    with detect_anomaly():
        y = where(x > 0, x, bad)
        y.backward()
    assert x.grad == 1.0


def test_it_is_off_outside():
    assert math.isnan(Value(-1.0).log().data)
    with pytest.raises(AnomalyError), detect_anomaly():
        Value(-1.0).log()
    assert math.isnan(Value(-1.0).log().data)


# --- detect_anomaly: backward ---------------------------------------------------------------------


def test_an_infinite_gradient_is_named():
    def model(x):
        return x.sqrt()  # here

    with detect_anomaly():
        y = model(Value(0.0, "x"))
        with pytest.raises(AnomalyError) as error:
            y.backward()
    message = str(error.value)
    assert "gradient of x=0.0 became inf" in message
    assert "sqrt(x=0.0) = 0.0" in message
    assert "own gradient is 1.0" in message
    assert line_of(model, "# here") in message


@pytest.mark.parametrize("seed", [math.nan, math.inf])
def test_a_bad_seed_is_noticed(seed):
    with detect_anomaly():
        y = Value(2.0) * 3.0
        with pytest.raises(AnomalyError):
            y.backward(seed=seed)


def test_a_node_made_before_has_no_line():
    y = Value(0.0, "x").sqrt()
    with detect_anomaly(), pytest.raises(AnomalyError, match="create the node in detect_anomaly"):
        y.backward()


@pytest.mark.parametrize("make", KINDS)
def test_every_kind_of_node_knows_its_line(make):
    with detect_anomaly():
        y = make(Value(0.5, "x"))
        if any(y.local_derivatives):
            with pytest.raises(AnomalyError, match=r"made at .*(graphs|test_modes)\.py:\d+ in "):
                y.backward(seed=math.inf)


def test_a_bad_gradient_in_a_recorded_pass():
    with detect_anomaly():
        y = Value(0.0, "x").sqrt()
        with pytest.raises(AnomalyError, match=r"test_modes\.py"):
            y.backward(create_graph=True)


# --- detect_anomaly: compiled functions -----------------------------------------------------------


@pytest.mark.parametrize("reduce", [None, "sum", "mean"])
@pytest.mark.parametrize("with_grad", [False, True])
def test_a_compiled_call_raises_as_the_function_itself_does(reduce, with_grad):
    def f(w, x):
        return [w][0] * autograd.log(x["a"][1])  # here

    compiled = autograd.compile(f, in_axes=(None, {"a": 0}), reduce=reduce)
    call = compiled.value_and_grad if with_grad else compiled
    bad = 2.0, {"a": [[1.0, 2.0], [1.0, 0.0], [1.0, -1.0]]}
    call(*bad)  # nothing is said outside
    for _ in range(2):
        with detect_anomaly(), pytest.raises(AnomalyError) as error:
            call(*bad)
        message = str(error.value)
        assert message.startswith("in sample 1 of the batch, ")
        assert line_of(f, "# here") in message
        assert ("* gave -inf for 2.0, -inf" if with_grad else "log gave -inf for 0.0") in message
    with detect_anomaly():
        call(2.0, {"a": [[1.0, 2.0]]})


def test_a_compiled_gradient_that_is_infinite_is_named():
    compiled = autograd.compile(lambda x: x.sqrt())
    with detect_anomaly():
        assert compiled(0.0) == 0.0
        with pytest.raises(AnomalyError, match=r"^the gradient of 0\.0 became inf in the pass"):
            compiled.grad(0.0)


def test_a_sum_over_the_batch_that_overflows():
    compiled = autograd.compile(lambda x: x * x, in_axes=0, reduce="sum")
    with detect_anomaly(), pytest.raises(AnomalyError, match=r"<lambda> gave .* over samples"):
        compiled([1.2e154] * 3)


@pytest.mark.parametrize("compiled", [True, False])
def test_a_training_raises_as_the_eager_engine_does(compiled):
    model = nn.MLP(1, [1], seed=0)
    X, y = [[1.0], [2.0]] * 30, [1.0] * 60
    X[40] = [1e200]  # not one of the samples that are looked at before
    options = {"loss": "mse_loss", "progress": False, "compile": compiled, "epochs": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MistakeWarning)  # of the scale of the inputs
        with detect_anomaly(), pytest.raises(AnomalyError, match=r"^square gave inf for"):
            nn.fit(model, X, y, **options)
