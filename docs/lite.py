"""The notebooks in the browser: JupyterLite, in the folder lite/ of the site. A hook of MkDocs.

Python starts from files of the site alone. NumPy and its kin, compiled for the browser, are on no
registry: notebooks that import them get them from Pyodide's own server.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig

ROOT = Path(__file__).parent.parent
WHEELS = ROOT / "docs" / "node_modules" / "wheels"  # got once, as what comes by npm
OFFICIAL = "https://cdn.jsdelivr.net/pyodide/v{version}/full/"

# What a kernel starts from, by Pyodide's list of packages, and what this list has not
LISTED, OTHERS = ("micropip", "ipython"), ("comm", "graphviz")

FIRST_CELL = """\
# Python runs in this browser: get the packages, and a Graphviz that draws here.
%pip install --quiet chainrule names
from pyodide.code import run_js
from autograd.pictures import set_layout

site = run_js("location.href").split("/lite/")[0]
graphviz = await (await run_js(f"import('{site}/playground/vendor/index.js')")).Graphviz.load()
set_layout(graphviz.dot)"""

_serving = False


def on_startup(command: str, **_: Any) -> None:
    """Note whether pages are shown while they are written, which need not wait for JupyterLite."""
    global _serving
    _serving = command == "serve"


def on_post_build(config: MkDocsConfig) -> None:
    """Build JupyterLite into the site."""
    if _serving:
        return
    site = Path(config.site_dir)
    vendor = site / "playground" / "vendor"
    others = kernel_packages(vendor)
    kernel = {
        "pyodideUrl": "../../playground/vendor/pyodide.mjs",
        "loadPyodideOptions": {"lockFileURL": "../../playground/vendor/lock.json"},
    }
    settings = {"litePluginSettings": {"@jupyterlite/pyodide-kernel-extension:kernel": kernel}}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "jupyter-lite.json").write_text(
            json.dumps({"jupyter-lite-schema-version": 0, "jupyter-config-data": settings})
        )
        (place / "notebooks").mkdir()
        for path in (ROOT / "notebooks").glob("*.ipynb"):
            (place / "notebooks" / path.name).write_text(prepared(path), encoding="utf-8")
        version = importlib.import_module("autograd").__version__
        wheel = place / f"chainrule-{version}-py3-none-any.whl"
        wheel.write_bytes((vendor / "chainrule.whl").read_bytes())
        command = [sys.executable, "-W", "ignore", "-m", "jupyterlite_core", "build"]
        command += ["--no-sourcemaps", "--no-unused-shared-packages", "--contents", "notebooks"]
        command += ["--output-dir", str(site / "lite")]
        for file in (wheel, *others):
            command += ["--piplite-wheels", str(file)]
        subprocess.run(command, cwd=place, check=True, stdout=subprocess.DEVNULL)


def kernel_packages(vendor: Path) -> list[Path]:
    """Put the packages of a kernel beside Pyodide, and list them with the others' addresses.

    Returns:
        The wheels of `OTHERS`.
    """
    lock = json.loads((vendor / "pyodide-lock.json").read_text())
    listed: dict[str, Any] = lock["packages"]
    wanted = list(LISTED)
    for name in wanted:
        needed = [x.replace("_", "-") for x in listed[name]["depends"]]
        wanted += [x for x in needed if x not in wanted]
    exact = [f"{listed[name]['name']}=={listed[name]['version']}" for name in wanted]
    if not WHEELS.is_dir():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--python-version", lock["info"]["python"]]
        subprocess.run([*command, "--dest", str(WHEELS), *exact, *OTHERS], check=True)
    version = json.loads((ROOT / "docs" / "package.json").read_text())["dependencies"]["pyodide"]
    for name, package in listed.items():
        if name in wanted:
            content = (WHEELS / package["file_name"]).read_bytes()
            (vendor / package["file_name"]).write_bytes(content)
            package["sha256"] = hashlib.sha256(content).hexdigest()
        else:
            package["file_name"] = OFFICIAL.format(version=version) + package["file_name"]
    (vendor / "lock.json").write_text(json.dumps(lock))
    return [file for file in WHEELS.iterdir() if file.name.startswith(OTHERS)]


def prepared(path: Path) -> str:
    """Return a notebook with a first cell that gets the packages."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cell = {"cell_type": "code", "id": "browser", "metadata": {}, "outputs": []}
    notebook["cells"].insert(1, {**cell, "execution_count": None, "source": FIRST_CELL})
    return json.dumps(notebook)
