"""Data sets: real ones, toy ones and your own CSV files, split, scaled and cut into minibatches.

Everything here is plain Python lists of floats, one row per sample, because that is what a scalar
engine reads. Nothing in this room knows about the engine or the network.
"""

from nn.data.csv_files import is_number, load_csv
from nn.data.dataset import Column, Dataset, Note, one_hot
from nn.data.scaling import Standardiser, standardise
from nn.data.sets import breast_cancer, circles, digits, iris, load, moons, wine
from nn.data.splitting import batches, train_test_split
from nn.data.streams import Stream, convert, stream

__all__ = ["Column", "Dataset", "Note", "Standardiser", "Stream", "batches", "breast_cancer"]
__all__ += ["circles", "convert", "digits", "iris", "is_number", "load", "load_csv", "moons"]
__all__ += ["one_hot", "standardise", "stream", "train_test_split", "wine"]
