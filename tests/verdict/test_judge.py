"""What several views cost a verdict."""

import numpy as np
import pytest

from originid.types import Verdict
from originid.verdict.calibration import Calibration
from originid.verdict.collection_calibration import CollectionCalibration
from originid.verdict.judge import Candidate, judge
from originid.verdict.pareto_tail import BODY, Tail
