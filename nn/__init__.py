"""Neurons, layers and networks on top of the engine, and what it takes to train them."""

from autograd import softmax
from nn import data, init, losses, plot
from nn.layers import MLP, Layer, Neuron
from nn.losses import binary_cross_entropy, cross_entropy, hinge_loss, mae_loss, mse_loss
from nn.module import Module
from nn.saving import load, save
