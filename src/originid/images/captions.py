"""Reads what an image file says of itself: its caption, credit, licence, date and link.

Two standards of the press are read: XMP (ISO 16684-1) and IPTC-IIM. Where a file has both, XMP
counts. Neither is looked for by the structure of the file: an XMP packet is made to be found by its
first and last words in any format, and IPTC data in a JPEG begin with a mark of Photoshop's.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from xml.etree import ElementTree

from originid.types import Description

MOST_XMP = 262_144  # bytes; packets are a few kB, and rarely 100 kB with an edit history
MOST_IPTC = 65_535  # bytes of a segment of a JPEG
LONGEST = 2000  # characters of a text; IPTC limits a caption to as many
PACKET = re.compile(rb"<x:xmpmeta.{0,%d}?</x:xmpmeta>" % MOST_XMP, re.DOTALL)
IIM = b"8BIM\x04\x04"  # in front of IPTC-IIM data
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_RIGHTS = "{http://ns.adobe.com/xap/1.0/rights/}"
_XMP = "{http://ns.adobe.com/xap/1.0/}"
_PLUS = "{http://ns.useplus.org/ldf/xmp/1.0/}"
# By field, the properties that are taken for it, the best first (IPTC Photo Metadata Standard).
_PROPERTIES = {
    "caption": (_DC + "description", _PHOTOSHOP + "Headline", _DC + "title"),
    "credit": (_PHOTOSHOP + "Credit", _DC + "creator"),
    "licence": (_RIGHTS + "UsageTerms", _DC + "rights", _RIGHTS + "WebStatement"),
    "date": (_PHOTOSHOP + "DateCreated", _XMP + "CreateDate"),
    "link": (_PLUS + "LicensorURL", _RIGHTS + "WebStatement", _DC + "source", _DC + "identifier"),
}
# By field, the data sets of IIM's application record, the best first.
_DATA_SETS = {"caption": (120, 105, 5), "credit": (110, 80), "licence": (116,), "date": (55,)}
_APPLICATION = 2  # the number of that record
_CODED_CHARACTERS = b"\x1c\x01\x5a\x00\x03\x1b%G"  # the data set that says: the texts are UTF-8


def read_description(data: bytes) -> Description:
    """What an image file says of itself.

    Args:
        data: the bytes of the file, of any format.

    Returns:
        The description; its texts are empty where the file says nothing, or nothing that can be
        read. A link that is no address of the web is left out.
    """
    found = dict(_from_iptc(data)) | dict(_from_xmp(data))
    return clean(Description(**found))


def clean(description: Description) -> Description:
    """A description without control characters, overlong texts, and links to other than the web."""
    texts = {
        field: " ".join("".join(c if c.isprintable() else " " for c in text).split())[:LONGEST]
        for field, text in vars(description).items()
    }
    if not re.match(r"https?://[^\s/]", texts["link"], re.IGNORECASE):
        texts["link"] = ""
    return replace(description, **texts)


def _from_xmp(data: bytes) -> Iterator[tuple[str, str]]:
    """Each field that the first XMP packet has, with its text."""
    begin = data.find(b"<x:xmpmeta")
    found = PACKET.match(data, begin) if begin >= 0 else None
    # A declaration of entities can make a small packet large; XMP has none.
    if found is None or b"<!" in found.group():
        return
    try:
        packet = ElementTree.fromstring(found.group())
    except (ElementTree.ParseError, ValueError):
        return
    values: dict[str, str] = {}
    for element in packet.iter():
        for name, text in element.attrib.items():
            values.setdefault(name, text)
        text = _text_of(element)
        if text:
            values.setdefault(element.tag, text)
    for field, properties in _PROPERTIES.items():
        known = [values[name] for name in properties if values.get(name, "").strip()]
        if field == "link":
            known = [text for text in known if text.strip().lower().startswith("http")]
        if known:
            yield field, known[0]


def _text_of(element: ElementTree.Element) -> str:
    """The text of a property: its own, or of its list the first entry, or all creators."""
    items = [item.text.strip() for item in element.iter(_RDF + "li") if item.text]
    if items:
        return ", ".join(items) if element.tag == _DC + "creator" else items[0]
    return (element.text or "").strip()


def _from_iptc(data: bytes) -> Iterator[tuple[str, str]]:
    """Each field that the IPTC-IIM data of a file have, with its text."""
    begin = data.find(IIM)
    if begin < 0:
        return
    # A name, padded to an even length, and four bytes of size stand in front of the data.
    name = data[begin + 6] + 1 if len(data) > begin + 6 else 0
    start = begin + 6 + name + name % 2
    size = min(int.from_bytes(data[start : start + 4], "big"), MOST_IPTC)
    iim = data[start + 4 : start + 4 + size]
    encoding = "utf-8" if _CODED_CHARACTERS in iim else "latin-1"
    values: dict[int, list[str]] = {}
    place = 0
    while place + 5 <= len(iim) and iim[place] == 0x1C:
        record, number = iim[place + 1], iim[place + 2]
        length = int.from_bytes(iim[place + 3 : place + 5], "big")
        if length >= 0x8000:  # an extended length: nothing that is wanted here is so long
            return
        text = iim[place + 5 : place + 5 + length].decode(encoding, "replace").strip()
        if record == _APPLICATION and text:
            values.setdefault(number, []).append(text)
        place += 5 + length
    for field, numbers in _DATA_SETS.items():
        texts = next((values[number] for number in numbers if number in values), [])
        if texts:
            yield field, ", ".join(texts) if field == "credit" else texts[0]
