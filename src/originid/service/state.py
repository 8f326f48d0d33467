"""What the routes share: the open collection, who may do what, and where the work is done."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from originid.errors import OriginidError
from originid.escalation.calibrating import calibrate_again
from originid.finder import Finder
from originid.service.access import Gate
from originid.service.desk import Desk
from originid.service.limits import Rates
from originid.service.metrics import Metrics
from originid.service.settings import Settings
from originid.system.progress import silent
from originid.system.user_folders import data_folder

ADDED = "added"  # the folder, in that of the collection, of pictures that were sent to be added


@dataclass(frozen=True)
class State:
    """All that a route needs beside its request."""

    settings: Settings
    gate: Gate
    rates: Rates
    desk: Desk
    opened: Finder
    metrics: Metrics

    @property
    def finder(self) -> Finder:
        """What searches the collection, with the model that the collection has by now."""
        self.opened.renew()
        return self.opened

    @property
    def added_folder(self) -> Path:
        """Where pictures are kept that were sent to be added: no cache, as nobody else may."""
        collection = self.finder.collection
        if isinstance(collection.place, Path):
            return (collection.path / ADDED).absolute()
        return data_folder() / "originid" / ADDED / collection.path.name


def state_of(request: Request) -> State:
    """What the routes of the application share."""
    state: State = request.app.state.shared
    return state


Shared = Annotated[State, Depends(state_of)]


class Calibrating:
    """Calibrates a collection again beside the requests, one run at a time.

    When a collection has doubled, it looks again at some of its references, which takes seconds.
    """

    def __init__(self, finder: Finder) -> None:
        self._finder, self._running = finder, threading.Lock()

    def start(self) -> None:
        """Begin, if no run goes on; the next one that adds begins the next."""
        if self._running.acquire(blocking=False):
            threading.Thread(target=self._run, name="originid-calibrate", daemon=True).start()

    def _run(self) -> None:
        try:
            calibrate_again(self._finder.collection, silent)
        except OriginidError:
            pass  # what could not be done now is done after the next addition
        finally:
            self._running.release()
