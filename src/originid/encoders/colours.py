"""An encoder of brightness and colours as they are, and of what edits change least of them.

A strong edit leaves of a photo where it was light and dark, and little else. The roots of
`TonesEncoder` enlarge what weak colours and low contrasts such an edit invents. So brightness and
colour are here as they are too, and brightness up to twice the frequency.
"""

from dataclasses import dataclass

from originid.encoders.base import Shape
from originid.encoders.grid import CELLS, flatten
from originid.encoders.tones import measure_tones, root_of_colour
from originid.types import Image, Latents


@dataclass(frozen=True)
class ColoursEncoder:
    """The luma, the colour, the root of the colour and the contrast on a 32 x 32 grid.

    The channels are the luma, the two components of the colour vector, the same two with the
    vector's length replaced by its root, and the contrast; `TonesEncoder` says how they are
    measured. The fields are those of `Encoder`.
    """

    spec: str = "colours"
    size: int = 64
    shapes: tuple[Shape, ...] = (
        (1, CELLS, CELLS),
        (2, CELLS, CELLS),
        (2, CELLS, CELLS),
        (1, CELLS, CELLS),
    )
    # Chosen by cross-validation and by edits of high strength.
    cutoffs: tuple[float, ...] = (20.0, 10.0, 10.0, 10.0)
    identity: str = "colours-1"

    def encode(self, images: Image) -> Latents:
        """Encode images, as `Encoder.encode` says."""
        luma, u, v, contrast = measure_tones(images)
        return flatten([luma, u, v, *root_of_colour(u, v), contrast])
