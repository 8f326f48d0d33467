"""Looks of a model whose latents cannot be put at places: each view is compared as a whole.

Such models have a map that is not in the DCT, as the paper's W, or latents that are no square grid.
They have no places, no dense looks of their own and no parts.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image as Pillow

from originid.encoders.base import Encoder
from originid.maps import Map, unit_length
from originid.types import Floats32, Vectors
from originid.views.looks import Look, Looks, Stage, View, best_looks
from originid.views.normalise import Strangers
from originid.views.places import Place


class WholeLookout:
    """Makes looks of whole views for one model, and compares them, as `Lookout` does.

    Args:
        encoder: of the model.
        map: of the model.
    """

    cells = 1
    has_places = False

    def __init__(self, encoder: Encoder, map: Map) -> None:
        self._encoder = encoder
        self._map = map

    def coarse(self, views: Sequence[View]) -> Looks:
        """Each view as it is."""
        side = self._encoder.size
        squashed = [
            Pillow.fromarray(view.image).resize((side, side), Pillow.Resampling.BILINEAR)
            for view in views
        ]
        latents = self._encoder.encode(np.stack([np.asarray(image) for image in squashed]))
        whole = Place(1, 1, 0, 0)
        looks = tuple(Look(view.name, whole) for view in views)
        return Looks(unit_length(self._map.apply(latents)), looks)

    def dense(self, views: Sequence[View]) -> Looks:
        """Each view as it is."""
        return self.coarse(views)

    def compare(self, looks: Looks, cosines: Floats32, strangers: Strangers) -> Stage:
        """How references compare with strangers under some looks, as of `Lookout`."""
        return best_looks(looks, cosines, strangers)

    def compare_parts(self, view: View, references: Vectors, strangers: Strangers) -> Floats32:
        """Nothing: zeros (n,)."""
        return np.zeros(len(references), np.float32)
