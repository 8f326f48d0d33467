"""Image files that say something of themselves."""

import io
from pathlib import Path

from PIL import Image as Pillow

from originid.testing import textured_image

XMP = (
    "<x:xmpmeta xmlns:x='adobe:ns:meta/'>"
    "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    "<rdf:Description xmlns:photoshop='http://ns.adobe.com/photoshop/1.0/'"
    " photoshop:Headline='{caption}' photoshop:Credit='{credit}'/></rdf:RDF></x:xmpmeta>"
)


def write_described(path: Path, seed: int, caption: str, credit: str = "An Agency") -> Path:
    """Write a textured photo, a JPEG with a caption and a credit in its XMP."""
    packet = XMP.format(caption=caption, credit=credit).encode()
    file = io.BytesIO()
    Pillow.fromarray(textured_image(seed, 96, 64)).save(file, "JPEG", quality=95, xmp=packet)
    path.write_bytes(file.getvalue())
    return path
