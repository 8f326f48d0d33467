"""What image files say of themselves: by XMP in each format, and by IPTC-IIM."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import PngImagePlugin

from originid.images.captions import LONGEST, clean, read_description
from originid.testing import textured_image
from originid.types import NOT_DESCRIBED, Description

BEGIN = (
    '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
    ' xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/"'
    ' xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/"'
)
END = "</rdf:Description></rdf:RDF></x:xmpmeta>"
WHOLE = (
    BEGIN + ' photoshop:Credit="An Agency" photoshop:DateCreated="2024-05-01T10:00:00">'
    "<dc:description><rdf:Alt><rdf:li xml:lang='x-default'>Two boats &amp; a pier</rdf:li>"
    "<rdf:li xml:lang='de'>Zwei Boote</rdf:li></rdf:Alt></dc:description>"
    "<dc:creator><rdf:Seq><rdf:li>A. Person</rdf:li><rdf:li>B. Person</rdf:li></rdf:Seq>"
    "</dc:creator>"
    "<xmpRights:UsageTerms><rdf:Alt><rdf:li xml:lang='x-default'>CC BY 4.0</rdf:li></rdf:Alt>"
    "</xmpRights:UsageTerms>"
    "<xmpRights:WebStatement>https://example.org/terms</xmpRights:WebStatement>"
    "<plus:Licensor><rdf:Seq><rdf:li rdf:parseType='Resource'>"
    "<plus:LicensorURL>https://example.org/1</plus:LicensorURL></rdf:li></rdf:Seq></plus:Licensor>"
    + END
)
SAID = Description(
    "Two boats & a pier", "An Agency", "CC BY 4.0", "2024-05-01T10:00:00", "https://example.org/1"
)


def saved(kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(textured_image(1, 32, 32)).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "TIFF", "PNG"])
def test_xmp_is_read_in_every_format(kind: str) -> None:
    options: dict[str, Any] = {"xmp": WHOLE.encode()}
    if kind == "TIFF":
        options = {"tiffinfo": {700: WHOLE.encode()}}
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", WHOLE)
        options = {"pnginfo": info}
    assert read_description(saved(kind, **options)) == SAID


def test_properties_may_be_attributes_elements_or_missing() -> None:
    packet = f"{BEGIN}><photoshop:Headline> A  pier\n</photoshop:Headline>{END}"
    assert read_description(packet.encode()) == Description(caption="A pier")
    names = "<rdf:Seq><rdf:li>A</rdf:li><rdf:li>B</rdf:li></rdf:Seq>"
    packet = f"{BEGIN}><dc:creator>{names}</dc:creator>{END}"
    assert read_description(packet.encode()).credit == "A, B"
    assert read_description(saved("JPEG")) == NOT_DESCRIBED


def iim(*sets: tuple[int, bytes], utf8: bool = True) -> bytes:
    coded = b"\x1c\x01\x5a\x00\x03\x1b%G" if utf8 else b""
    return coded + b"".join(
        struct.pack(">BBBH", 0x1C, 2, number, len(text)) + text for number, text in sets
    )


def jpeg_with_iptc(data: bytes) -> bytes:
    block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(data)) + data + b"\0" * (len(data) % 2)
    segment = b"Photoshop 3.0\0" + block
    jpeg = saved("JPEG")
    return jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


def test_iptc_is_read() -> None:
    sets = (
        (120, "Ein Boot, grün".encode()),
        (80, b"A. Person"),
        (80, b"B. Person"),
        (116, b"(c) 2024"),
        (55, b"20240501"),
    )
    found = read_description(jpeg_with_iptc(iim(*sets)))
    assert found == Description("Ein Boot, grün", "A. Person, B. Person", "(c) 2024", "20240501")
    latin = jpeg_with_iptc(iim((120, "grün".encode("latin-1")), utf8=False))
    assert read_description(latin).caption == "grün"


def test_xmp_counts_before_iptc_field_by_field() -> None:
    both = (
        jpeg_with_iptc(iim((120, b"old"), (110, b"Credit")))
        + (f"{BEGIN} photoshop:Headline='new'>{END}").encode()
    )
    assert read_description(both) == Description(caption="new", credit="Credit")


@pytest.mark.parametrize(
    "hostile",
    [
        "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>]>",
        "<a" * 20_000,
        "<rdf:li>",
        "\x00",
    ],
)
def test_hostile_packets_say_nothing(hostile: str) -> None:
    packet = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{hostile}</x:xmpmeta>"
    assert read_description(packet.encode()) == NOT_DESCRIBED


def test_links_lead_to_the_web_only_and_texts_are_bounded() -> None:
    for link in ("javascript:alert(1)", "file:///etc/passwd", "//x.org", "http:///x", "https://"):
        assert clean(Description(link=link)) == NOT_DESCRIBED
    assert clean(Description(link="HTTPS://Example.org/a")).link == "HTTPS://Example.org/a"
    found = clean(Description(caption="a\x1b[31m\u202eb\n c" + "x" * 5000))
    assert found.caption.startswith("a [31m b c")
    assert len(found.caption) == LONGEST


@given(st.binary(max_size=200))
def test_any_iptc_data_can_be_read(data: bytes) -> None:
    for size in (len(data), 0, 2**32 - 1):
        block = b"8BIM\x04\x04" + b"\0\0" + struct.pack(">I", size) + data
        found = read_description(block)
        assert np.all([len(text) <= LONGEST for text in vars(found).values()])
