"""Batches of classes that are hard to tell apart."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from originid.training.metric.batches import Batches
from originid.types import Rows


class GraphBatches(Batches):
    """Batches of P classes and K images of each, where the classes look much alike.

    This is the graph sampler of QAConv-GS (Liao and Shao, CVPR 2022, section 3). Each class in
    turn is the anchor of a batch. The other P - 1 classes are those that the network, as it is
    now, finds most similar to the anchor.
    """

    def near(
        self, chosen: Rows, scores: NDArray[np.float32], epoch: int, steps: int
    ) -> Iterator[Rows]:
        """Return the batches of an epoch: numbers of images, int64 (P, K), a class in each row.

        Args:
            chosen: the classes in the graph, as positions in ``present``, int64 (c,).
            scores: how similar each class is to each other one, float32 (c, c). The diagonal is
                not used.
            epoch: the number of the epoch, from 0; each draws other images.
            steps: the number of batches, at least 0.
        """
        rng = np.random.default_rng([self._seed, epoch, 2])
        others = np.where(np.eye(len(chosen), dtype=bool), -np.inf, scores)
        nearest = np.argsort(-others, axis=1, kind="stable")[:, : self.origins - 1]
        order = rng.permutation(len(chosen))
        for step in range(steps):
            anchor = order[step % len(order)]
            yield self._draw(chosen[np.append(anchor, nearest[anchor])], rng)
