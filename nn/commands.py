"""What the commands of `python -m nn` do: train, show, predict."""

from __future__ import annotations

import argparse
import csv
import io
import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograd import no_grad, sigmoid, softmax
from autograd.files import write_atomically
from nn import losses, report
from nn.callbacks import Checkpoint
from nn.data import Dataset, Standardiser, load, load_csv, train_test_split
from nn.diagnostics import confusion_matrix, predicted_class
from nn.layers import MLP
from nn.saving import load as load_model
from nn.saving import read_metadata, save
from nn.schedules import Cosine
from nn.training import OPTIMIZERS, fit

__all__ = ["Interrupted", "predict", "show", "train"]


class Interrupted(KeyboardInterrupt):
    """The user pressed Ctrl-C during a training that can be resumed."""
