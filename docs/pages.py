"""The pages of the site that are made from other files: a hook of MkDocs, see mkdocs.yml.

The home page is README.md; notebooks are shown with the outputs that they have; the reference is
read from docstrings. What runs in the browser comes by npm, as docs/package.json lists it, and the
packages themselves as the wheel that pip would install.
"""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

from griffe import Class, Extension, Object
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from nbconvert import MarkdownExporter

ROOT = Path(__file__).parent.parent
NODE_MODULES = ROOT / "docs" / "node_modules"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# The beginning of a page of the reference: the docstring of a room
HEAD = """\
::: {room}
    options:
      heading_level: 1
      members: false
      show_root_full_path: true
"""

# What the pages load, by the folder of the site where it stands
FROM_NPM = {
    "assets/mathjax": ["mathjax/es5/tex-svg.js"],
    "playground/vendor": [
        "@hpcc-js/wasm-graphviz/dist/index.js",
        *(
            f"pyodide/{name}"
            for name in (
                "pyodide.mjs",
                "pyodide.asm.mjs",
                "pyodide.asm.wasm",
                "pyodide-lock.json",
                "python_stdlib.zip",
            )
        ),
    ],
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the pages."""
    sys.path.insert(0, str(ROOT))
    config.nav = [
        {"Home": "index.md"},
        {"Playground": "playground/index.md"},
        {"Guide": ["guide.md", "coming_from.md", "scaling.md", "gallery.md"]},
        {"Notebooks": ["notebooks/index.md", *(f"notebooks/{path.stem}.md" for path in NOTEBOOKS)]},
        {"Reference": [{room: f"reference/{room}.md"} for room in reference()]},
        {"Project": ["CONTRIBUTING.md", "CHANGELOG.md"]},
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files that are made from others."""

    def add(address: str, **source: Any) -> None:
        files.append(File.generated(config, address, **source))

    add("index.md", content=linked(ROOT / "README.md"))
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        add(name, content=linked(ROOT / name))
    add("CITATION.cff", abs_src_path=str(ROOT / "CITATION.cff"))
    add("notebooks/index.md", content=linked(ROOT / "notebooks" / "README.md"))
    for path in NOTEBOOKS:
        text, outputs = rendered(path)
        add(f"notebooks/{path.stem}.md", content=text)
        add(f"notebooks/{path.name}", abs_src_path=str(path))
        for name, content in outputs.items():
            add(f"notebooks/{name}", content=content)
    for room, names in reference().items():
        add(f"reference/{room}.md", content="\n".join(names))
    if not NODE_MODULES.is_dir():
        npm = shutil.which("npm")
        if npm is None:
            raise FileNotFoundError("the site needs npm, which comes with Node.js")
        subprocess.run([npm, "install", "--no-package-lock"], cwd=ROOT / "docs", check=True)
    for folder, names in FROM_NPM.items():
        for name in names:
            add(f"{folder}/{Path(name).name}", abs_src_path=str(NODE_MODULES / name))
    add("playground/vendor/chainrule.whl", content=wheel())
    add("playground/vendor/graphviz.zip", content=zipped("graphviz"))
    return files


def linked(path: Path) -> str:
    """Return a page with links as they are on the site."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"\]\(docs/", "](", text)
    text = re.sub(r"\]\((notebooks/)README\.md\)", r"](\1index.md)", text)
    text = re.sub(r"\]\(autograd/engine/[^)]*\)", "](reference/autograd.engine.md)", text)
    return re.sub(r"\]\(([\w/]+)\.ipynb\)", r"](\1.md)", text)


def rendered(path: Path) -> tuple[str, dict[str, bytes]]:
    """Return a notebook as a page, and the pictures in it."""
    text, resources = MarkdownExporter().from_filename(str(path))
    outputs = resources["outputs"]
    for name in outputs:
        text = text.replace(f"]({name})", f"]({path.stem}/{name})")
    title, _, rest = text.partition("\n")
    lite = f'<a href="../lite/lab/index.html?path={path.name}">Run it in this browser</a>'
    here = f"{lite} · [Get it as a file]({path.name}){{ download }}"
    return f"{title}\n\n{here}\n{rest}", {f"{path.stem}/{k}": v for k, v in outputs.items()}


def reference() -> dict[str, list[str]]:
    """Return, for each room, the directives that show its docstring and its public names."""
    rooms: dict[str, list[str]] = defaultdict(list)
    for package in map(importlib.import_module, ("autograd", "nn")):
        for name in package.__all__:
            thing = getattr(package, name)
            if isinstance(thing, ModuleType):
                names = [f"{thing.__name__}.{inner}" for inner in thing.__all__]
                rooms[thing.__name__] += names
            else:
                home = getattr(thing, "__module__", package.__name__)
                rooms[".".join(home.split(".")[:2])].append(f"{home}.{name}")
    return {
        room: [HEAD.format(room=room), *(f"::: {name}\n" for name in names)]
        for room, names in rooms.items()
    }


class Docstrings(Extension):
    """Prepares what is read from the source for the reference."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """Show examples in docstrings as code, where Markdown would see quotations."""
        if obj.docstring is not None:
            example = re.compile(r"^( *)>>> .*?(?=^ *$|\Z)", re.MULTILINE | re.DOTALL)
            fenced = r"\1```pycon\n\g<0>\n\1```\n"
            obj.docstring.value = example.sub(fenced, obj.docstring.value)

    def on_class_members(self, *, cls: Class, **_: Any) -> None:
        """Leave out what the source does not have."""
        if "__init__" in cls.members and cls.members["__init__"].is_alias:
            del cls.members["__init__"]  # a protocol's is that of `typing`


def zipped(package: str) -> bytes:
    """Return an installed package of pure Python as an archive."""
    folder = Path(importlib.import_module(package).__file__ or "").parent
    with tempfile.TemporaryDirectory() as place:
        archive = shutil.make_archive(f"{place}/{package}", "zip", folder.parent, package)
        return Path(archive).read_bytes()


def wheel() -> bytes:
    """Build the packages from a copy, since setuptools leaves its traces where it builds."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("autograd", "nn"):
            shutil.copytree(ROOT / name, Path(folder) / name)
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, folder)
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
        command += ["--no-build-isolation", "--wheel-dir", folder, folder]
        subprocess.run(command, check=True)
        (built,) = Path(folder).glob("*.whl")
        return built.read_bytes()
