"""Neurons, layers and networks on top of the engine, and all it takes to train them.

Networks: `Neuron`, `Layer`, `MLP`, and `Module` for your own; `ACTIVATIONS`, `init`.
Other modules: `Embedding`, `LayerNorm`, `RMSNorm`, `Attention`, `Conv2d`, `RNN`, `GRU`, `LSTM`,
`Dropout`, put together by `Sequential`, `Residual`, `Each` and `Flatten`.
Losses: `mse_loss`, `mae_loss`, `cross_entropy`, `binary_cross_entropy`, `hinge_loss`.
Training: `fit`, with `SGD`, `Adam` or `AdamW`, a schedule of the learning rate such as `Cosine`,
and callbacks such as `EarlyStopping` and `Checkpoint`; it returns a `History`, and warns of common
mistakes with a `MistakeWarning`.
What was learnt: `predict`, `accuracy`, `confusion_matrix`; `dead_units`, `saturation`, `sparsity`,
`gradient_statistics`.
Files and data: `save`, `load`, `read_metadata`, and for other libraries `to_torch`, `from_torch`,
`to_onnx`; `data`, `plot`.

>>> import nn
>>> model = nn.MLP(2, [16, 16, 1], seed=0)
>>> len(model.parameters())
337
"""

TYPE_CHECKING = False  # to load `typing` takes longer than all that stands here

if TYPE_CHECKING:
    from autograd import MistakeWarning, softmax
    from nn import data, init, losses, plot
    from nn.attention import Attention
    from nn.containers import Each, Flatten, Residual, Sequential
    from nn.convolution import Conv2d
    from nn.dropout import Dropout, dropping
    from nn.embedding import Embedding
    from nn.inspection import dead_units, gradient_statistics, saturation, sparsity
    from nn.interchange import from_torch, to_onnx, to_torch
    from nn.layers import ACTIVATIONS, MLP, Activations, Layer, Neuron
    from nn.losses import binary_cross_entropy, cross_entropy, hinge_loss, mae_loss, mse_loss
    from nn.module import Frozen, Module
    from nn.norms import LayerNorm, RMSNorm
    from nn.optim import SGD, Adam, AdamW, Optimizer, clip_grad_norm
    from nn.predictions import accuracy, confusion_matrix, predict
    from nn.recurrent import GRU, LSTM, RNN
    from nn.saving import load, read_metadata, save
    from nn.schedules import Constant, Cosine, Exponential, StepDecay, WarmUp
    from nn.training import Callback, Checkpoint, EarlyStopping, Epoch, History, Run, fit

# Loaded when first used: `python -m nn` must be ready for Ctrl-C before it loads anything.
_LATER = {
    name: module
    for module, names in {
        "nn.attention": "Attention",
        "nn.containers": "Each Flatten Residual Sequential",
        "nn.convolution": "Conv2d",
        "nn.dropout": "Dropout dropping",
        "nn.embedding": "Embedding",
        "nn.norms": "LayerNorm RMSNorm",
        "nn.recurrent": "GRU LSTM RNN",
        "nn.layers": "ACTIVATIONS Activations Layer MLP Neuron",
        "nn.optim": "Adam AdamW Optimizer SGD clip_grad_norm",
        "nn.training": "Callback Checkpoint EarlyStopping Epoch History Run fit",
        "nn.schedules": "Constant Cosine Exponential StepDecay WarmUp",
        "nn.module": "Frozen Module",
        "nn.predictions": "accuracy confusion_matrix predict",
        "nn.losses": "binary_cross_entropy cross_entropy hinge_loss mae_loss mse_loss",
        "nn.inspection": "dead_units gradient_statistics saturation sparsity",
        "nn.interchange": "from_torch to_onnx to_torch",
        "nn.saving": "load read_metadata save",
        "autograd": "MistakeWarning softmax",
    }.items()
    for name in names.split()
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name in ("data", "init", "losses", "plot"):
        return import_module(f"nn.{name}")
    if name not in _LATER:
        from nn.mistakes import suggestion

        meant = "" if name.startswith("_") else suggestion(name, __all__)
        if name in _ELSEWHERE:
            meant = f"; did you mean {_ELSEWHERE[name]}?"
        raise AttributeError(f"module 'nn' has no attribute {name!r}{meant}")
    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value


# What others call by another name.
_ELSEWHERE = {
    "Linear": "nn.Layer",
    "Dense": "nn.Layer",
    "MultiheadAttention": "nn.Attention",
    "Parameter": "autograd.Value",
    "BCELoss": "nn.binary_cross_entropy",
    "BCEWithLogitsLoss": "nn.binary_cross_entropy",
    "NLLLoss": "nn.cross_entropy",
    "L1Loss": "nn.mae_loss",
    "StepLR": "nn.StepDecay",
    "CosineAnnealingLR": "nn.Cosine",
    "DataLoader": "nn.fit(…, batch_size=…)",
    "train_test_split": "nn.data.train_test_split",
    "one_hot": "nn.data.one_hot",
    "predict_proba": "nn.softmax(model(x))",
    **dict.fromkeys(("ReLU", "Tanh", "Sigmoid", "GELU"), 'nn.MLP(…, activation="…")'),
    **{name: f"autograd.{name}" for name in ("relu", "tanh", "sigmoid", "gelu", "silu", "elu")},
}


def __dir__() -> list[str]:
    return sorted([*[name for name in globals() if name[:2] == "__"], *__all__])


__all__ = ["ACTIVATIONS", "GRU", "LSTM", "MLP", "RNN", "SGD", "Activations", "Adam", "AdamW"]
__all__ += ["Attention", "Callback", "Checkpoint", "Constant", "Conv2d", "Cosine", "Dropout"]
__all__ += ["Each", "EarlyStopping", "Embedding", "Epoch", "Exponential", "Flatten", "Frozen"]
__all__ += ["History", "Layer", "LayerNorm", "MistakeWarning", "Module", "Neuron", "Optimizer"]
__all__ += ["RMSNorm", "Residual", "Run", "Sequential", "StepDecay", "WarmUp", "accuracy"]
__all__ += ["binary_cross_entropy", "clip_grad_norm", "confusion_matrix", "cross_entropy", "data"]
__all__ += ["dead_units", "dropping", "fit", "from_torch", "gradient_statistics", "hinge_loss"]
__all__ += ["init", "load", "losses", "mae_loss", "mse_loss", "plot", "predict", "read_metadata"]
__all__ += ["saturation", "save", "softmax", "sparsity", "to_onnx", "to_torch"]
