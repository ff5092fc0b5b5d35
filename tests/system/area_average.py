"""Shrinking by area average, written again for the tests."""

import numpy as np


def area_weights(length, new_length):
    """Row i: the part of each old pixel that new pixel i covers; rows add up to 1."""
    edges = np.linspace(0, length, new_length + 1)
    old = np.arange(length)
    covered = np.minimum(edges[1:, None], old + 1) - np.maximum(edges[:-1, None], old)
    return np.clip(covered, 0, None) * new_length / length
