"""An explanation as one HTML file, which needs no other file and no network."""

import base64
import io
from html import escape

from PIL import Image as Pillow

from originid.explain.captions import Panel, facts, panels
from originid.explain.evidence import Evidence
from originid.explain.panels import aligned_panel, fitted
from originid.system.text import printable
from originid.types import Image

MARK = "originid explain"
"""What tells an explanation, in each of its forms, from other files."""
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem;
  color: #141414; background: #fff; }
.sentence { font-size: 1.15rem; } .note, figcaption span { color: #555; font-size: .85rem; }
.panels { display: grid; gap: 1.2rem;
  grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); }
figure { margin: 0; break-inside: avoid; } figcaption { overflow-wrap: anywhere; }
.panels figure { display: grid; grid-row: span 2; grid-template-rows: subgrid; gap: .3rem; }
img { max-width: 100%; display: block; } .fade { position: relative; width: fit-content; }
.fade img + img { position: absolute; inset: 0; } input { width: 100%; max-width: 30rem; }
table { border-collapse: collapse; } th { text-align: left; padding-right: 1rem; }
td { overflow-wrap: anywhere; }
@media print { .slider { display: none; } body { margin: 0; max-width: none; }
  .panels { grid-template-columns: 1fr 1fr; } }
"""
# The slider shows the query over the reference, from not at all to alone.
SCRIPT = """
const slider = document.getElementById("slider");
const over = document.getElementById("over");
slider.addEventListener("input", () => { over.style.opacity = slider.value / 100; });
"""


def to_html(evidence: Evidence) -> str:
    """An explanation as the text of an HTML page.

    It shows the four panels of `drawing.draw_evidence`, and a slider that fades from the reference
    to the query that is laid over it. Without JavaScript, and on paper, the panels say the same.
    """
    title = f"{printable(evidence.query)} and {printable(evidence.match.reference)}"
    body = [
        "<h1>Query and reference</h1>",
        f'<p class="sentence">{escape(evidence.sentence)}</p>',
        f'<p class="note">{escape(facts(evidence))}</p>',
        f'<div class="panels">{"".join(_figure(panel) for panel in panels(evidence))}</div>',
        _slider(evidence),
        _table(evidence),
        f"<script>{SCRIPT}</script>",
    ]
    head = (
        f'<meta charset="utf-8"><meta name="generator" content="{MARK}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n' + "\n".join(
        [*body, "</body></html>\n"]
    )


def _figure(panel: Panel) -> str:
    note = f"<br><span>{escape(panel.text)}</span>" if panel.text else ""
    picture = _image(panel.image, panel.title)
    return f"<figure><figcaption>{escape(panel.title)}{note}</figcaption>{picture}</figure>"


def _slider(evidence: Evidence) -> str:
    below = _image(fitted(evidence.reference_image), "The reference")
    over = _image(aligned_panel(evidence), "The query, laid over the reference", 'id="over"')
    return (
        '<div class="slider"><h2>From one to the other</h2>'
        '<p><label for="slider">Left: the reference. Right: the query, laid over it.</label><br>'
        '<input id="slider" type="range" min="0" max="100" value="100"></p>'
        f'<div class="fade">{below}{over}</div></div>'
    )


def _table(evidence: Evidence) -> str:
    alignment, cells = evidence.alignment, evidence.cells
    by = "local details" if alignment.by_details else "the box of the match"
    rows = {
        "View of the query": evidence.match.view,
        "Laid over the reference by": by,
        "Local details at the same places": str(len(alignment.inliers)),
    }
    if cells is not None:
        rows["Cells that look alike"] = f"{cells.agreeing.sum()} of {cells.known.sum()}"
        rows["Score of the query as it is laid here"] = f"{cells.score:.3f}"
    lines = (f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows.items())
    return f"<h2>Numbers</h2><table>{''.join(lines)}</table>"


def _image(image: Image, text: str, attributes: str = "") -> str:
    """An image element that holds its own picture."""
    file = io.BytesIO()
    Pillow.fromarray(image).save(file, "JPEG", quality=90)
    data = base64.b64encode(file.getvalue()).decode()
    source = f"data:image/jpeg;base64,{data}"
    return f'<img alt="{escape(text)}" src="{source}" {attributes}>'.replace(" >", ">")
