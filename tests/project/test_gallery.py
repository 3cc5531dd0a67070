"""docs/: the pictures and the page are those that docs/gallery.py makes."""

import importlib.util
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from pictures import SVG

from autograd.command.cli import main

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make the gallery anew, without what takes a browser."""
    spec = importlib.util.spec_from_file_location("gallery", DOCS / "gallery.py")
    gallery = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gallery)
    folder = tmp_path_factory.mktemp("docs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gallery.browser, "MISSING", "is not wanted here")
        gallery.make(folder)
    return folder


def content(svg):
    """The groups of an SVG, such as nodes, with the texts in them."""
    return [
        (group.get("class"), group.get("id"), [text.text for text in group.iter(f"{SVG}text")])
        for group in ET.parse(svg).iter(f"{SVG}g")
    ]


def shown_in(page):
    return re.findall(r"!\[[^\]]*\]\(([^)]*)\)", page.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_page_is_what_the_script_writes(made):
    written = (made / "gallery.md").read_text(encoding="utf-8")
    assert (DOCS / "gallery.md").read_text(encoding="utf-8") == written
    assert written.count("\n## ") >= 15
    assert "```math\n\\begin{aligned}" in written


@pytest.mark.slow
def test_the_drawings_are_what_the_script_makes(made):
    drawings = sorted(path.name for path in made.glob("*.svg"))
    assert len(drawings) >= 7
    for name in drawings:
        assert content(DOCS / name) == content(made / name), f"run python docs/gallery.py: {name}"


@pytest.mark.slow
def test_every_picture_is_there_and_small_and_shown(made):
    names = shown_in(DOCS / "gallery.md")
    pictures = [*DOCS.glob("*.svg"), *DOCS.glob("*.png")]
    assert sorted(names) == sorted(path.name for path in pictures)
    assert {path.name for path in made.iterdir()} <= {*names, "gallery.md"}
    for path in pictures:
        assert path.stat().st_size < 150_000
        assert path.suffix == ".svg" or path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_command_in_the_readme_draws_its_first_picture(tmp_path):
    assert main(["tanh(w*x + b)", "w=-3", "x=2", "b=6.88", "--draw", f"{tmp_path}/o.svg"]) == 0
    assert content(tmp_path / "o.svg") == content(DOCS / "neuron.svg")
