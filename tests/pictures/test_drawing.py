"""autograd.draw: the structure of the picture, the text in it, and the files."""

import copy
import math
import os
import pickle
import re
import stat
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from graphs import neuron
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pictures import SVG, parts, texts_inside
from PIL import Image

import autograd as ag
from autograd import (
    Value,
    clip,
    dot,
    files,
    fsum,
    log_sigmoid,
    notation,
    softmax,
    sqrt,
    tanh,
    where,
)
from autograd.engine import Primitive, table
from autograd.pictures import colours, render
from autograd.pictures.drawing import MAX_EDGES, MAX_NODES, Drawing, draw

EDGE = re.compile(r"^\t(n\d+):(\w) -> (n\d+)(?::p(\d+))?:(\w)(?: \[(.*)\])?$", re.MULTILINE)


def edges(drawing):
    """The edges as (from, to, slot or None, dashed)."""
    found = [
        (tail, head, slot and int(slot), "dashed" in (look or ""))
        for tail, _, head, slot, _, look in EDGE.findall(drawing.source)
    ]
    assert len(found) == len(re.findall(r"^\t\S+ -> ", drawing.source, re.MULTILINE))
    return [
        (tail, head, None if slot == "" else slot, dashed) for tail, head, slot, dashed in found
    ]


def key_of(drawing, text):
    """The key of the one node in which a text stands."""
    (key,) = [key for key, texts in parts(drawing).items() if text in texts]
    return key


# --- what is in the picture ---------------------------------------------------------------------


def test_nodes_show_name_symbol_data_and_gradient():
    assert sorted(parts(draw(neuron(backward=True))).values()) == sorted(
        [
            ["w", "data", "-3", "grad", "1.002"],
            ["x", "data", "2", "grad", "-1.503"],
            ["×", "data", "-6", "grad", "0.501"],
            ["b", "data", "6.88", "grad", "0.501"],
            ["+", "data", "0.88", "grad", "0.501"],
            ["tanh", "o", "data", "0.7064", "grad", "1"],
        ]
    )


@pytest.mark.parametrize(
    ("show", "texts"),
    [
        ((), ["x"]),
        (["data"], ["x", "data", "2"]),
        (["grad"], ["x", "grad", "5"]),
        ("grad", ["x", "grad", "5"]),
        (("grad", "data"), ["x", "data", "2", "grad", "5"]),
    ],
)
def test_show_chooses_the_fields(show, texts):
    x = Value(2.0, "x")
    x.grad = 5.0
    assert parts(draw(x, show=show)) == {"n0": texts}


def test_kinds_of_nodes_differ_in_shape():
    x = Value(2.0, "x")
    root = ET.fromstring(draw(x * 3)._repr_svg_())
    frames = {}
    for group in root.iter(f"{SVG}g"):
        if group.get("class") == "node":
            texts = [text.text for text in group.iter(f"{SVG}text")]
            frames[texts[0]] = {element.tag.removeprefix(SVG) for element in group.iter()}
    assert "path" in frames["x"]  # round corners
    assert "polygon" not in frames["x"]
    assert "ellipse" in frames["3"]
    assert "polygon" in frames["×"]
    assert "path" not in frames["×"]


def test_a_coloured_gradient_stays_inside_of_the_round_corner():
    x = Value(2.0, "x")
    x.grad = 5.0
    root = ET.fromstring(draw(x, legend=False)._repr_svg_())

    def points(written):
        return [tuple(map(float, p.split(","))) for p in re.findall(r"-?[\d.]+,-?[\d.]+", written)]

    outline = points(root.find(f".//{SVG}path").get("d"))[::3]  # without control points
    right, bottom = max(px for px, _ in outline), max(py for _, py in outline)
    radius = min(right - px for px, py in outline if py == bottom and px < right)
    (cell,) = [
        p for p in root.iter(f"{SVG}polygon") if p.get("fill").upper() == colours.shade(5.0, 5.0)
    ]
    px, py = max(points(cell.get("points")))
    assert radius > 5
    assert math.dist((px, py), (right - radius, bottom - radius)) < radius


def test_an_operand_used_twice_has_two_edges():
    a = Value(3.0, "a")
    assert edges(draw(a + a)) == [("n0", "n1", 0, False), ("n0", "n1", 1, False)]


def test_the_order_of_operands_shows():
    a, b = Value(3.0, "a"), Value(4.0, "b")
    for root, first, second in ((a - b, "a", "b"), (b - a, "b", "a")):
        picture = draw(root)
        symbol = next(key for key, texts in parts(picture).items() if "−" in texts)
        assert edges(picture) == [
            (key_of(picture, first), symbol, 0, False),
            (key_of(picture, second), symbol, 1, False),
        ]


def test_the_slots_of_operands_are_named_in_order():
    picture = draw(dot([Value(1.0, "w")], [Value(2.0, "x")], 3.0))
    assert parts(picture)[key_of(picture, "⟨w, x⟩ + b")][:3] == ["w₁", "x₁", "b"]


def cases_of_where():
    x, y = Value(2.0, "x"), Value(3.0, "y")
    plain, unnamed = Value(0.0, "v"), Value(0.5)
    yield where(True, x, y), [False, True]
    yield where(False, x, y), [True, False]
    yield where(True, x, x), [False, True]
    yield where(True, x, 5.0), [False, True]
    yield where(False, 5.0, x), [True, False]
    yield where(True, 5.0, x), [False, True]
    yield where(False, x, 5.0), [True, False]
    yield where(True, float("nan"), x), [False, True]
    yield where(plain > 0, plain, 0.0), [True, False]  # relu at 0: data alone cannot tell
    yield where(False, tanh(plain), 0.0), [True, False]
    yield where(False, unnamed, 5.0), [True, False]


@pytest.mark.parametrize(("root", "dashed"), list(cases_of_where()))
def test_the_branch_not_taken_is_dashed(root, dashed):
    head = f"n{len(parts(draw(root))) - 1}"
    assert [e[3] for e in edges(draw(root)) if e[1] == head] == dashed


def test_a_shared_node_is_drawn_once():
    a = Value(3.0, "a")
    shared = a * 2
    picture = draw(shared * shared + shared)
    assert len(parts(picture)) == 5
    assert len(edges(picture)) == 6


def test_several_roots_in_one_picture():
    xs = [Value(1.0, "x"), Value(2.0, "y")]
    picture = draw(softmax(xs))
    assert len(parts(picture)) == 4
    assert len(edges(picture)) == 4
    assert parts(draw([xs[0], xs[0]])) == {"n0": ["x", "data", "1", "grad", "0"]}
    assert parts(draw(x for x in xs)).keys() == {"n0", "n1"}


def test_numbers_are_told_from_variables_whoever_looked_before():
    def expression():
        return clip(Value(0.5, "x") * 2 + 1, -1, 1)

    looked = expression()
    assert len(looked.parents) == 3
    for root in (expression(), looked, copy.deepcopy(looked), pickle.loads(pickle.dumps(looked))):
        assert draw(root).source == draw(expression()).source
        assert draw(root).source.count("ellipse") == 4


@pytest.mark.parametrize(
    ("rankdir", "sides"), [("LR", "ew"), ("RL", "we"), ("TB", "sn"), ("BT", "ns")]
)
def test_edges_leave_and_enter_on_the_sides_of_the_direction(rankdir, sides):
    picture = draw(Value(3.0, "a") / Value(4.0, "b"), rankdir=rankdir)
    assert {(tail, head) for _, tail, _, _, head, _ in EDGE.findall(picture.source)} == {
        tuple(sides)
    }
    assert f"rankdir={rankdir}" in picture.source
    places = places_of(picture)
    (slot,), (other,), (row,) = places["num."], places["den."], places["0.75"]
    # The slots are side by side along the edge of the box that is nearer to the operands.
    across, along = (0, 1) if rankdir in ("LR", "RL") else (1, 0)
    assert (slot[across] < row[across]) == (rankdir in ("LR", "TB"))
    assert abs(slot[across] - other[across]) < 5 < abs(slot[along] - other[along])


def places_of(picture, key=None):
    """Where each text of the picture, or of one node, begins: (x, y), y downwards."""
    places = {}
    for group in ET.fromstring(picture._repr_svg_()).iter(f"{SVG}g"):
        if group.get("class") == "node" and key in (None, group.find(f"{SVG}title").text):
            for text in group.iter(f"{SVG}text"):
                place = float(text.get("x")), float(text.get("y"))
                places.setdefault(text.text, []).append(place)
    return places


def test_many_slots_do_not_draw_the_rows_apart():
    def line_height(count):
        picture = draw(dot([1.0] * count, [Value(1.0)] * count))
        places = places_of(picture, key_of(picture, "⟨w, x⟩ + b"))
        ((_, upper),), ((_, lower),) = places["data"], places["grad"]
        return lower - upper

    assert line_height(1) == pytest.approx(line_height(12), abs=2)


def test_every_operation_can_be_drawn():
    roots = []
    for op in table.TABLE.values():
        if op.partials is None:
            continue
        count = len(op.partials) if isinstance(op.partials, tuple) else 5
        node = op(*[Value(0.5 + i / 10) for i in range(count)])
        assert len(notation.roles(op.name, count)) == count
        roots.append(node)
    picture = draw([*roots, where(True, Value(1.0), 2.0)], collapse="none")
    texts = [text for texts in parts(picture).values() for text in texts]
    for root in roots:
        assert notation.symbol(root.op) in texts
    assert texts.count("w₂") == 1


def test_an_operation_without_a_listing_goes_by_its_name_and_numbers_its_operands():
    assert notation.symbol("hypotenuse") == "hypotenuse"
    assert notation.roles("hypotenuse", 3) == ("1", "2", "3")
    assert notation.roles("hypotenuse", 1) == ("",)
    assert notation.roles("softmax", 3) == ("xᵢ", "", "")


@pytest.mark.parametrize(
    ("x", "text"),
    [(0.0, "0"), (-0.0, "-0"), (2 / 3, "0.6667"), (1e-9, "1e-09"), (123456.0, "1.235e+05")]
    + [(float(x), x) for x in ("nan", "inf", "-inf")],
)
def test_numbers_have_four_significant_digits(x, text):
    assert parts(draw(Value(x), show=["data"])) == {"n0": ["data", text]}


# --- names --------------------------------------------------------------------------------------

NAMES = [
    "<script>alert(1)</script>",
    "</svg><!--",
    "]]>",
    "\"quoted\" and 'single'",
    "back\\slash \\N \\G \\L \\n \\",
    "two\nlines\tand\x00\x1b[31m",
    "{a|b|<port> c}",
    "&amp; &lt; &#65; &",
    "layer1.neuron12.w3",
    "θ̂ ∂L/∂w ± √2",
    "漢字の名前",
    "שלום",
    "مرحبا",
    "\u202eevil",
    "\ud800",
    "%s $x -> n0:p0",
    " ",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_shown_as_text(name):
    x = Value(1.0, name)
    root = tanh(x * 2.0)
    root.name = name
    picture = draw(root)
    inside = notation.label(name.removeprefix("layer1.neuron12."))  # the frame says the rest
    for key, shown in (("n0", inside), ("n3", notation.label(name))):
        text = [t.replace(" ", "\xa0") for t in parts(picture)[key]]
        assert shown.replace(" ", "\xa0") in text
    assert len(parts(picture)) == 4
    assert len(edges(picture)) == 3
    tree = ET.fromstring(picture._repr_svg_())
    assert {e.tag for e in tree.iter()} <= {
        SVG + tag for tag in ("svg", "g", "title", "polygon", "path", "ellipse", "text", "a")
    }
    titles = [v for e in tree.iter() for k, v in e.items() if k.endswith("}title")]
    assert f"{notation.label(name)} data=1.0 grad=0.0".strip() in [t.strip() for t in titles]


@given(st.text(max_size=40).filter(lambda name: "." not in name))  # a path is drawn in frames
@example("&#92;\\")
@settings(max_examples=25, deadline=None)
def test_no_name_breaks_the_picture(name):
    shown = notation.label(name)
    texts = parts(draw(Value(1.0, name), show=()))["n0"]
    assert [t.replace(" ", "\xa0") for t in texts] == [shown.replace(" ", "\xa0")] * bool(shown)


def test_a_long_name_is_cut():
    picture = draw(Value(1.0, "x" * 33))
    assert parts(picture)["n0"][0] == "x" * 31 + "…"
    assert "x" * 33 in picture.source  # the tooltip has more
    assert parts(draw(Value(1.0, "x" * 32)))["n0"][0] == "x" * 32
    assert len(draw(Value(1.0, "x" * 10**6)).source) < 2000


def test_the_name_of_an_operation_is_text_too():
    op = Primitive("<b>\n\ud800" + "y" * 40, abs, (lambda *_: 1.0,))
    picture = draw(op(Value(1.0)), show=())
    assert parts(picture)["n1"] == ["<b>\\n\\ud800" + "y" * 20 + "…"]


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_text_is_inside_its_box(rankdir):
    names = ["w", "W" * 32, "layers.0.neurons.12.w.34", "ЖИЗНЬ ЩУКА", "θ̂ ∂L/∂w ± √2", "x" * 40]
    leaves = [Value(-1.2345e-105, name) for name in names]
    roots = [dot(leaves[:3], leaves[3:], 1.0), fsum(leaves), leaves[0] - leaves[1]]
    for root, name in zip(roots, reversed(names), strict=False):
        root.name = name
    roots += [op(leaves[0]) for op in (sqrt, tanh, table.expm1, table.log_sigmoid)]
    assert texts_inside(draw(roots, rankdir=rankdir, collapse="none")) > 60


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_text_is_inside_its_box_in_collapsed_pictures(rankdir):
    name = "ЖИЗНЬ_ЩУКА.layer1.neuron1."
    w = [Value(-1.2345e-105, f"{name}w{i}") for i in range(1, 4)]
    b = Value(1.0, f"{name}b")
    xs = [[Value(1e-300 * i, "W" * 28 + str(k)) for k in range(3)] for i in range(9)]
    loss = fsum([log_sigmoid(sqrt(dot(w, x, b))) for x in xs])
    for level in ("neuron", "layer", "module"):
        assert texts_inside(draw(loss, collapse=level, rankdir=rankdir)) >= 20
    model = Holder([*[(v.name, v) for v in w], (b.name, b)])
    assert texts_inside(draw(model, rankdir=rankdir)) >= 5
    compiled = ag.compile(lambda щщщщ_жшю, wwwwwwwww: log_sigmoid(щщщщ_жшю * wwwwwwwww))
    compiled(1.0, 2.0)
    assert texts_inside(draw(compiled, rankdir=rankdir)) >= 6


class Holder:
    """A model that cannot be called."""

    def __init__(self, named):
        self.named = named

    def named_parameters(self):
        return self.named


# --- reproducible, and of any depth -------------------------------------------------------------


def test_the_source_is_the_same_in_every_process():
    code = (
        "from autograd import *\n"
        "from autograd.pictures.drawing import draw\n"
        "x, y = Value(1.0, 'x'), Value(2.0, 'y')\n"
        "z = [Value(float(i)) for i in range(9)]\n"
        "print(draw(where(x > y, x, y * 2) + fsum(z) - 3 ** x).source)"
    )
    sources = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(sources) == 1
    assert "digraph" in sources.pop()


def test_a_deep_graph_needs_no_recursion():
    x = Value(1.0)
    for _ in range(MAX_NODES - 1):
        x = tanh(x)
    assert draw(x, collapse="none").source.count("->") == MAX_NODES - 1
    with pytest.raises(ValueError, match=f"has {MAX_NODES + 1} nodes"):
        draw(tanh(x), collapse="none")
    for _ in range(50_000):
        x = tanh(x)
    with pytest.raises(ValueError, match=r"has 52000 nodes and 51999 edges.*draw a part"):
        draw(x, collapse="none")


def test_too_many_edges():
    x = Value(1.0)
    with pytest.raises(ValueError, match=f"has 2 nodes and {MAX_EDGES + 1} edges"):
        draw(fsum([x] * (MAX_EDGES + 1)), collapse="none")
    draw(fsum([x] * MAX_EDGES), collapse="none")


# --- wrong arguments ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("root", "error", "message"),
    [
        (3.0, TypeError, r"draw needs Values, a model or a compiled function, not 3\.0"),
        ([], ValueError, "the list is empty"),
        ([Value(1.0), 2], TypeError, "draw needs Values, and element 1 is 2"),
        ("ab", TypeError, "element 0 is 'a'"),
    ],
)
def test_roots_must_be_values(root, error, message):
    with pytest.raises(error, match=message):
        draw(root)


def test_unknown_words():
    with pytest.raises(
        ValueError, match='show may contain "data", "grad" and "local", not \'value\''
    ):
        draw(Value(1.0), show=["data", "value"])
    with pytest.raises(ValueError, match=r'collapse must be "auto", .* or "module", not \'all\''):
        draw(Value(1.0), collapse="all")
    with pytest.raises(ValueError, match="rankdir must be one of LR, RL, TB, BT, not 'up'"):
        draw(Value(1.0), rankdir="up")


# --- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "start"),
    [("g.svg", b"<?xml"), ("g.PNG", b"\x89PNG"), ("g.dot", b"digraph"), ("a.b.svg", b"<?xml")],
)
def test_save_writes_the_format_of_the_suffix(tmp_path, name, start):
    path = draw(neuron(backward=True)).save(tmp_path / name)
    assert path == tmp_path / name
    assert path.read_bytes().startswith(start)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert draw(neuron(backward=True)).save(str(path)) == path  # again, as a text, over the first


@pytest.mark.parametrize("name", ["g.mp4", "g", ".svg", "g.svg.txt", ""])
def test_unknown_suffix(tmp_path, name):
    with pytest.raises(ValueError, match=r"end the name in \.svg, \.png, \.gif, \.pdf, \.tex or"):
        draw(Value(1.0)).save(tmp_path / name)
    with pytest.raises(ValueError, match="can be svg, png, gif, pdf, tex, dot, not 'mp4'"):
        render.render("digraph {}", "mp4")


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "g.svg"
    path.write_text("old")
    with pytest.raises(
        RuntimeError, match=r"(?s)graphviz-pure failed with exit status 1: .*syntax"
    ):
        Drawing("no graph").save(path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["g.svg"]


def test_files_are_written_through_links(tmp_path):
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "target.txt")
    files.write_atomically(link, "text ✓")
    assert link.is_symlink()
    assert (tmp_path / "target.txt").read_text(encoding="utf-8") == "text ✓"


def test_it_displays_itself_in_a_notebook():
    assert draw(neuron(backward=True))._repr_svg_().startswith("<?xml")
    assert repr(draw(neuron(backward=True))) == '<Drawing; .save("graph.svg") writes it to a file>'
    assert str(draw(neuron(backward=True))) == draw(neuron(backward=True)).text


def test_svg_names_fonts_for_every_machine():
    assert 'font-family="Helvetica,sans-Serif"' in draw(neuron(backward=True))._repr_svg_()


def test_png_has_brackets_that_its_fonts_have():
    source = 'digraph { a [label="%s"] }'
    assert render.render(source % "⟨w⟩", "png") == render.render(source % "‹w›", "png")


def test_a_large_png_is_scaled_down():
    x = Value(1.0)
    for _ in range(100):
        x = tanh(x)
    png = render.render(draw(x, collapse="none").source, "png")
    assert int.from_bytes(png[16:20]) in range(7900, 8001)


# --- programs that are missing or fail ----------------------------------------------------------


def program(folder, name, script):
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{script}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def only_folder(tmp_path, monkeypatch):
    """An empty folder, the one place where programs are looked for."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(render.sysconfig, "get_path", lambda _: str(tmp_path / "scripts"))
    return tmp_path


def test_graphviz_pure_is_missing(only_folder):
    for suffix in ("svg", "png", "gif", "pdf", "tex"):
        with pytest.raises(RuntimeError, match="install it with `pip install graphviz-pure`"):
            Drawing("digraph { a }").save(only_folder / f"g.{suffix}")


def test_graphviz_pure_beside_the_interpreter_comes_before_that_on_the_search_path(only_folder):
    program(only_folder, "graphviz-pure", "print('<svg/>')")
    assert Drawing("digraph { a }")._repr_svg_() == "<svg/>\n"
    (only_folder / "scripts").mkdir()
    program(only_folder / "scripts", "graphviz-pure", "print('<svg></svg>')")
    assert Drawing("digraph { a }")._repr_svg_() == "<svg></svg>\n"


def test_a_program_that_fails(only_folder):
    program(only_folder, "graphviz-pure", "import sys; sys.exit(3)")
    with pytest.raises(RuntimeError, match="failed with exit status 3: no message"):
        Drawing("digraph { a }")._repr_svg_()


def test_a_program_that_does_not_start(only_folder):
    program(only_folder, "graphviz-pure", "").write_text("#!/no/such/interpreter\n")
    with pytest.raises(RuntimeError, match="graphviz-pure does not start: "):
        Drawing("digraph { a }")._repr_svg_()


def test_the_module_is_light():
    code = (
        "import sys, autograd.pictures.drawing\n"
        "heavy = {'graphviz', 'numpy', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_pdf_is_as_large_as_the_picture_and_the_same_each_time_and_a_gif_as_a_png(tmp_path):
    picture = draw(Value(2.0, "a") * 3)
    content = picture.save(tmp_path / "graph.pdf").read_bytes()
    width, height = re.search(
        r'<svg width="(\d+)pt" height="(\d+)pt"', picture._repr_svg_()
    ).groups()
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", content).groups()
    assert [float(side) for side in box] == pytest.approx([float(width), float(height)], abs=1)
    assert content == picture.save(tmp_path / "again.pdf").read_bytes()
    with (
        Image.open(picture.save(tmp_path / "graph.gif")) as still,
        Image.open(picture.save(tmp_path / "graph.png")) as other,
    ):
        assert still.n_frames == 1
        assert still.size == pytest.approx(other.size, abs=4)
