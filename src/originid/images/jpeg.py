"""JPEG: Pillow's decoder without what costs time, and files that lack their last bytes."""

import numpy as np
from PIL import Image as Pillow
from PIL import JpegImagePlugin

END = b"\xff\xd9"  # the marker that ends a JPEG
GREY = 128  # what the decoder fills in for missing blocks, in every channel


class Jpeg(JpegImagePlugin.JpegImageFile):
    """Pillow's JPEG decoder, which leaves the EXIF block unread."""

    def _open(self) -> None:
        # Pillow parses the EXIF block to find the density, unless the density is known. Parsing
        # can take as long as decoding a small photo, and warns about every camera that writes the
        # block wrongly. Nothing here uses the density, so 72 stands for any.
        self.info["dpi"] = (72.0, 72.0)
        super()._open()


def missing_rows(image: Pillow.Image) -> float:
    """Return the share, in [0, 1], of the rows of a JPEG that were not in the file.

    Args:
        image: a loaded image whose file lacked its last bytes. The decoder made what is missing
            grey, and it decodes from the top to the bottom.
    """
    values = np.asarray(image).reshape(image.height, -1)
    there = np.flatnonzero((np.abs(values.astype(np.int16) - GREY) > 1).any(axis=1))
    return 1 - (int(there[-1]) + 1) / image.height if there.size else 1.0
