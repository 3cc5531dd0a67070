"""Networks in the formats of others compute the same, and come back as they were."""

import json
import sys

import numpy as np
import pytest

import nn
from nn.interchange import linear_maps

X = np.random.default_rng(0).normal(scale=3.0, size=(20, 3))


@pytest.fixture(params=[name for name in nn.ACTIVATIONS if name != "softmax"])
def model(request):
    return nn.MLP(3, [5, 4, 2], request.param, output="softmax", seed=0)


def outputs(model):
    return np.array([[v.data for v in model(x)] for x in X.tolist()])


# --- PyTorch --------------------------------------------------------------------------------------


def test_pytorch_computes_the_same(model):
    torch = pytest.importorskip("torch")
    theirs = nn.to_torch(model)(torch.tensor(X)).detach().numpy()
    # beyond 20, PyTorch's softplus is the identity, which is 2e-9 less
    np.testing.assert_allclose(theirs, outputs(model), rtol=1e-8, atol=1e-12)


def test_a_network_comes_back_from_pytorch(model):
    pytest.importorskip("torch")
    back = nn.from_torch(nn.to_torch(model))
    assert repr(back) == repr(model)
    assert back.state_dict() == model.state_dict()


def test_other_parts_of_pytorch_are_refused():
    torch = pytest.importorskip("torch").nn
    for part in (torch.Dropout(), torch.LeakyReLU(0.3), torch.Hardtanh()):
        with pytest.raises(TypeError, match=type(part).__name__):
            nn.from_torch(torch.Sequential(torch.Linear(2, 2), part))
    with pytest.raises(TypeError, match="after a Linear only, not ReLU"):
        nn.from_torch(torch.Sequential(torch.ReLU()))
    without_bias = nn.from_torch(torch.Sequential(torch.Linear(2, 1, bias=False)))
    assert without_bias.layers[0].neurons[0].b.data == 0.0


# --- ONNX -----------------------------------------------------------------------------------------


def test_onnx_computes_the_same(model, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    nn.to_onnx(model, tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for batch in (X, X[:1]):
        (theirs,) = session.run(["y"], {"x": batch.astype(np.float32)})
        np.testing.assert_allclose(theirs, outputs(model)[: len(batch)], rtol=1e-4, atol=1e-5)


def test_only_networks_of_known_layers_have_another_form(tmp_path):
    pytest.importorskip("onnx")
    with pytest.raises(TypeError, match=r"only an MLP .* not Sequential"):
        nn.to_onnx(nn.Sequential(nn.Flatten()), tmp_path / "model.onnx")
    with pytest.raises(ValueError, match="function of your own"):
        nn.to_onnx(nn.MLP(2, [2, 1], activation=lambda z: z * z), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


# --- safetensors ----------------------------------------------------------------------------------


@pytest.fixture
def tensors():
    return pytest.importorskip("safetensors.numpy")


MODELS = {
    "an MLP": lambda: nn.MLP(3, [5, 2], "tanh", seed=0),
    "others": lambda: nn.Sequential(nn.Layer(3, 4, seed=0), nn.LayerNorm(4), nn.Layer(4, 2)),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_safetensors_keep_everything(make, tensors, tmp_path):
    model = make()
    model.parameters()[0].data = float("nan")
    model.parameters()[1].data = 1 / 3
    list(nn.Module.modules(model))[1].freeze()
    model.class_names = ("no", "ünd")
    nn.save(model, tmp_path / "m.safetensors", {"a": 1})
    back = nn.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(
        list(back.state_dict().values()), list(model.state_dict().values())
    )
    assert [type(p) for p in back.parameters()] == [type(p) for p in model.parameters()]
    assert back.state_dict().keys() == model.state_dict().keys()
    assert back.class_names == model.class_names
    assert nn.read_metadata(tmp_path / "m.safetensors") == {"a": 1}
    assert sum(t.size for t in tensors.load_file(tmp_path / "m.safetensors").values()) == len(
        model.parameters()
    )


def test_the_tensors_are_those_of_pytorch(tensors, tmp_path):
    model = nn.MLP(3, [5, 2], "tanh", seed=0)
    nn.save(model, tmp_path / "m.safetensors")
    there = tensors.load_file(tmp_path / "m.safetensors")
    assert sorted(there) == ["0.bias", "0.weight", "2.bias", "2.weight"]
    for place, weights, biases, _ in linear_maps(model):
        np.testing.assert_array_equal(there[f"{place}.weight"], weights)
        np.testing.assert_array_equal(there[f"{place}.bias"], biases)


def test_damaged_safetensors_are_refused(tensors, tmp_path):
    path = tmp_path / "m.safetensors"
    nn.save(nn.MLP(3, [5, 2], seed=0), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(ValueError, match=r"m.safetensors: it is no safetensors file, or cut short"):
        nn.load(path)
    tensors.save_file({"0.weight": np.ones((2, 2))}, path)
    with pytest.raises(ValueError, match=r"does not say of which network.*from_torch"):
        nn.load(path)


def widened(header):
    """Describe a larger network."""
    document = json.loads(header["chainrule"])
    document["architecture"]["layers"][0]["n_in"] = 10**9
    header["chainrule"] = json.dumps(document)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda t, _: t.pop("0.bias"), r"0.bias is missing in the file, and \(5,\) of float64"),
        (lambda t, _: t.update(extra=np.ones(3)), r"tensor extra is .* and missing in the network"),
        (lambda t, _: t.update({"0.bias": np.ones(4)}), r"tensor 0.bias is \(4,\) of float64"),
        (lambda t, _: t.update({"0.bias": np.ones(5, np.float32)}), "float32 in the file"),
        (lambda _, header: widened(header), r"layers\[0\].n_in is 1000000000"),
    ],
)
def test_other_tensors_than_the_network_has_are_refused(change, problem, tensors, tmp_path):
    path = tmp_path / "m.safetensors"
    nn.save(nn.MLP(3, [5, 2], seed=0), path)
    safetensors = pytest.importorskip("safetensors")
    with safetensors.safe_open(path, framework="numpy") as file:
        header = file.metadata()
    changed = tensors.load_file(path)
    change(changed, header)
    tensors.save_file(changed, path, header)
    with pytest.raises(ValueError, match=problem):
        nn.load(path)


@pytest.mark.parametrize(
    ("module", "act", "message"),
    [
        ("torch", nn.to_torch, r'to_torch needs torch: pip install "chainrule\[peers\]"'),
        (
            "safetensors.numpy",
            lambda model: nn.save(model, "m.safetensors"),
            r'm.safetensors needs safetensors: pip install "chainrule\[export\]"',
        ),
    ],
)
def test_without_a_library_the_error_says_how_to_get_it(module, act, message, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=message):
        act(nn.MLP(2, [1]))
