"""nn.save and nn.load: exact, versioned, atomic, and clear about damaged files."""

import json
import math
import os
import re
import stat
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd.files import write_atomically
from nn import MLP, Each, Layer, Module, Neuron, Sequential, load, save
from nn.saving import read_metadata

inf, nan = math.inf, math.nan


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.json"


@pytest.fixture
def model():
    return MLP(2, [2, 1], "tanh", seed=0)


LAYERS = "architecture/layers"
WRONG = "architecture describes no module: "
WRONG_LAYER = "architecture.layers[0] describes no module: "
UNFIT = "parameters: the state does not fit the parameters: "


class Own(Module):
    """A module that a file knows nothing of."""


def cube(z):
    return z * z * z


def bits(model):
    return {name: struct.pack("<d", x) for name, x in model.state_dict().items()}


class TestRoundTrip:
    @given(numbers=st.lists(st.floats(allow_subnormal=True), min_size=9, max_size=9))
    def test_every_float_exactly(self, tmp_path_factory, numbers):
        model = MLP(2, [2, 1])
        for p, x in zip(model.parameters(), numbers, strict=True):
            p.data = x if x == x else nan  # a nan has many bit patterns; one is kept
        path = tmp_path_factory.getbasetemp() / "floats.json"
        save(model, path)
        assert bits(load(path)) == bits(model)

    @pytest.mark.parametrize("activation", sorted(nn.ACTIVATIONS))
    def test_every_activation(self, path, activation):
        model = MLP(2, [3, 2], activation, output="softmax", seed=1)
        save(model, path)
        loaded = load(path)
        assert [la.activation for la in loaded.layers] == [activation, "softmax"]
        assert [y.data for y in loaded([0.5, -1.0])] == [y.data for y in model([0.5, -1.0])]
        assert repr(loaded) == repr(model)
        assert [p.name for p in loaded.parameters()] == [p.name for p in model.parameters()]

    def test_layers_of_different_kinds_and_a_path_as_a_string(self, path):
        model = MLP.from_layers([Layer(1, 3, "gelu"), Layer(3, 2, "relu"), Layer(2, 1, "sigmoid")])
        save(model, str(path))
        assert repr(load(str(path))) == repr(model)

    def test_frozen_parameters(self, path, model):
        model.layers[0].neurons[1].freeze()
        save(model, path)
        loaded = load(path)
        assert [p.name for p in loaded.trainable_parameters()] == [
            p.name for p in model.trainable_parameters()
        ]
        assert len(loaded.trainable_parameters()) == 6

    def test_what_it_predicts(self, path, model):
        X = [[1.0, -1.0], [-1.0, 1.0]]
        for model.class_names, model.regression in (((), True), (("no", "ja – oui"), False)):
            save(model, path)
            assert nn.predict(load(path), X) == nn.predict(model, X)

    def test_metadata(self, path, model):
        metadata = {
            "class_names": ["nein", "ja – oui"],
            "standardiser": {"mean": [0.1, 1e-300], "scale": [1, 2.5]},
            "done": True,
            "note": None,
        }
        save(model, path, metadata)
        assert read_metadata(path) == metadata
        save(model, path)
        assert read_metadata(path) == {}


class TestFile:
    def test_is_json_that_people_can_read(self, path, model):
        model.layers[0].b[0].data = nan
        model.layers[1].b[0].data = -inf
        model.layers[0].freeze()
        save(model, path, {"name": "Größe"})

        def refuse(constant):
            raise AssertionError(f"{constant} is not JSON")

        document = json.loads(path.read_text("utf-8"), parse_constant=refuse)
        assert document == {
            "format": "chainrule-model",
            "version": 2,
            "architecture": {
                "kind": "MLP",
                "layers": [
                    {"kind": "Layer", "n_in": 2, "n_out": 2, "activation": "tanh"},
                    {"kind": "Layer", "n_in": 2, "n_out": 1, "activation": "linear"},
                ],
            },
            "parameters": {
                **model.state_dict(),
                "layer1.neuron1.b": "nan",
                "layer2.neuron1.b": "-inf",
            },
            "frozen": [name for name in model.state_dict() if name.startswith("layer1")],
            "class_names": [],
            "regression": False,
            "metadata": {"name": "Größe"},
        }
        lines = path.read_text("utf-8").splitlines()
        assert f'  "layer1.neuron1.w1": {model.layers[0].W[0][0].data!r},' in lines
        assert '  "name": "Größe"' in lines

    def test_is_deterministic(self, path, model):
        save(model, path)
        first = path.read_bytes()
        save(load(path), path)
        assert path.read_bytes() == first


class TestAtomicWrite:
    @pytest.mark.parametrize("call", ["fsync", "replace"])
    def test_a_failure_leaves_the_old_file(self, tmp_path, path, model, monkeypatch, call):
        save(model, path)
        before = path.read_bytes()

        def fail(*_):
            raise OSError("the disk is full")

        monkeypatch.setattr(os, call, fail)
        model.layers[0].b[0].data = 9.0
        with pytest.raises(OSError, match="the disk is full"):
            save(model, path)
        assert path.read_bytes() == before
        assert os.listdir(tmp_path) == ["model.json"]

    def test_the_content_is_on_the_disk_before_it_has_the_name(self, path, monkeypatch):
        seen = []
        fsync, replace = os.fsync, os.replace
        monkeypatch.setattr(os, "fsync", lambda fd: (seen.append(os.fstat(fd).st_size), fsync(fd)))
        monkeypatch.setattr(os, "replace", lambda a, b: (seen.append("named"), replace(a, b)))
        write_atomically(path, "12345")
        assert seen == [5, "named"]

    @pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX's")
    def test_has_ordinary_permissions(self, path):
        previous = os.umask(0o022)
        try:
            write_atomically(path, "")
        finally:
            os.umask(previous)
        assert stat.S_IMODE(path.stat().st_mode) == 0o644

    @pytest.mark.skipif(os.name != "posix", reason="links are POSIX's")
    def test_writes_through_a_link(self, tmp_path, path):
        (tmp_path / "link.json").symlink_to(path)
        write_atomically(tmp_path / "link.json", "new")
        assert path.read_text() == "new"
        assert (tmp_path / "link.json").is_symlink()

    def test_a_folder_that_does_not_exist(self, tmp_path, model):
        path = tmp_path / "runs" / "model.json"
        message = f"{path}: there is no folder {tmp_path / 'runs'}; make it"
        with pytest.raises(FileNotFoundError, match=f"^{re.escape(message)}$"):
            save(model, path)


shared, two_kinds = Layer(2, 2), MLP(2, [2, 1], "tanh")
two_kinds.layers[0].neurons[1] = Neuron(2, "relu")
FOREIGN = "save takes what is made of Neuron, Layer, .*; of a module of your own write"
OF = r"\] cannot be saved with the activation"


class TestWhatCannotBeSaved:
    @pytest.mark.parametrize(
        ("thing", "error", "message"),
        [
            (MLP(1, [2, 1], cube), ValueError, rf"layers\[0{OF} cube: it must be one for all"),
            (MLP(1, [2, 1], "relu", abs), ValueError, rf"layers\[1{OF} abs: it must be one"),
            (two_kinds, ValueError, rf"layers\[0{OF} tanh and relu: .* of linear, relu, "),
            *((thing, TypeError, FOREIGN) for thing in (Own(), Sequential(Own()), "model", Layer)),
            (Sequential(shared, Each(shared)), ValueError, r"parts\[1\]\.module is used in two pl"),
        ],
    )
    def test_networks_that_a_file_cannot_hold(self, path, thing, error, message):
        with pytest.raises(error, match=f"^{message}"):
            save(thing, path)
        assert not path.exists()

    @pytest.mark.parametrize(
        ("metadata", "message"),
        [
            ({"a": {"b": [1, {2.0}]}}, "metadata.a.b[1] is {2.0}; metadata may hold strings, "),
            ({"loss": nan}, "metadata.loss is nan; "),
            ({"loss": [-inf]}, "metadata.loss[0] is -inf; "),
            ({"names": {0: "no"}}, "metadata.names has the key 0: keys must be strings"),
        ],
    )
    def test_metadata_that_would_not_come_back(self, path, model, metadata, message):
        with pytest.raises(TypeError, match=f"^{re.escape(message)}"):
            save(model, path, metadata)
        assert not path.exists()


class TestDamage:
    @pytest.fixture
    def refused(self, path):
        """Check that a file with this content is refused, with a message of this beginning."""

        def refused(content, message):
            path.write_bytes(content)
            for read in (load, read_metadata) if "field" not in message else (load,):
                with pytest.raises(ValueError, match=f"^{re.escape(f'{path}: {message}')}"):
                    read(path)

        return refused

    def test_cut_short_anywhere(self, path, model):
        save(model, path)
        whole = path.read_bytes().rstrip()
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            with pytest.raises(
                ValueError, match=rf"^{re.escape(str(path))}: it is not JSON, or cut"
            ):
                load(path)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "it is not JSON, or cut short: "),
            (b"\x89PNG\r\n\x1a\n\xff", "it is not JSON, or cut short: "),
            (b"[" * 100_000, "it is not JSON, or cut short: "),
            (b'{"format": NaN}', "it is not JSON, or cut short: NaN is not JSON; "),
            (b"[1, 2]", 'it is not a saved network: it has no field "format": "chainrule-model"'),
            (b"{}", "it is not a saved network: "),
            (b'{"format": "onnx", "version": 1}', "it is not a saved network: "),
        ],
    )
    def test_foreign_files(self, refused, content, message):
        refused(content, message)

    @pytest.mark.parametrize(
        ("place", "content", "message"),
        [
            ("version", ..., " is missing"),
            ("version", 1, " is 1, but this program reads version 2"),
            ("version", "1", " must be an integer, not '1'"),
            ("architecture", ..., " is missing"),
            ("architecture", [], " must be an object, not []"),
            ("architecture/kind", ..., " is missing"),
            ("architecture/kind", "os.system", " must be one of Neuron, Layer, MLP, "),
            (f"{LAYERS}/0/n_in", 2.0, f"{WRONG_LAYER}n_in must be an integer, not 2.0"),
            (f"{LAYERS}/0/n_in", 0, f"{WRONG_LAYER}n_in must be at least 1, not 0"),
            (f"{LAYERS}/0/n_out", 3, f"{WRONG}layer 2 takes 2 inputs, but layer 1 gives"),
            (LAYERS, [{"kind": "Flatten"}], f"{WRONG}an MLP is made of Layers, not of Flat"),
            (LAYERS, ..., " is missing"),
            (LAYERS, 3, f"{WRONG}'int' object is not iterable"),
            (LAYERS, [], f"{WRONG}there are no layers"),
            (LAYERS, [3], "[0] must be an object, not 3"),
            (f"{LAYERS}/1/n_out", ..., " is missing"),
            (f"{LAYERS}/0/activation", None, f"{WRONG_LAYER}the activation must be a name"),
            (f"{LAYERS}/0/activation", "eval", f"{WRONG_LAYER}the activation must be one of lin"),
            (f"{LAYERS}/0/n_in", 10**12, " is 1000000000000, but field parameters has 9 "),
            ("parameters", ..., " is missing"),
            ("parameters", [1.0], " must be an object, not [1.0]"),
            ("parameters/layer1.neuron2.w1", ..., f"{UNFIT}missing layer1.neuron2.w1"),
            (f"{LAYERS}/0/n_in", 3, f"{UNFIT}missing layer1.neuron1.w3, layer1.neuron2.w3"),
            (f"{LAYERS}/0/n_in", 1, f"{UNFIT}unexpected layer1.neuron1.w2, layer1.neuron2.w2"),
            *(
                (
                    "parameters/layer2.neuron1.b",
                    x,
                    f" must be a number that a float can hold, not {x!r:.40}",
                )
                for x in ("0.5", None, True, [0.5], {}, 10**400, "Infinity")
            ),
            ("frozen", ..., " is missing"),
            ("class_names", ["a", 1], "[1] must be a string, not 1"),
            ("regression", 1, " must be true or false, not 1"),
            ("frozen", ["w9"], "[0] must be the name of a parameter, not 'w9'"),
            ("frozen", [[]], "[0] must be the name of a parameter, not []"),
        ],
    )
    def test_of_one_field(self, path, model, refused, place, content, message):
        """A message that begins with a blank or a bracket is about the field itself."""
        save(model, path)
        document = json.loads(path.read_text())
        *outer, last = place.split("/")
        holder = document
        for key in outer:
            holder = holder[int(key) if key.isdecimal() else key]
        if content is ...:
            del holder[last]
        else:
            holder[last] = content
        own = re.sub(r"/(\d+)", r"[\1]", place).replace("/", ".") if message[0] in " [" else ""
        refused(json.dumps(document).encode(), f"field {own}{message}")

    def test_a_number_beyond_the_range_of_a_float(self, path, model, refused):
        model.layers[0].b[0].data = 0.125
        save(model, path)
        refused(
            path.read_bytes().replace(b"0.125", b"1e999"),
            "field parameters.layer1.neuron1.b must be a number that a float can hold, not inf",
        )

    @pytest.mark.parametrize(
        ("metadata", "message"),
        [(None, "field metadata must be an object, not None"), (..., "field metadata is missing")],
    )
    def test_of_the_metadata(self, path, model, metadata, message):
        save(model, path)
        document = json.loads(path.read_text())
        del document["metadata"]
        if metadata is not ...:
            document["metadata"] = metadata
        path.write_text(json.dumps(document))
        with pytest.raises(ValueError, match=f"^{re.escape(f'{path}: {message}')}$"):
            read_metadata(path)

    def test_a_file_that_does_not_exist(self, path):
        with pytest.raises(FileNotFoundError, match=re.escape(str(path))):
            load(path)
