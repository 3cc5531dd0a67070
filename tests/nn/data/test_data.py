"""nn.data: data sets, CSV files, splitting, scaling and minibatches."""

import csv
import json
import math
import random
import re
import statistics
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn import data
from nn.data import (
    Column,
    Dataset,
    Note,
    Standardiser,
    batches,
    load,
    load_csv,
    one_hot,
    standardise,
    train_test_split,
)

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)


def exactly(message):
    """A pattern that matches this message and nothing else."""
    return f"^{re.escape(message)}$"


@pytest.fixture
def write(tmp_path):
    """Write a CSV file and return its path."""

    def write(content, name="data.csv"):
        path = tmp_path / name
        if isinstance(content, str):
            content = content.encode()
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def toy():
    return Dataset([[0.0, 1.0], [1.0, 0.0]], [1, 0], ("x1", "x2"), ("no", "yes"), "toy")


class TestDataset:
    def test_describes_itself(self, toy):
        assert (len(toy), toy.n_features, toy.n_classes) == (2, 2, 2)
        with pytest.raises(TypeError, match=r"inputs are \.X, and its targets \.y"):
            _, _ = toy
        assert repr(toy) == "<Dataset toy: 2 samples, 2 features, 2 classes>"
        numbers = Dataset([[1.0]], [0.5], ("x",), (), "line")
        assert numbers.n_classes == 0
        assert repr(numbers) == "<Dataset line: 1 samples, 1 features, regression>"
        unlabelled = Dataset([[1.0], [2.0]], [], ("x",), (), "new")
        assert repr(unlabelled) == "<Dataset new: 2 samples, 1 features, no targets>"
        assert unlabelled.subset([1]).y == []

    def test_subset_keeps_order_and_names(self, toy):
        subset = toy.subset([1, 0, 1])
        assert subset.X == [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]
        assert subset.y == [0, 1, 0]
        assert (subset.class_names, subset.feature_names) == (("no", "yes"), ("x1", "x2"))


class TestBundled:
    @pytest.mark.parametrize(
        ("name", "shape", "class_counts"),
        [
            ("digits", (1797, 64), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]),
            ("iris", (150, 4), [50, 50, 50]),
            ("wine", (178, 13), [59, 71, 48]),
            ("breast_cancer", (569, 30), [212, 357]),
        ],
    )
    def test_sizes_and_types(self, name, shape, class_counts):
        dataset = getattr(data, name)()
        assert dataset == load(name)
        assert dataset.name == name
        assert (len(dataset), dataset.n_features) == shape
        assert [dataset.y.count(k) for k in range(dataset.n_classes)] == class_counts
        assert {type(x) for row in dataset.X for x in row} == {float}
        assert {type(label) for label in dataset.y} == {int}
        assert {type(n) for n in dataset.class_names + dataset.feature_names} == {str}


class TestToy:
    @pytest.mark.parametrize("make", [data.moons, data.circles])
    def test_seeded_and_balanced(self, make):
        dataset = make(n=31, seed=3)
        assert dataset == make(n=31, seed=3) != make(n=31, seed=4)
        assert len(dataset) == 31
        assert abs(dataset.y.count(0) - dataset.y.count(1)) == 1
        assert {type(x) for row in dataset.X for x in row} == {float}
        assert load(dataset.name, seed=5) == make(seed=5)

    def test_moons_are_named_by_where_they_lie(self):
        moons = data.moons(noise=0.0)
        height = [[x[1] for x, k in zip(moons.X, moons.y, strict=True) if k == c] for c in (0, 1)]
        assert moons.class_names == ("upper", "lower")
        assert max(height[0]) > max(height[1])
        assert min(height[0]) > min(height[1])

    def test_circles_are_named_by_where_they_lie(self):
        circles = data.circles(noise=0.0)
        for point, k in zip(circles.X, circles.y, strict=True):
            assert math.hypot(*point) == pytest.approx(
                {"outer": 1, "inner": 0.5}[circles.class_names[k]]
            )


def test_a_path_is_loaded_as_csv(write):
    path = write("a,kind\n1,cat\n", "PETS.CSV")
    assert load(path) == load(str(path)) == load_csv(path)


EMPTY = 'empty="drop" leaves out such rows, and empty="mean" fills in the mean'
HINT = "; if this row holds the names of the columns, give the label by its name"


class TestCsv:
    def test_names_and_classes(self, write):
        pets = load_csv(write("height,weight,kind\n60,30.5,dog\n25,4,cat\n", "pets.csv"))
        assert pets == Dataset(
            [[60.0, 30.5], [25.0, 4.0]], [1, 0], ("height", "weight"), ("cat", "dog"), "pets"
        )

    @pytest.mark.parametrize("label", [0, -3, "kind"])
    def test_label_column(self, write, label):
        pets = load_csv(write("kind,height,weight\ndog,60,30.5\n"), label=label)
        assert pets.feature_names == ("height", "weight")
        assert (pets.X, pets.class_names) == ([[60.0, 30.5]], ("dog",))

    def test_no_label(self, write):
        new = load_csv(write("a,b\n1,2\n3,4\n"), label=None)
        assert new == Dataset([[1.0, 2.0], [3.0, 4.0]], [], ("a", "b"), (), "data")

    def test_no_header(self, write):
        pets = load_csv(write("60,dog,30.5\n25,cat,4\n"), label=1)
        assert pets.feature_names == ("x1", "x2")
        assert (pets.X, pets.y) == ([[60.0, 30.5], [25.0, 4.0]], [1, 0])

    def test_forced_header(self, write):
        path = write("2019,2020,kind\n1,2,cat\n")
        assert load_csv(path, header=True).feature_names == ("2019", "2020")
        assert load_csv(path, label="kind").feature_names == ("2019", "2020")
        assert load_csv(path).X == [[2019.0, 2020.0], [1.0, 2.0]]

    @pytest.mark.parametrize(
        ("labels", "y", "class_names"),
        [
            (["10", "9", "10"], [1, 0, 1], ("9", "10")),
            (["-1", "+1", "01"], [0, 1, 1], ("-1", "1")),
            (["b", "a", "10", "9"], [3, 2, 0, 1], ("10", "9", "a", "b")),
            (["1_0", "x"], [0, 1], ("1_0", "x")),
            (["1.0", "2.0"], [1.0, 2.0], ()),
            (["1", "2.5", "-1e3"], [1.0, 2.5, -1000.0], ()),
        ],
    )
    def test_rule_for_targets(self, write, labels, y, class_names):
        dataset = load_csv(write("".join(f"0,{label}\n" for label in labels)))
        assert (dataset.y, dataset.class_names) == (y, class_names)
        assert {type(target) for target in dataset.y} == {int if class_names else float}

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    @pytest.mark.parametrize("bom", ["", "\N{ZERO WIDTH NO-BREAK SPACE}"])
    def test_line_ends_and_byte_order_mark(self, write, end, bom):
        content = bom + end.join(["a ,b,Größe", "1, 2 ,klein ", "", "3,4, groß", "   ", ""])
        dataset = load_csv(write(content), label="Größe")
        assert dataset.feature_names == ("a", "b")
        assert (dataset.X, dataset.class_names) == ([[1.0, 2.0], [3.0, 4.0]], ("groß", "klein"))

    def test_quoted_cells(self, write):
        dataset = load_csv(write('"length, cm","say ""hi"""\n"1.5", "a,b"\n2,"two\nlines"\n'))
        assert dataset.feature_names == ("length, cm",)
        assert (dataset.X, dataset.class_names) == ([[1.5], [2.0]], ("a,b", "two\nlines"))

    @pytest.mark.parametrize(
        ("cell", "problem"),
        [
            ("abc", "'abc' is not a number"),
            ("1_000", "'1_000' is not a number"),
            ("1;5", "'1;5' is not a number"),
            ("", f"the cell is empty or says NA; {EMPTY}"),
            ("  ", f"the cell is empty or says NA; {EMPTY}"),
            *[(x, f"the cell is empty or says NA; {EMPTY}") for x in ("nan", "NA", "?", "N/A")],
            ("-inf", "'-inf' is not finite"),
            ("1e999", "'1e999' is not finite"),
        ],
    )
    def test_bad_feature(self, write, cell, problem):
        path = write(f"a,b,kind\n1,2,cat\n3,{cell},dog\n")
        with pytest.raises(ValueError, match=exactly(f"{path}, row 3, column 'b': {problem}")):
            load_csv(path)
        message = f"{path}, row 2, column 1 (counted from 0): {problem}"
        with pytest.raises(ValueError, match=exactly(message)):
            load_csv(write(f"1,2,cat\n3,{cell},dog\n"))

    @pytest.mark.parametrize(
        ("cells", "row", "problem"),
        [
            (["1.5", "n/a", "2"], 3, f"the cell is empty or says NA; {EMPTY}"),
            (["0", "1", "?"], 4, f"the cell is empty or says NA; {EMPTY}"),
            (["1.5", "none", "2"], 3, "'none' is not a number"),
            (["cat", "", "dog"], 3, f"the cell is empty or says NA; {EMPTY}"),
            (["cat", "dog", "nan"], 4, f"the cell is empty or says NA; {EMPTY}"),
            (["1", "inf", "2"], 3, "'inf' is not finite"),
        ],
    )
    def test_bad_target(self, write, cells, row, problem):
        path = write("a,target\n" + "".join(f"0,{cell}\n" for cell in cells))
        message = f"{path}, row {row}, column 'target': {problem}"
        with pytest.raises(ValueError, match=exactly(message)):
            load_csv(path)

    @pytest.mark.parametrize(
        ("content", "options", "message"),
        [
            ("a,b\n1,2\n", {"header": False}, r"row 1, column 0 \(counted from 0\): 'a' is not"),
            ('a,b\n\n1,"two\nlines"\n\nx,cat\n', {}, ", row 6, column 'a': 'x' is not a number"),
            ("size,9,b\n1,2,c\n", {}, f"row 1, column 0 .*'size' is not a number{HINT}"),
            ("size,9,b\n1,2,c\n", {"header": False}, "'size' is not a number$"),
            ("a,b,c\nx,1,cat\n2,1,dog\n", {}, "row 2, column 'a': 'x' is not a number"),
            ("a,b\n0,cat\n", {"task": "numbers"}, "row 2, column 'b': 'cat' is not a number"),
            ("", {}, "the file is empty"),
            ("\n \n", {}, "the file is empty"),
            ("a,b\n", {}, "there is a header but no row of data"),
            ("a,b\n1,2\n3\n", {}, ", row 3: 1 cells, but row 1 has 2"),
            ("a,b\n1,2,\n", {}, ", row 2: 3 cells, but row 1 has 2"),
            ("a:b\n1:2\n", {}, "there is only one column, the label, and no feature; the cells"),
            ("a;b\n1;2\n3,4\n", {}, ", row 3: 2 cells, but row 1 has 1"),
            (",a,b\n0,1,2\n", {}, r", row 1: column 0 \(counted from 0\) has no name in the head"),
            ("a,a,b\n0,1,2\n", {}, ", row 1: there are two columns 'a'"),
            ("a,b\n1,2\n", {"label": "c"}, "no column 'c'; the columns are 'a', 'b'"),
            ("a,b\n1,2\n", {"label": 2}, "no column 2; the columns are 'a', 'b'"),
            ("1,2\n", {"label": -3}, "no column -3; the columns are 0 to 1, without names"),
            ('a,b\n1,"2\n', {}, ", row 2: malformed CSV: unexpected end of data"),
            (b"a,b\n1,\xff\n", {}, "row 2: the file is not UTF-8 text, but probably latin1; save"),
            ("a,b\n1,2\n".encode("utf-16"), {}, "not UTF-8 text, but probably utf-16; save it as"),
            ("a,b\n,2\n3,\n", {"empty": "drop"}, "row 2, column 'a': the cell is empty, and so is"),
            ("a,b,c\n,1,2\n,3,4\n", {"empty": "mean"}, "column 'a': every cell of the column is"),
            ("a,b\n?,1\n?,2\n", {"empty": "mean"}, "column 'a': every cell of the column is"),
        ],
    )
    def test_bad_file(self, write, content, options, message):
        with pytest.raises(ValueError, match=r"data\.csv.*" + message):
            load_csv(write(content), **options)

    def test_cells_that_say_that_they_are_empty(self, write):
        path = write("a,coat,y\n1,?,0\nNA,long,1\n3,short,NaN\n2,short,1\n")
        assert load_csv(path, empty="drop").X == [[2.0, 1.0]]
        filled = load_csv(path, empty="mean")
        assert (filled.X, filled.y) == (
            [[1.0, 0.5, 0.5], [1.5, 1.0, 0.0], [2.0, 0.0, 1.0]],
            [0, 1, 1],
        )

    @pytest.mark.parametrize("label", [1.0, b"b", ["b"]])
    def test_a_label_that_is_neither_name_nor_index(self, write, label):
        with pytest.raises(ValueError, match=r"data\.csv: there is no column .*'a', 'b'"):
            load_csv(write("a,b\n1,2\n"), label=label)

    def test_name_of_the_label_needs_a_header(self, write):
        with pytest.raises(ValueError, match="label 'b' is a name, but header=False"):
            load_csv(write("a,b\n1,2\n"), label="b", header=False)

    @given(
        rows=st.lists(st.tuples(finite, finite, st.sampled_from(["a", "B,c", '"'])), min_size=1),
        header=st.booleans(),
    )
    def test_reads_what_the_csv_module_writes(self, tmp_path_factory, rows, header):
        path = tmp_path_factory.mktemp("csv") / "data.csv"
        with open(path, "w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([("u", "v", "kind"), *rows] if header else rows)
        dataset = load_csv(path)
        assert [[u, v] for u, v, _ in rows] == dataset.X
        assert [dataset.class_names[k] for k in dataset.y] == [kind for *_, kind in rows]


class TestTextColumns:
    PETS = "coat,weight,kind\nshort,4,cat\nlong,30.5,dog\nshort,5,cat\n"

    def test_each_text_is_a_feature_with_a_name(self, write):
        pets = load_csv(write(self.PETS))
        assert pets.feature_names == ("coat=long", "coat=short", "weight")
        assert pets.X == [[0.0, 1.0, 4.0], [1.0, 0.0, 30.5], [0.0, 1.0, 5.0]]
        assert pets.columns == (
            Column("coat", ("long", "short"), (1 / 3, 2 / 3)),
            Column("weight", (), (39.5 / 3,)),
        )
        text = "column 'coat' is text: its features are coat=long, coat=short"
        assert [note.text for note in pets.notes] == [text]

    def test_another_file_is_read_alike_by_name_or_in_order(self, write):
        pets = load_csv(write(self.PETS))
        by_name = load_csv(write("kind,weight,coat\ndog,2,short\n"), label=0, columns=pets.columns)
        assert (by_name.X, by_name.y, by_name.notes) == ([[0.0, 1.0, 2.0]], [0], ())
        unlabelled = load_csv(write("weight,coat\n2,long\n"), columns=pets.columns)
        assert (unlabelled.X, unlabelled.y) == ([[1.0, 0.0, 2.0]], [])
        in_order = load_csv(write("fur,kilograms\nlong,3\n"), columns=pets.columns)
        assert in_order.X == [[1.0, 0.0, 3.0]]
        assert in_order.feature_names == ("fur=long", "fur=short", "kilograms")
        assert "were taken in the order coat, weight" in in_order.notes[0].text

    def test_a_text_that_did_not_occur(self, write):
        columns = load_csv(write(self.PETS)).columns
        path = write("coat,weight\nbald,3\n")
        message = "row 2, column 'coat': 'bald' did not occur in the training, only long, short"
        with pytest.raises(ValueError, match=message):
            load_csv(path, columns=columns)

    def test_too_many_texts(self, write):
        rows = "".join(f"name{i},{i},a\n" for i in range(51))
        with pytest.raises(ValueError, match="column 'name': the column has 51 different texts"):
            load_csv(write("name,x,kind\n" + rows))
        assert load_csv(write("name,x,kind\n" + rows[: rows.index("name50")])).n_features == 51

    def test_labels_that_are_all_different_are_no_classes(self, write):
        rows = "".join(f'{i},"12,{i:03d}"\n' for i in range(21))  # with commas between thousands
        with pytest.raises(ValueError, match=r"row 2, column 'price': no two labels .* as 1234\.5"):
            load_csv(write("size,price\n" + rows))


class TestEmptyCells:
    GAPS = "age,coat,kind\n1,long,cat\n,short,dog\n3,,cat\n5,short,\n"

    def test_their_rows_are_left_out(self, write):
        pets = load_csv(write(self.GAPS), empty="drop")
        assert (pets.X, pets.class_names) == ([[1.0, 1.0]], ("cat",))
        text = "3 rows are left out because of an empty cell, as in row 3, column 'age'"
        assert pets.notes[0] == Note(text, "empty")

    def test_they_are_filled_in_except_for_a_label(self, write):
        pets = load_csv(write(self.GAPS), empty="mean")
        assert pets.X == [[1.0, 1.0, 0.0], [2.0, 0.0, 1.0], [3.0, 0.5, 0.5]]
        assert [note.text for note in pets.notes[:2]] == [
            "1 row is left out because of an empty label, as in row 5, column 'kind'",
            "2 empty cells are filled in with the mean of the column, as in row 3, column 'age'",
        ]

    def test_another_file_gets_the_means_of_the_first(self, write):
        columns = load_csv(write("age,b,kind\n1,0,cat\n3,0,dog\n")).columns
        new = load_csv(write("age,b\n7,1\n,1\n", "new.csv"), columns=columns)
        assert new.X == [[7.0, 1.0], [2.0, 1.0]]
        text = "1 empty cell is filled in with the mean of the training, as in row 3, column 'age'"
        assert new.notes == (Note(text),)
        with pytest.raises(ValueError, match="row 2, column 'kind': the label is missing; fill it"):
            load_csv(write("age,b,kind\n1,2,\n"), columns=columns)

    def test_other_options_are_refused(self, write):
        path = write("a,b\n1,2\n")
        for name, choices in (("empty", '"drop" or "mean"'), ("task", '"classes" or "numbers"')):
            with pytest.raises(ValueError, match=exactly(f"{name} must be {choices}, not 'zero'")):
                load_csv(path, **{name: "zero"})

    def test_a_file_without_gaps_has_no_notes(self, write):
        for empty in (None, "drop", "mean"):
            assert load_csv(write("age,kind\n1,cat\n3,dog\n"), empty=empty).notes == ()


class TestOtherSeparators:
    @pytest.mark.parametrize(("separator", "word"), [(";", "semicolons"), ("\t", "tabs")])
    def test_it_is_found_and_said(self, write, separator, word):
        rows = [["a", "b", "kind"], ["1.5", "2", "cat"], ["3", "4", "dog"]]
        dataset = load_csv(write("\n".join(map(separator.join, rows))))
        assert (dataset.X, dataset.feature_names) == ([[1.5, 2.0], [3.0, 4.0]], ("a", "b"))
        assert dataset.notes == (Note(f"cells are separated by {word}"),)

    def test_decimal_commas_and_points_between_thousands(self, write):
        dataset = load_csv(write("a;b;y\n1,5;-1.234,25;1.234\n-0,5;2e3;12,5\n3;1,5e2;7\n"))
        assert dataset.X == [[1.5, -1234.25], [-0.5, 2000.0], [3.0, 150.0]]
        assert dataset.y == [1234.0, 12.5, 7.0]
        separated = "cells are separated by semicolons, and numbers have decimal commas"
        assert dataset.notes == (Note(separated),)

    def test_decimal_points_stay_what_they_are_without_decimal_commas(self, write):
        assert load_csv(write("a;y\n1.234;5.5\n")).X == [[1.234]]

    def test_a_semicolon_in_a_text_is_no_separator(self, write):
        dataset = load_csv(write("a,kind\n1,x;y\n2,z\n"))
        assert dataset.class_names == ("x;y", "z")


class TestTaskOfWholeNumbers:
    @pytest.mark.parametrize(
        ("n", "values", "task"),
        [(200, 20, "classes"), (200, 21, "numbers"), (20, 10, "classes"), (20, 11, "numbers")],
    )
    def test_many_different_ones_are_amounts(self, write, n, values, task):
        dataset = load_csv(write("a,price\n" + "".join(f"0,{i % values}\n" for i in range(n))))
        assert bool(dataset.class_names) == (task == "classes")
        assert [note.argument for note in dataset.notes] == ["task"] * (task == "numbers")

    def test_the_task_can_be_asked_for(self, write):
        rows = "a,y\n" + "".join(f"0,{i}\n" for i in range(30))
        assert load_csv(write(rows), task="classes").n_classes == 30
        few = load_csv(write("a,y\n0,3\n0,5\n"), task="numbers")
        assert (few.y, few.class_names, few.notes) == ([3.0, 5.0], (), ())


class TestSplit:
    def test_parts_are_a_partition_and_targets_stay_with_their_samples(self):
        dataset = Dataset([[float(i)] for i in range(50)], list(range(50)), ("x",), (), "line")
        train, test = train_test_split(dataset, 0.3)
        assert (len(train), len(test)) == (35, 15)
        assert sorted(train.X + test.X) == dataset.X
        assert sorted(train.X) != train.X
        assert [x for [x] in train.X + test.X] == train.y + test.y

    def test_stratified(self):
        _, test = train_test_split(data.breast_cancer())
        assert [test.y.count(0), test.y.count(1)] == [42, 72]

    def test_class_with_one_sample(self):
        dataset = Dataset([[0.0]] * 5, [0, 0, 0, 0, 1], ("x",), ("cat", "dog"), "pets")
        with pytest.raises(ValueError, match=r"class 'dog' has one sample only.*stratify=False"):
            train_test_split(dataset, 0.5)
        assert [len(part) for part in train_test_split(dataset, 0.4, stratify=False)] == [3, 2]


class TestStandardiser:
    @given(st.lists(st.tuples(finite, finite), min_size=2, max_size=20))
    def test_mean_0_and_deviation_1(self, rows):
        dataset = Dataset([list(row) for row in rows], [], ("a", "b"), (), "random")
        (standardised,) = standardise(dataset)
        for before, after in zip(
            zip(*rows, strict=True), zip(*standardised.X, strict=True), strict=True
        ):
            assert statistics.fmean(after) == pytest.approx(0, abs=1e-6)
            if len(set(before)) == 1:
                assert max(map(abs, after)) <= 1e-6 * max(map(abs, before))
            elif statistics.pstdev(before) > 1e-5 * max(map(abs, before)):
                assert statistics.pstdev(after) == pytest.approx(1, rel=1e-6)

    def test_constant_column_becomes_zero(self):
        # The mean of these is off by rounding, so their computed deviation is 1e-17 and not 0.
        dataset = Dataset([[0.1, float(i)] for i in range(10)], [], ("a", "b"), (), "toy")
        standardiser = Standardiser.fit(dataset)
        assert standardiser.scale[0] == 1.0
        assert [row[0] for row in standardiser.apply(dataset).X] == pytest.approx([0.0] * 10)

    def test_applies_the_map_of_the_training_set(self):
        train = Dataset([[0.0], [4.0]], [0, 1], ("x",), ("a", "b"), "train")
        test = Dataset([[10.0]], [1], ("x",), ("a", "b"), "test")
        assert standardise(train, test) == (
            Dataset([[-1.0], [1.0]], [0, 1], ("x",), ("a", "b"), "train"),
            Dataset([[4.0]], [1], ("x",), ("a", "b"), "test"),
        )
        assert train.X == [[0.0], [4.0]]

    @given(st.lists(st.tuples(finite, st.floats(1e-300, 1e300)), max_size=4))
    def test_survives_json_exactly(self, columns):
        mean, scale = zip(*columns, strict=True) if columns else ((), ())
        standardiser = Standardiser(mean, scale)
        assert (
            Standardiser.from_dict(json.loads(json.dumps(standardiser.to_dict()))) == standardiser
        )


class TestOneHot:
    @given(st.lists(st.integers(0, 4)))
    def test_inverse_is_argmax(self, labels):
        rows = one_hot(labels, 5)
        assert [row.index(1.0) for row in rows] == labels
        assert all(sorted(row) == [0.0] * 4 + [1.0] for row in rows)
        assert {type(x) for row in rows for x in row} <= {float}


class TestBatches:
    @given(st.integers(0, 40), st.integers(1, 12), st.integers())
    def test_every_index_once(self, n, size, seed):
        cut = list(batches(n, size, rng=random.Random(seed)))
        assert sorted(i for batch in cut for i in batch) == list(range(n))
        assert all(len(batch) == size for batch in cut[:-1])
        assert all(1 <= len(batch) <= size for batch in cut)


bad = partial(Dataset, feature_names=("x",), class_names=("no", "yes"), name="bad")
plane = partial(Dataset, y=[], feature_names=("a", "b"), class_names=(), name="toy")
rng = random.Random(0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: bad([[1.0], [1.0, 2.0]], [0, 0]), "bad: row 1 of X has 2 values, but there are 1"),
        (lambda: bad([[1.0], [2.0]], [0]), "bad: X has 2 rows, y has 1 targets"),
        (lambda: bad([[1.0]] * 2, [0, 2]), "row 1: the label 2 is outside 0 … 1, as there are 2 c"),
        (lambda: bad([[1.0]] * 2, [-1, 0]), "row 0: the label -1 is outside 0 … 1"),
        *(
            (partial(make, **options), message)
            for make in (data.moons, data.circles)
            for options, message in (
                ({"n": 1}, "n must be at least 2, one sample per class, not 1"),
                *(({"noise": x}, f"deviation .* not {x}") for x in (-0.1, math.nan, math.inf)),
            )
        ),
        (
            lambda: load("mnist"),
            "no data set 'mnist'; choose from digits, iris, wine, breast_cancer, moons, circles, "
            r"or give a path ending in \.csv",
        ),
        *((partial(train_test_split, data.iris(), size), "test_size") for size in (0.0, 1.5, 2)),
        (lambda: Standardiser((0.0,), ()), "there are 1 means, but 0 scales"),
        (
            lambda: Standardiser((0.0, math.nan), (1.0, 1.0)),
            "feature 1: the mean must be finite, n",
        ),
        *(
            (partial(Standardiser, (0.0,), (x,)), f"feature 0: the scale must .* positive, not {x}")
            for x in (0.0, -1.0, math.inf)
        ),
        (lambda: Standardiser.fit(plane([])), "toy: cannot standardise a data set without samples"),
        *(
            (partial(Standardiser.fit, plane([[1.0, x]])), f"toy: row 0, feature 'b' is {x}")
            for x in (math.nan, math.inf)
        ),
        (
            lambda: Standardiser((0.0,), (1.0,)).transform([[1.0], [1.0, 2.0]]),
            "row 1 has 2 features, the standardiser has 1",
        ),
        (
            lambda: Standardiser.from_dict({"mean": [0.0], "std": [1.0]}),
            r"the keys 'mean' and 'scale', found \['mean', 'std'\]",
        ),
        (lambda: one_hot([0, -1], 3), "row 1: the label -1 is outside 0 … 2, as there"),
        (lambda: one_hot([0, 3], 3), "row 1: the label 3 is outside 0 … 2, as there"),
        (lambda: batches(5, 0, rng=rng), "batch_size must be at least 1, not 0"),  # at once
        (lambda: batches(-1, 2, rng=rng), "n must not be negative, not -1"),
    ],
)
def test_wrong_values_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: bad([[1.0]], [0.5]),
            TypeError,
            r"row 0: the label 0\.5 is not an integer class in",
        ),
        (lambda: load("nowhere.csv"), FileNotFoundError, r"nowhere\.csv"),
        (
            lambda: train_test_split([[1.0]]),
            TypeError,
            r"a Dataset, not a list; .* sklearn\.model_",
        ),
        (
            lambda: one_hot(2, 3),
            TypeError,
            r"must be a list of class indices, such as \[2\], not 2",
        ),
        (
            lambda: one_hot([0, 1, 1.0], 3),
            TypeError,
            r"row 2: the label 1\.0 is not an integer cla",
        ),
    ],
)
def test_wrong_things_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_import_is_light(run_python):
    code = "import sys, nn.data; print({'sklearn', 'scipy'} & set(sys.modules))"
    assert run_python(code).strip() == "set()"
