"""The site as MkDocs builds it: links, names, and how its pages look in a browser."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

import autograd
import nn

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def test_what_the_tables_for_others_name_is_there():
    text = (DOCS / "coming_from.md").read_text(encoding="utf-8")
    ours = [line.split(" | ")[1] for line in text.splitlines() if line.startswith("| `")]
    names = re.findall(r"\b(autograd|nn)\.(\w+)", " ".join(ours))
    assert len(names) > 30
    rooms = {"autograd": autograd, "nn": nn}
    assert [f"{room}.{name}" for room, name in names if not hasattr(rooms[room], name)] == []


class Links(HTMLParser):
    """What a page links to, what it loads, and the places in it."""

    def __init__(self, page):
        super().__init__()
        self.links, self.loaded, self.places = [], [], {""}
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.places.add(found.get("id", ""))
        address = found.get("src") or found.get("href")
        if address and not address.startswith("data:"):
            (self.links if tag == "a" else self.loaded).append(address)


@pytest.mark.slow
def test_links_lead_to_places_and_nothing_is_loaded_from_elsewhere(site):
    ours = [x for x in site.rglob("*.html") if x.name != "404.html" and "lite" not in x.parts]
    pages = {path: Links(path) for path in ours}
    assert len(pages) > 30
    broken = []
    for path, page in pages.items():
        broken += [f"{path}: {x}" for x in page.loaded if "//" in x]
        for link in page.links + page.loaded:
            address, place = urldefrag(unquote(link))
            target = (path.parent / address.partition("?")[0]).resolve() if address else path
            known = pages[target].places if target in pages else {""}
            if "//" not in link and not (target.exists() and place in known):
                broken.append(f"{path}: {link}")
    assert broken == []
