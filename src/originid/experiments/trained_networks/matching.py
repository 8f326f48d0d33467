"""Networks that compare two images: by the cosine of two vectors, or position by position.

QAConv and TransMatcher compare position by position. QAConv: Liao and Shao, Interpretable and
Generalizable Person Re-identification with Query-Adaptive Convolution and Temporal Lifting, ECCV
2020. TransMatcher: Liao and Shao, TransMatcher: Deep Image Matching Through Transformers for
Generalizable Person Re-identification, NeurIPS 2021.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from originid.experiments.trained_networks.backbones import encoder_layer, make_backbone
from originid.experiments.trained_networks.settings import NetworkSettings

# Responses (4 bytes each) that are computed at once. A core keeps 1 MB in its cache; a GPU has
# much memory and many cores.
CPU_BLOCK, GPU_BLOCK = 1 << 18, 1 << 26
QUERIES = 32  # queries that are compared at once
Best = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]
"""A function that returns what `best_responses` returns."""


class Cosine(nn.Module):  # type: ignore[misc]
    """A network whose features are vectors, compared by their cosine.

    Args:
        settings: the settings of the network.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.backbone = make_backbone(settings)
        self.channels = self.backbone.channels

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images, float32 (n, 3, side, side), to vectors, float32 (n, channels).

        The vectors are not scaled to unit length.
        """
        vectors: torch.Tensor = self.backbone(images)
        return vectors

    def match(self, queries: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
        """Return the cosine of every query with every reference, float32 (q, r).

        Args:
            queries: vectors, float32 (q, channels).
            references: vectors, float32 (r, channels).
        """
        return functional.normalize(queries) @ functional.normalize(references).T


class Pairwise(nn.Module):  # type: ignore[misc]
    """A network whose features are feature maps, compared position by position.

    In each layer, position s of a query responds to position t of a reference by the scalar
    product of the two maps' columns at these positions. The best response of each position, of the
    query's and of the reference's, goes through the head of the layer. The score is the sum over
    both directions and all layers, after a batch norm.

    Args:
        settings: the settings of the network.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.backbone = make_backbone(settings)
        self.neck = nn.Conv2d(self.backbone.channels, settings.neck, 1)
        self.channels = settings.neck
        self.heads = nn.ModuleList()
        self.norm = nn.BatchNorm1d(1)

    def prior(self, layer: int) -> torch.Tensor | None:
        """Return the factor of each response, float32 (positions, positions); None stands for 1.

        Args:
            layer: the number of the layer, from 0.
        """
        return None

    def compare(self, queries: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
        """Return the score of every query with every reference, float32 (q, r), with gradients.

        Args:
            queries: feature maps, float32 (q, c, h, w), of all layers one after the other.
            references: feature maps, float32 (r, c, h, w).
        """
        return self._score(queries, references, best_responses)

    def match(self, queries: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
        """Return what `compare` returns, for inference: in bounded memory, and without gradients.

        Args:
            queries: feature maps, float32 (q, c, h, w), of all layers one after the other.
            references: feature maps, float32 (r, c, h, w).
        """
        places = queries[0, 0].numel()
        block = CPU_BLOCK if queries.device.type == "cpu" else GPU_BLOCK
        step = max(1, block // (QUERIES * places))
        rows = [
            torch.cat(
                [self._score(some, part, best_in_turn) for part in references.split(step)], dim=1
            )
            for some in queries.split(QUERIES)
        ]
        return torch.cat(rows)

    def _score(self, queries: torch.Tensor, references: torch.Tensor, best: Best) -> torch.Tensor:
        of_layers = zip(
            queries.flatten(2).split(self.channels, dim=1),
            references.flatten(2).split(self.channels, dim=1),
            self.heads,
            strict=True,
        )
        total = torch.zeros((), device=queries.device)
        for layer, (ours, theirs, head) in enumerate(of_layers):
            responses = best(ours, theirs, self.prior(layer))
            scores = head(responses.reshape(-1, 1, responses.shape[-1]))
            total = total + scores.view(len(queries), len(references), 2).sum(dim=2)
        normed: torch.Tensor = self.norm(total.reshape(-1, 1))
        return normed.view(len(queries), len(references))


class QAConv(Pairwise):
    """Query-adaptive convolution: each column of a query's map is a 1 x 1 convolution kernel.

    Args:
        settings: the settings of the network.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__(settings)
        self.heads.append(
            nn.Sequential(nn.BatchNorm1d(1), nn.Flatten(), nn.Linear(settings.places, 1))
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images, float32 (n, 3, side, side), to feature maps, float32 (n, neck, h, w).

        Each column of a feature map has unit length.
        """
        return functional.normalize(self.neck(self.backbone.maps(images)))


class TransMatcher(Pairwise):
    """Cross-attention without softmax or values, with a learned factor for each two positions.

    Self-attention and the projections depend on one image only, so they are part of the features
    and are computed once an image.

    Args:
        settings: the settings of the network.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__(settings)
        neck, places, hidden = settings.neck, settings.places, settings.hidden
        layers = range(settings.layers)
        self.encoders = nn.ModuleList(
            encoder_layer(neck, settings.heads, hidden, before=False) for _ in layers
        )
        self.projections = nn.ModuleList(nn.Linear(neck, neck) for _ in layers)
        self.priors = nn.Parameter(torch.randn(len(layers), places, places))
        self.heads.extend(_mlp_head(places, hidden) for _ in layers)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images, float32 (n, 3, side, side), to feature maps, float32 (n, c, h, w).

        The maps of all layers stand one after the other, so c is the number of layers times neck.
        """
        maps = self.neck(self.backbone.maps(images))
        tokens = maps.flatten(2).transpose(1, 2)
        parts = []
        for encoder, projection in zip(self.encoders, self.projections, strict=True):
            tokens = encoder(tokens)
            parts.append(projection(tokens))
        return torch.cat(parts, dim=2).transpose(1, 2).unflatten(2, maps.shape[2:])

    def prior(self, layer: int) -> torch.Tensor | None:
        """Return the learned factor of each response, in (0, 1), float32 (positions, positions).

        Args:
            layer: the number of the layer, from 0.
        """
        return self.priors[layer].sigmoid()


def _mlp_head(places: int, hidden: int) -> nn.Module:
    return nn.Sequential(
        nn.BatchNorm1d(1),
        nn.Flatten(),
        nn.Linear(places, hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Linear(hidden, 1),
        nn.BatchNorm1d(1),
    )


def best_responses(
    queries: torch.Tensor, references: torch.Tensor, prior: torch.Tensor | None
) -> torch.Tensor:
    """Return the best response of each position of each query and of each reference.

    Args:
        queries: the columns of s positions, float32 (q, c, s).
        references: the columns of as many positions, float32 (r, c, s).
        prior: the factor of each response, float32 (s, s); None stands for 1.

    Returns:
        float32 (q, r, 2, s): first the best response of each of the query's positions to the
        reference's, then that of each of the reference's positions to the query's.
    """
    responses = torch.einsum("qcs,rct->qrst", queries, references)
    if prior is not None:
        responses = responses * prior
    return torch.stack([responses.amax(dim=3), responses.amax(dim=2)], dim=2)


def best_in_turn(
    queries: torch.Tensor, references: torch.Tensor, prior: torch.Tensor | None
) -> torch.Tensor:
    """Return what `best_responses` returns, taking one position of the queries at a time.

    On a CPU this takes a fifth of the time. It has no gradients.

    Args:
        queries: the columns of s positions, float32 (q, c, s).
        references: the columns of as many positions, float32 (r, c, s).
        prior: the factor of each response, float32 (s, s); None stands for 1.
    """
    (q, c, places), r = queries.shape, len(references)
    columns = references.permute(1, 2, 0).reshape(c, places * r)
    best = queries.new_empty(2, places, q, r)
    theirs = queries.new_full((q, places, r), -torch.inf)
    responses = queries.new_empty(q, places * r)
    for s in range(places):
        torch.mm(queries[:, :, s], columns, out=responses)
        here = responses.view(q, places, r)
        if prior is not None:
            here.mul_(prior[s, :, None])
        torch.amax(here, dim=1, out=best[0, s])
        torch.maximum(theirs, here, out=theirs)
    best[1] = theirs.transpose(0, 1)
    return best.permute(2, 3, 0, 1)


MATCHERS: dict[str, type[Cosine] | type[Pairwise]] = {
    "cosine": Cosine,
    "qaconv": QAConv,
    "transmatcher": TransMatcher,
}
"""The network of each way to compare images, by the name in `NetworkSettings`."""
