"""The notebooks as they are committed: what they hold, what they check, and the table of both.

`python notebooks/check.py run` runs them.
"""

import base64
import copy
import io
import json
import subprocess
import sys
from urllib.parse import quote

import pytest
from matplotlib.figure import Figure
from PIL import Image

from notebooks import check

PATHS = check.paths()
CLEAN = "✓ L9: σ′ = σ(1 − σ) to within 1e-15\n"


def cell(kind, source, name, **rest):
    return {"cell_type": kind, "id": name, "metadata": {}, "source": [source], **rest}


def code(source, *outputs, count=1, name="check", **metadata):
    rest = {"outputs": list(outputs), "execution_count": count}
    return {**cell("code", source, name, **rest), "metadata": metadata}


def printed(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": [text]}


def shown(kind, text):
    data = {kind: [text]}
    return {"output_type": "display_data", "data": data, "metadata": {}}


@pytest.fixture
def notebook():
    """A small notebook without a fault."""
    return {
        "cells": [
            cell("markdown", "# Title\n\nIn short.\n", "title"),
            cell("markdown", "## Goals\n", "goals"),
            code("assert True\nprint('✓ L9: …')", printed(CLEAN)),
            cell("markdown", "## Exercises\n\n1. One\n2. Two\n3. Three\n", "exercises"),
            code("gate = ...", count=2, name="gate", tags=["exercise"]),
            code(
                "def check_gate():\n"
                "    return 'Right' if gate == 1 else 'Still to do: …'\n\n\nprint(check_gate())",
                printed("Still to do: …"),
                count=3,
                name="gate-check",
                tags=["check"],
            ),
            cell("markdown", "## Solutions\n", "solutions"),
            code(
                'gate = 1\nassert check_gate().startswith("Right")',
                count=4,
                name="solved",
                tags=["solution"],
                jupyter={"source_hidden": True},
            ),
            cell("markdown", "## References\n\n- A book\n", "references"),
        ],
        "metadata": copy.deepcopy(check.METADATA),
        "nbformat": 4,
        "nbformat_minor": 5,
    }


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder that is taken for that of the notebooks."""
    monkeypatch.setattr(check, "FOLDER", tmp_path)
    return tmp_path


def written(folder, notebook, name="01_one.ipynb"):
    path = folder / name
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_committed_notebook_has_no_faults(path):
    assert check.faults(path) == []
    assert check.check_lines(check.read(path)["cells"])


def test_the_table_of_the_readme_is_that_of_the_notebooks_and_misses_no_row():
    assert check.README.read_text(encoding="utf-8") == check.table()


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_in_colab_a_notebook_installs_what_it_needs(path):
    first = next(x for x in check.read(path)["cells"] if x["cell_type"] == "code")
    assert f"    %pip install --quiet git+{check.repository()}" in check.source(first)


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        (printed("read /home/ada/data.csv"), "a path of the machine: /home/"),
        (printed(f"in {check.ROOT}"), f"a path of the machine: {check.ROOT}"),
        (shown("text/html", "<img src='/tmp/a.png'>"), "a path of the machine: /tmp/"),
        (shown("image/svg+xml", "<title>C:\\Users\\ada</title>"), "a path of the machine"),
        (shown("text/plain", "<f at 0x7f20b6b01110>"), "an address in memory: 0x7f20b6b01110"),
        (printed("trained in 3.2 s"), "a time, which is another on each machine: 3.2 s"),
        (shown("text/plain", "12 ms per step"), "a time, which is another on each machine: 12 ms"),
        (printed("UserWarning: hm", "stderr"), "a warning: UserWarning: hm"),
        ({"output_type": "error", "ename": "E", "evalue": "", "traceback": []}, "an error"),
    ],
)
def test_an_output_that_must_not_be_committed_is_found(folder, notebook, output, fault):
    notebook["cells"][2]["outputs"].append(output)
    found = check.faults(written(folder, notebook))
    assert any(line.startswith(f"cell check: {fault}") for line in found), found


TEXTS = ["L5: 3 samples", "1.1e-16", "https://d2l.ai/tmp/x", "x = 2 state", "a/home/b", "0x10"]
PICTURE = shown("image/png", "iVBOR/tmp/0x7f20b6b01110")  # is not searched for words


@pytest.mark.parametrize("output", [*map(printed, TEXTS), PICTURE])
def test_other_outputs_are_no_faults(folder, notebook, output):
    notebook["cells"][2]["outputs"].append(output)
    assert check.faults(written(folder, notebook)) == []


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda n: n["cells"].pop(1), "there is no section Goals"),
        (lambda n: n["cells"].pop(), "there is no section References"),
        (lambda n: n["cells"][3].update(source=["## Exercises\n", "1. One\n"]), "it has not three"),
        (lambda n: n["cells"][2].update(execution_count=7), "its cells were not run once each"),
        (lambda n: n["cells"][2].update(source=["print('✓')"]), "cell check: a check line without"),
        (
            lambda n: n["cells"][2]["metadata"].update(execution={}),
            "cell check: metadata execution",
        ),
        (lambda n: n["cells"][0].update(source=["open /tmp/a"]), "cell title: a path of the mach"),
        (lambda n: n["cells"][1].update(id="title"), "two cells have the id title"),
        (lambda n: n["metadata"].update(version="3.11.7"), "its metadata name a machine's own"),
        (lambda n: n.update(nbformat_minor=4), "it is not in format 4.5"),
        (lambda n: n["cells"][4].update(metadata={}), "there is no cell for students to fill in"),
        (
            lambda n: n["cells"][4].update(source=["gate = 1"]),
            "cell gate: there is nothing to fill",
        ),
        (lambda n: n["cells"][5].update(metadata={}), "cell gate: the next is not tagged check"),
        (lambda n: n["cells"][5].update(source=["1"]), "cell gate: the next is not tagged check"),
        (lambda n: n["cells"][5].update(outputs=[]), "cell gate-check: it does not say what is"),
        (lambda n: n["cells"][7].update(source=["gate = 1"]), "cell gate: no solution fills it in"),
        (lambda n: n["cells"][0].update(source=["x" * 1_000_000]), "the file has 100"),
    ],
)
def test_a_fault_of_the_form_is_found(folder, notebook, damage, fault):
    damage(notebook)
    found = check.faults(written(folder, notebook))
    assert any(line.startswith(fault) for line in found), found


def test_only_printed_lines_that_begin_with_the_sign_are_check_lines(notebook):
    notebook["cells"].append(
        code("", printed("x ✓\n✓ more: yes\n"), shown("text/plain", "✓ no"), count=2)
    )
    assert check.check_lines(notebook["cells"]) == [CLEAN.strip(), "✓ more: yes"]


def test_the_table_has_a_line_for_each_check_of_a_row(folder, notebook, monkeypatch):
    monkeypatch.setattr(check, "ROWS", ["L9", "L23"])
    written(folder, notebook)
    table = check.table()
    assert "| [01_one](01_one.ipynb) | Title | In short. | [Colab](https://" in table
    assert f"{quote(check.repository(), safe='')}/HEAD?urlpath=lab/tree/notebooks/01_one" in table
    row = "| L9 | [01_one](01_one.ipynb) | Goals | [1] | σ′ = σ(1 − σ) to within 1e-15 |"
    assert row in table
    assert "| L23 | [01_one](01_one.ipynb) | References |  | 1 sources |" in table


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        (["L9", "L10", "L11", "L23"], "no notebook has a check line for L10, L11"),
        (["L10", "L23"], "the lecture has no L9"),
    ],
)
def test_a_row_that_is_missing_or_unexpected_is_an_error(
    folder, notebook, monkeypatch, rows, error
):
    monkeypatch.setattr(check, "ROWS", rows)
    written(folder, notebook)
    with pytest.raises(ValueError, match=error):
        check.table()


def test_pictures_are_reduced_to_256_colours_on_white():
    figure = Figure(facecolor="none")
    figure.subplots().plot([1, 3, 2])
    original, encoded = io.BytesIO(), base64.b64encode
    figure.savefig(original, format="png")
    smaller = base64.b64decode(check._smaller(encoded(original.getvalue()).decode()))
    assert len(smaller) < 0.7 * len(original.getvalue())
    reduced = Image.open(io.BytesIO(smaller))
    assert reduced.size == Image.open(original).size
    assert len(reduced.getcolors()) <= 256
    assert reduced.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_what_was_printed_in_pieces_is_joined(notebook):
    pieces = [printed("✓ L9: "), printed("yes\n✓ L"), shown("text/plain", "3"), printed("10: no\n")]
    notebook["cells"][2]["outputs"] = pieces
    notebook["cells"][2]["metadata"]["execution"] = {"shell.execute_reply": "now"}
    committable = check.committable(notebook)
    assert committable["cells"][2]["metadata"] == {}
    outputs = committable["cells"][2]["outputs"]
    assert [output.get("text") for output in outputs] == [
        ["✓ L9: yes\n", "✓ L"],
        None,
        ["10: no\n"],
    ]


def test_other_lines_may_differ_in_their_numbers_alone():
    def lines(text):
        return check.printed_lines([code("", printed(f"{text}\n✓ L1: 2\n"))])

    assert lines("tanh  0.061 -3") == lines("tanh   1e-05  4") == ["tanh # #", "✓ L1: 2"]
    assert lines("maximum(a0, 0.0, out=a4)") != lines("maximum(a0, zeros5, out=a4)")


def test_lines_that_differ_are_reported(capsys):
    assert check.report("01", ["✓ L1: a", "✓ L2: b"], ["✓ L1: a", "✓ L2: b"]) == []
    assert check.report("01", ["✓ L1: a", "✓ L2: b"], ["✓ L1: a", "✓ L2: c"])
    assert "-✓ L2: b\n+✓ L2: c" in capsys.readouterr().err


def test_names_choose_notebooks():
    assert check.paths(["01"]) == PATHS[:1]
    with pytest.raises(
        SystemExit, match="no notebook's name begins with '99'; there are 01_neuron"
    ):
        check.paths(["99"])


def test_the_checks_of_what_is_committed_need_no_package_of_jupyter():
    code = (
        "import sys; from notebooks import check; check.table(); check.faults(check.paths()[0]);"
        "assert not {'nbformat', 'nbmake', 'IPython'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=check.ROOT, check=True)


@pytest.mark.slow
def test_notebooks_run_from_a_clean_kernel_with_warnings_as_errors(folder, notebook, capfd):
    pytest.importorskip("nbmake")
    pytest.importorskip("xdist")
    written(folder, notebook)
    assert check.main(["run"]) == 1  # its committed line is not what it prints
    notebook["cells"][2]["source"] = [f"assert True\nprint({CLEAN.strip()!r})"]
    path = written(folder, notebook)
    assert check.main(["run"]) == 0
    assert check.main(["write"]) == 0
    assert check.check_lines(check.read(path)["cells"]) == [CLEAN.strip()]
    notebook["cells"][1]["id"] = "title"
    written(folder, notebook)
    assert check.main(["run"]) == 1
    assert "cell id 'title'" in capfd.readouterr().out
    notebook["cells"][1]["id"] = "goals"
    notebook["cells"][2]["source"] = ["import warnings; warnings.warn('a warning')"]
    written(folder, notebook)
    assert check.main(["run"]) == 1
    assert "UserWarning: a warning" in capfd.readouterr().out
