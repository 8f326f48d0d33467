"""Which images a step sees, when the classes of a batch are to be hard to tell apart."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from originid.training.metric.batches import Batches
from originid.types import Rows


class GraphBatches(Batches):
    """P x K batches of a class and the classes most like it.

    The graph sampler of QAConv-GS (Liao and Shao, CVPR 2022, section 3): each class in turn is
    an anchor, and its P - 1 nearest classes, by the network as it stands, fill the batch.
    """

    def near(
        self, chosen: Rows, scores: NDArray[np.float32], epoch: int, steps: int
    ) -> Iterator[Rows]:
        """The batches of an epoch: int64 of shape (P, K), one class a line.

        Args:
            chosen: c places in ``present``, of the classes in the graph.
            scores: similarity of each to each, (c, c); the diagonal is not looked at.
            epoch: gives other draws.
            steps: how many batches.
        """
        rng = np.random.default_rng([self._seed, epoch, 2])
        others = np.where(np.eye(len(chosen), dtype=bool), -np.inf, scores)
        nearest = np.argsort(-others, axis=1, kind="stable")[:, : self.origins - 1]
        order = rng.permutation(len(chosen))
        for step in range(steps):
            anchor = order[step % len(order)]
            yield self._draw(chosen[np.append(anchor, nearest[anchor])], rng)
