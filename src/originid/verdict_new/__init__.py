"""From scores to a stated false-match rate: the calibration that a collection makes of itself."""
