"""The benchmarks run, print their tables, and compare contenders that computed the same."""

import doctest
import json
import math
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import timing
from benchmarks.problems import Problem

ROOT = Path(__file__).parent.parent
    if report["benchmark"] == "training":
        return report["trainings"]
