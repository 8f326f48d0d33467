"""Draw the picture of README.md: some photos of the demo, edits of them, and what is answered.

usage: python tools/make_readme_picture.py [PHOTO...]

It runs the demo in a temporary folder and writes docs/demo.jpg. PHOTO is the name of a photo of
which the demo has an edit, such as balloon.jpg.
"""

import argparse
import tempfile
from pathlib import Path

from originid.demo import run_demo
from originid.demo.sheet import draw_sheet

TARGET = Path(__file__).parents[1] / "docs" / "demo.jpg"
SHOWN = ["balloon.jpg", "cat-lying.jpg", "parrot.jpg", "colosseum.jpg"]


def main(names: list[str]) -> None:
    """Run the demo and draw the chosen photos."""
    with tempfile.TemporaryDirectory() as folder:
        demo = run_demo(Path(folder) / "demo")
        known = dict.fromkeys(trial.photo.name for trial in demo.trials)
        unknown = [name for name in names if name not in known]
        if unknown:
            raise SystemExit(f"no edit of {unknown[0]}: expected some of {', '.join(known)}")
        trials = [trial for trial in demo.trials if trial.photo.name in names]
        draw_sheet(TARGET, demo.references, trials, columns=2)
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", metavar="PHOTO", nargs="*", default=SHOWN)
    main(parser.parse_args().photos)
