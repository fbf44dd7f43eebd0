"""Covariances of trials with each other, each computed once in a search.

Products of BLAS round as the shapes of their matrices have it. Here an entry depends, to its last
digit, on two vectors only, so that a resumed search goes by the same numbers as one that kept them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from raynas.controllers.gaussian_process import Kernel, Placed

__all__ = ["Covariances"]

Matrix = NDArray[np.float64]

_ROOM = 2.0
"""Trials that are kept, as a multiple of those asked for."""


class Covariances:
    """The covariance matrix of trials, which are known by their numbers.

    Args:
        kernel: The covariance function.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._places: dict[int, int] = {}
        self._x = np.zeros((0, 0))
        self._placed: list[Placed] = []
        self._entries = np.zeros((0, 0))

    def __call__(self, numbers: Sequence[int], x: Matrix) -> Matrix:
        """Covariances of trials with each other.

        Args:
            numbers: The trials, each once.
            x: Vectors of the architectures, one a row.
        """
        self._keep(numbers, x)
        new = [row for row, number in enumerate(numbers) if number not in self._places]
        if new:
            self._add([numbers[row] for row in new], x[new])
        places = [self._places[number] for number in numbers]
        return self._entries[np.ix_(places, places)]

    def _keep(self, numbers: Sequence[int], x: Matrix) -> None:
        """Drop trials whose vector has changed, and where there is no room those not asked for."""
        known = [row for row, number in enumerate(numbers) if number in self._places]
        places = np.array([self._places[numbers[row]] for row in known], dtype=np.int64)
        same = (self._x[places] == x[known]).all(axis=1) if known else np.zeros(0, dtype=bool)
        total = len(self._places) + len(numbers) - len(known)
        if same.all() and total <= len(self._x):
            return
        rows, places = np.array(known, dtype=np.int64)[same], places[same]
        room, count = int(_ROOM * len(numbers)), len(rows)
        vectors, entries = np.zeros((room, x.shape[1])), np.zeros((room, room))
        vectors[:count] = x[rows]
        entries[:count, :count] = self._entries[np.ix_(places, places)]
        self._places = {numbers[row]: place for place, row in enumerate(rows)}
        self._x, self._entries = vectors, entries
        self._placed = _placed(self.kernel, vectors)

    def _add(self, numbers: Sequence[int], x: Matrix) -> None:
        start = len(self._places)
        stop = start + len(numbers)
        self._places |= zip(numbers, range(start, stop), strict=True)
        self._x[start:stop] = x
        new = _placed(self.kernel, x)
        for kept, more in zip(self._placed, new, strict=True):
            kept.rows[start:stop], kept.sizes[start:stop] = more.rows, more.sizes
        rows = _exactly(self.kernel, new, [kept[:stop] for kept in self._placed])
        self._entries[start:stop, :stop] = rows
        self._entries[:stop, start:stop] = rows.T


def _placed(kernel: Kernel, x: Matrix) -> list[Placed]:
    """The rows of `x` for each term, their sizes summed in the same order whatever the shape."""
    placed = [term.placed(x) for term in kernel.terms]
    return [Placed(rows, np.einsum("ij,ij->i", rows, rows)) for rows in placed]


def _exactly(kernel: Kernel, one: Sequence[Placed], other: Sequence[Placed]) -> Matrix:
    """The kernel between rows, each entry summed in the same order whatever the shapes are."""
    covariances = np.zeros((len(one[0].sizes), len(other[0].sizes)))
    for term, a, b in zip(kernel.terms, one, other, strict=True):
        covariances += term.of_products(a, b, np.einsum("ik,jk->ij", a.rows, b.rows))
    return covariances
