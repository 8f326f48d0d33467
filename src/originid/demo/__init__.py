"""The main job on photos and edits that the package carries."""

from originid.demo.run import run_demo
from originid.demo.trials import Demo, Trial

__all__ = ["Demo", "Trial", "run_demo"]
