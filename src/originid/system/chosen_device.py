"""The device that networks of torch run on, where a person chose it."""

import os

VARIABLE = "ORIGINID_DEVICE"


def chosen_device() -> str | None:
    """Return the device that the environment names, such as ``cpu`` or ``cuda:1``, or None."""
    return os.environ.get(VARIABLE, "").strip() or None
