"""Files in chunks: the same samples from every format, in random order, in little memory."""

import random
import subprocess
import sys

import numpy as np
import pytest

import nn
from nn.data import Standardiser, convert, stream

N, WIDTH = 1000, 4


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(N, WIDTH)).round(3)
    table[:, -1] = np.arange(N)  # tells the samples from each other
    return table


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Blocks of 25 rows and chunks of 100, so that a small file has many."""
    monkeypatch.setattr("nn.data.blocks._BLOCK", 25 * WIDTH)
    monkeypatch.setattr("nn.data.blocks._CSV_BLOCK", 600)
    monkeypatch.setattr("nn.data.streams._CHUNK", 100 * WIDTH)


@pytest.fixture
def npy(rows, tmp_path):
    np.save(tmp_path / "data.npy", rows)
    return tmp_path / "data.npy"


@pytest.fixture(params=["npy", "csv", "parquet"])
def file(request, rows, npy, tmp_path):
    kind = request.param
    if kind != "npy":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"data.{kind}"
    if kind == "csv":
        lines = [",".join(map(str, row)) for row in rows.tolist()]
        path.write_text("a,b,c,d\n" + "\n".join(lines) + "\n")
    if kind == "parquet":
        convert(npy, path, progress=False)
    return path


def joined(chunks):
    parts = [np.column_stack(chunk) for chunk in chunks]
    return np.concatenate(parts)


def test_a_file_is_read_in_its_order(file, rows):
    data = stream(file)
    assert len(data) == N
    assert data.n_features == WIDTH - 1
    np.testing.assert_array_equal(joined(data.chunks()), rows)


def test_an_epoch_has_every_sample_once_in_an_order_of_its_own(file, rows):
    rng = random.Random(0)
    first, second = (joined(stream(file).chunks(rng)) for _ in range(2))
    for epoch in (first, second):
        np.testing.assert_array_equal(epoch[np.argsort(epoch[:, -1])], rows)
    assert (first != second).any()
    np.testing.assert_array_equal(first, joined(stream(file).chunks(random.Random(0))))


def test_rows_of_distant_blocks_meet_in_a_chunk(npy):
    _, y = next(stream(npy).chunks(random.Random(0)))
    assert len(set(y // 25)) == 4
    assert (np.diff(y) < 0).any()  # nor are those of a block in its order


@pytest.mark.parametrize("multiple", [1, 7, 32, 150])
def test_only_the_last_chunk_has_another_length(file, multiple):
    lengths = [len(y) for _, y in stream(file).chunks(random.Random(0), multiple)]
    assert sum(lengths) == N
    assert all(length % multiple == 0 for length in lengths[:-1])


def test_the_target_is_any_column(npy, rows):
    X, y = next(stream(npy, target=1).chunks())
    np.testing.assert_array_equal(X, rows[: len(X), [0, 2, 3]])
    np.testing.assert_array_equal(y, rows[: len(X), 1])
    assert stream(npy, target="x2").target == 1
    assert stream(npy, target=1).feature_names == ("x1", "x3", "x4")


@pytest.fixture
def classes(tmp_path):
    """Three classes that one can tell apart, of which the last is met in the last block alone."""
    rng = np.random.default_rng(0)
    y = np.sort(rng.integers(0, 2, 400))
    y[-10:] = 2
    X = np.eye(3)[y] + rng.normal(scale=0.1, size=(400, 3))
    np.save(tmp_path / "classes.npy", np.column_stack([X, y]))
    return tmp_path / "classes.npy"


def fitted(path, **arguments):
    model = nn.MLP(3, [3], seed=0)
    history = nn.fit(model, stream(path), epochs=4, lr=0.05, progress=False, **arguments)
    return model, history


def test_engines_agree_on_a_stream(classes):
    (compiled, one), (eager, other) = (fitted(classes, compile=flag) for flag in (True, False))
    assert [one.engine, other.engine] == ["compiled", "eager"]
    assert one[-1].accuracy == other[-1].accuracy > 0.95
    assert one[-1].loss == pytest.approx(other[-1].loss, rel=1e-9)
    assert list(compiled.state_dict().values()) == pytest.approx(list(eager.state_dict().values()))


def test_a_run_on_a_stream_is_resumed(classes, tmp_path):
    whole, _ = fitted(classes)
    model = nn.MLP(3, [3], seed=0)
    path = tmp_path / "checkpoint.json"
    options = {"lr": 0.05, "progress": False}
    nn.fit(model, stream(classes), epochs=2, callbacks=[nn.Checkpoint(path)], **options)
    resumed = nn.MLP(3, [3], seed=1)
    nn.fit(resumed, stream(classes), epochs=4, resume=path, **options)
    assert resumed.state_dict() == whole.state_dict()
    with pytest.raises(ValueError, match="the fingerprint of X, y and validation was"):
        nn.fit(resumed, stream(classes).standardised(), epochs=4, resume=path, **options)


def test_a_schedule_and_the_bar_count_all_batches(classes, capsys):
    rates = []
    nn.fit(
        nn.MLP(3, [3], seed=0),
        stream(classes),
        epochs=1,
        batch_size=30,
        lr=lambda epoch: rates.append(epoch) or 0.01,
    )
    assert rates[1:] == pytest.approx(np.arange(14) / 14)
    assert "14/14" in capsys.readouterr().err


def test_a_target_that_is_no_class_is_found(classes):
    table = np.load(classes)
    table[200, -1] = 7
    np.save(classes, table)
    with pytest.raises(ValueError, match="target is class 7, but the 3 classes are 0 … 2"):
        fitted(classes)


def test_features_are_standardised_as_they_are_read(file, rows):
    data = stream(file).standardised()
    X, _ = next(data.chunks())
    expected = Standardiser.from_parts([rows[:, :-1].tolist()])
    assert data.standardiser.mean == pytest.approx(expected.mean)
    np.testing.assert_allclose(X, expected.transform(rows[: len(X), :-1].tolist()))
    assert stream(file).standardised(expected).standardiser is expected


def test_what_a_stream_cannot_do_is_said(classes):
    with pytest.raises(ValueError, match="y must not be given beside a stream"):
        nn.fit(nn.MLP(3, [3]), stream(classes), [0, 1])
    with pytest.raises(ValueError, match=r"validation=0.1 of a stream cannot be set aside"):
        fitted(classes, validation=0.1)
    with pytest.raises(ValueError, match=r"X\[0\]: MLP\(2 → 3 linear\) takes 2 inputs, not 3"):
        nn.fit(nn.MLP(2, [3]), stream(classes), progress=False)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (np.zeros(3), "array of 1 axes"),
        (np.array([["a", "b"]]), "<U1"),
        (np.zeros((5, 2)).T, "stored column by column"),
        (np.zeros((0, 3)), "there are no rows"),
        (np.zeros((3, 1)), "only one column"),
    ],
)
def test_an_array_that_is_no_table_is_refused(table, problem, tmp_path):
    np.save(tmp_path / "bad.npy", table)
    with pytest.raises(ValueError, match=problem):
        stream(tmp_path / "bad.npy")


def test_other_files_and_columns_are_refused(npy, tmp_path):
    with pytest.raises(ValueError, match=r"data.xlsx: the name must end in .npy, .parquet, .csv"):
        stream(tmp_path / "data.xlsx")
    with pytest.raises(ValueError, match="there is no column 'price'; the columns are 'x1'"):
        stream(npy, target="price")
    with pytest.raises(ValueError, match="there is no column 4"):
        stream(npy, target=4)
    with pytest.raises(FileNotFoundError):
        stream(tmp_path / "missing.npy")


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_found(npy, rows, number):
    rows[777, 2] = number
    np.save(npy, rows)
    with pytest.raises(ValueError, match=r"data.npy, row 777 of the data .*, column 'x3'"):
        list(stream(npy).chunks(random.Random(0)))


def test_a_text_in_a_csv_file_is_found(tmp_path):
    pytest.importorskip("pyarrow")
    lines = [f"{k};{k},5" for k in range(300)]
    path = tmp_path / "numbers.csv"
    path.write_text("a;b\n" + "\n".join(lines) + "\n\n")
    (X, y), *_ = stream(path).chunks()
    assert (X[3, 0], y[3]) == (3.0, 3.5)
    lines[250] = "250;cat"
    path.write_text("a;b\n" + "\n".join(lines))
    with pytest.raises(ValueError, match=r"numbers.csv, row 252, column 'b': 'cat' is not a numb"):
        list(stream(path).chunks())
    lines = ["1;2"] * 20_000  # more than what is read to find out how the file is written
    lines[-1] = "1"
    path.write_text("a;b\n" + "\n".join(lines))
    with pytest.raises(ValueError, match=r"numbers.csv, row 20001: 1 cells"):
        list(stream(path).chunks())


def test_a_column_of_texts_in_parquet_is_refused(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    arrow = pytest.importorskip("pyarrow")
    path = tmp_path / "pets.parquet"
    parquet.write_table(arrow.table({"kind": ["cat", "dog"], "y": [1, 2]}), path)
    with pytest.raises(ValueError, match="column 'kind' holds string"):
        stream(path)


def test_without_pyarrow_the_error_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyarrow.csv", None)
    (tmp_path / "a.csv").write_text("1,2\n3,4\n")
    with pytest.raises(ImportError, match=r'a.csv needs pyarrow: pip install "chainrule\[data\]"'):
        stream(tmp_path / "a.csv")


def test_files_are_converted_there_and_back(file, rows, tmp_path, capsys):
    convert(file, tmp_path / "new.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "new.npy"), rows)
    assert "1.00k/1.00k" in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"must end in .npy or .parquet"):
        convert(file, tmp_path / "new.txt")


def test_a_conversion_that_fails_leaves_the_old_file(npy, rows, tmp_path, monkeypatch):
    (tmp_path / "new.npy").write_text("old")
    monkeypatch.setattr("nn.data.blocks.NpyBlocks.read", lambda _, k: rows[: 1 // (20 - k)])
    with pytest.raises(ZeroDivisionError):
        convert(npy, tmp_path / "new.npy", progress=False)
    assert (tmp_path / "new.npy").read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data.npy", "new.npy"]


_PEAK = """
import random, resource, sys
from nn.data import stream
import numpy, concurrent.futures
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
n = sum(len(y) for _, y in stream(sys.argv[1]).chunks(random.Random(0), 256))
print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "large.npy"
    with path.open("wb") as file:  # 160 MB
        header = {"descr": "<f8", "fortran_order": False, "shape": (1_000_000, 20)}
        np.lib.format.write_array_header_1_0(file, header)
        for _ in range(10):
            file.write(np.ones(2_000_000).tobytes())
    run = subprocess.run(
        [sys.executable, "-c", _PEAK, path], capture_output=True, text=True, check=True, timeout=60
    )
    n, kilobytes = map(int, run.stdout.split())
    assert n == 1_000_000
    assert kilobytes < 130_000  # some chunks of 16 MiB
