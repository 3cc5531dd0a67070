"""The site, built once for all that look at it."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Build the site, with broken links as errors; or take one that is, which SITE names."""
    if "SITE" in os.environ:
        return Path(os.environ["SITE"])
    if importlib.util.find_spec("mkdocs") is None:
        pytest.skip("needs the extra named docs")
    if not (DOCS / "node_modules").is_dir():
        pytest.skip("needs what `mkdocs build` gets by npm")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=600)
    return folder
