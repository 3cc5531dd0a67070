"""README.md: what it names is there."""

import re
from pathlib import Path

import autograd
import nn

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_pictures_and_links_lead_to_files():
    links = [link for link in re.findall(r"\]\(([^)]*)\)", README) if "://" not in link]
    assert len([link for link in links if link.endswith((".svg", ".png"))]) >= 5
    for link in links:
        assert (ROOT / link).is_file(), link


def test_the_table_of_files_is_true():
    rows = re.findall(r"^\| (`.*) \| (.*) \|$", README[README.index("## Layout") :], re.MULTILINE)
    assert len(rows) >= 12
    for where, what in rows:
        folder = ""
        for path in re.findall(r"`([\w/.]+(?:\.py|/))`", f"{where} {what}"):
            if "/" in path:
                folder, _, path = path.rpartition("/")
            assert (ROOT / folder / path).exists(), path


def test_what_the_packages_list_is_there():
    """Names in the docstrings of the packages, such as `draw`."""
    for package in (autograd, nn):
        listed = package.__doc__[: package.__doc__.index(">>>")]
        names = re.findall(r"`(\w+)`", listed)
        assert len(names) > 15
        assert [name for name in names if not hasattr(package, name)] == []
