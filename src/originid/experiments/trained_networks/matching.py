"""Comparing two images position by position: QAConv and TransMatcher.

QAConv: Liao and Shao, Interpretable and Generalizable Person Re-identification with
Query-Adaptive Convolution and Temporal Lifting, ECCV 2020. TransMatcher: Liao and Shao,
TransMatcher: Deep Image Matching Through Transformers for Generalizable Person
Re-identification, NeurIPS 2021.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from originid.experiments.trained_networks.backbones import encoder_layer, make_backbone
from originid.experiments.trained_networks.settings import NetworkSettings

# Responses computed at once: a core keeps 1 MB in its cache, a GPU has room and many cores.
CPU_BLOCK, GPU_BLOCK = 1 << 18, 1 << 26
QUERIES = 32  # compared at once
Best = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]
"""What `best_responses` does."""


class Cosine(nn.Module):  # type: ignore[misc]
    """A backbone's vectors, compared by cosine."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.backbone = make_backbone(settings)
        self.channels = self.backbone.channels

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (n, 3, s, s) to vectors (n, channels), of any length."""
        vectors: torch.Tensor = self.backbone(images)
        return vectors

    def match(self, queries: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
        """Score every pair of vectors, (q, r)."""
        return functional.normalize(queries) @ functional.normalize(references).T


class Pairwise(nn.Module):  # type: ignore[misc]
    """A backbone's feature maps, compared position by position.

    A layer's response of position s of a query to position t of a reference is the product of
    their columns. Each position's best response, of the query's and of the reference's, goes
    through the layer's head; the score is the sum over both directions and all layers,
    batch-normalised.

    Args:
        settings: see `NetworkSettings`.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.backbone = make_backbone(settings)
        self.neck = nn.Conv2d(self.backbone.channels, settings.neck, 1)
        self.channels = settings.neck
        self.heads = nn.ModuleList()
        self.norm = nn.BatchNorm1d(1)

    def prior(self, layer: int) -> torch.Tensor | None:
        """A factor of each response, (positions, positions); None is 1."""
        return None

    def compare(self, queries: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
        """Score every pair of feature maps, (q, r), with gradients."""
        return self._score(queries, references, best_responses)

    def match(self, queries: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
        """Score every pair of feature maps, (q, r), for inference, in bounded memory."""
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
    """Query-adaptive convolution: each column of a normalised map is a 1 x 1 kernel."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__(settings)
        self.heads.append(
            nn.Sequential(nn.BatchNorm1d(1), nn.Flatten(), nn.Linear(settings.places, 1))
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (n, 3, s, s) to feature maps (n, neck, h, w), each column of unit length."""
        return functional.normalize(self.neck(self.backbone.maps(images)))


class TransMatcher(Pairwise):
    """Cross-matching without softmax or values, weighted by a learned prior of positions.

    Self-attention and the projections see one image only, so that they belong to the features.
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
        """Images (n, 3, s, s) to feature maps (n, layers x neck, h, w)."""
        maps = self.neck(self.backbone.maps(images))
        tokens = maps.flatten(2).transpose(1, 2)
        parts = []
        for encoder, projection in zip(self.encoders, self.projections, strict=True):
            tokens = encoder(tokens)
            parts.append(projection(tokens))
        return torch.cat(parts, dim=2).transpose(1, 2).unflatten(2, maps.shape[2:])

    def prior(self, layer: int) -> torch.Tensor | None:
        """Between 0 and 1 for each pair of positions."""
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
    """The best response of each position of a query, and of a reference.

    Args:
        queries: (q, c, s).
        references: (r, c, t), with t = s.
        prior: factors, (s, t); None is 1.

    Returns:
        (q, r, 2, s): over the reference's positions, and over the query's.
    """
    responses = torch.einsum("qcs,rct->qrst", queries, references)
    if prior is not None:
        responses = responses * prior
    return torch.stack([responses.amax(dim=3), responses.amax(dim=2)], dim=2)


def best_in_turn(
    queries: torch.Tensor, references: torch.Tensor, prior: torch.Tensor | None
) -> torch.Tensor:
    """`best_responses`, a position of the queries at a time: a fifth of the time on a CPU."""
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
"""A network for each way of comparing."""
