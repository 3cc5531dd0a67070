"""Worksheets: graphs that can be worked by hand, pages that show the right things."""

import base64
import itertools
import re
from fractions import Fraction

import browser
import pytest
from graphs import ordered
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.transforms import Bbox

from autograd.classroom import paper, worksheets
from autograd.command.cli import main

levels = st.sampled_from(sorted(worksheets.LEVELS))
seeds = st.integers(-1000, 1000)


def rows_of(page):
    """The cells of the rows of a page, without the title; it must load nothing."""
    assert "src=" not in page
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)[1:]
    return [[x.partition("</")[0] for x in re.split(r"<t[hd][^>]*>", row)[1:]] for row in rows]


@given(levels, seeds)
def test_numbers_can_be_worked_by_hand(level, seed):
    root = worksheets.make(level, seed).root
    for node in ordered(root):
        for x in (node.data, node.grad, *[d for d in node.local_derivatives if d is not None]):
            fraction = Fraction(x).limit_denominator(8)
            assert abs(fraction.numerator) <= 60
            assert float(fraction) == pytest.approx(x, abs=1e-12)


@given(st.integers(2, 4), seeds)
def test_from_level_2_on_some_node_has_two_users(level, seed):
    order = ordered(worksheets.make(level, seed).root)
    users = [sum(node in other.parents for other in order) for node in order]
    assert max(users) >= 2


@given(levels, seeds)
def test_no_rectifier_or_maximum_is_at_its_kink(level, seed):
    for node in ordered(worksheets.make(level, seed).root):
        if node.op == "relu":
            assert node.parents[0].data != 0.0
        if node.op == "maximum":
            assert node.parents[0].data != node.parents[1].data


def test_a_seed_gives_the_same_sheet_and_another_seed_another():
    pages = {worksheets.make(2, seed).sheet() for seed in range(10)}
    assert worksheets.make(2, 7).sheet() in pages
    assert len(pages) == 10


@settings(max_examples=12)  # pages have pictures, which take time
@given(levels, seeds)
def test_sheet_has_blanks_and_key_has_answers(level, seed):
    worksheet = worksheets.make(level, seed)
    order = ordered(worksheet.root)
    blank, answered = rows_of(worksheet.sheet()), rows_of(worksheet.key())
    assert len(blank) == len(answered) == len(order)
    assert [row[3].strip() for row in blank] == [""] * len(order)
    assert all((row[1] == "given") == (row[2] != "") for row in blank)
    found = sorted((row[2], row[3]) for row in answered)
    expected = sorted((written(node.data), written(node.grad)) for node in order)
    assert found == expected


def written(x):
    return str(Fraction(x).limit_denominator(8)).replace("-", "−")


@settings(max_examples=12)  # pages have pictures, which take time
@given(levels, seeds)
def test_the_terms_in_the_key_sum_to_the_gradient(level, seed):
    for row in rows_of(worksheets.make(level, seed).key()):
        if row[4] == "the result with respect to itself":
            assert row[3] == "1"
            continue
        terms = re.sub(r" from [^ ]+", "", row[4]).replace("−", "-").split(" + ")
        total = sum(
            Fraction(a.strip("()")) * Fraction(b.strip("()"))
            for a, b in [term.split(" · ") for term in terms]
        )
        assert written(float(total)) == row[3]


def test_command_writes_both_files(tmp_path, capsys):
    out = tmp_path / "sheet.html"
    assert main(["worksheet", "--seed", "7", "--level", "2", "--out", str(out)]) == 0
    worksheet = worksheets.make(2, 7)
    assert out.read_text(encoding="utf-8") == worksheet.sheet()
    assert (tmp_path / "sheet-key.html").read_text(encoding="utf-8") == worksheet.key()
    assert "sheet-key.html" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--level", "9"], "level must be one of 1, 2, 3, 4, not 9"),
        (["--out", "sheet.docx"], "end the name in .html or .pdf"),
        (["--count", "3", "--out", "sheet.html"], "3 worksheets are a PDF: end the name"),
        (["--count", "0"], "--count must be at least 1, not 0"),
        (["--out", "no/such/folder/sheet.html"], "no/such/folder"),
    ],
)
def test_command_refuses(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["worksheet", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def pages_of(path):
    """The number of pages of a PDF."""
    return int(
        re.search(rb"/Type /Pages[^>]*/Count (\d+)|/Count (\d+)", path.read_bytes())[0].split()[-1]
    )


def test_a_class_gets_a_page_each_and_the_same_again(tmp_path, capsys):
    out = tmp_path / "class.pdf"
    command = ["worksheet", "--level", "2", "--seed", "5", "--count", "2", "--out", str(out)]
    assert main(command) == 0
    assert "2 sheets are in" in capsys.readouterr().out
    key = tmp_path / "class-key.pdf"
    assert pages_of(out) == pages_of(key) == 2
    again = tmp_path / "again.pdf"
    worksheets.save([worksheets.make(2, seed) for seed in (5, 6)], again)
    assert again.read_bytes() == out.read_bytes() != key.read_bytes()


@pytest.mark.parametrize(("level", "solved"), [(1, False), (3, True), (4, False), (4, True)])
def test_a_page_has_room_for_everything(level, solved):
    page = worksheets.make(level, 3)._page(solved)
    figure = paper._drawn(page)
    renderer = FigureCanvasAgg(figure).get_renderer()
    (axes,) = figure.axes
    axes.tables[0].draw(renderer)  # which places its texts
    inside = [cell.get_text() for _, cell in sorted(axes.tables[0].get_celld().items())]
    texts = [*axes.texts, *inside]
    shown = [(text.get_text(), text.get_window_extent(renderer)) for text in texts]
    cells = [cell for row in [page.header, *page.rows] for cell in row]
    assert [text for text, _ in shown][-len(cells) :] == cells
    assert {page.title, page.subtitle, *page.task} <= {text for text, _ in shown}
    width, height = figure.canvas.get_width_height()
    for text, box in shown:
        if text:
            assert 0 < box.x0 < box.x1 < width
            assert 0 < box.y0 < box.y1 < height
    table = [box for text, box in shown[-len(cells) :] if text]
    assert not any(itertools.starmap(Bbox.overlaps, itertools.combinations(table, 2)))


@pytest.mark.slow
@pytest.mark.skipif(browser.MISSING is not None, reason=browser.MISSING or "")
def test_a_sheet_is_printed_on_one_page(tmp_path):
    running = browser.Browser(tmp_path / "chromium")
    try:
        for level, key in itertools.product(worksheets.LEVELS, (False, True)):
            page = worksheets.make(level, 3)
            path = tmp_path / "sheet.html"
            path.write_text(page.key() if key else page.sheet(), encoding="utf-8")
            running.open(path)
            data = running.call("Page.printToPDF", preferCSSPageSize=True)["data"]
            (tmp_path / "sheet.pdf").write_bytes(base64.b64decode(data))
            assert pages_of(tmp_path / "sheet.pdf") == 1
    finally:
        running.close()
