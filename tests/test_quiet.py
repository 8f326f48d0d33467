"""Other libraries are silent inside the block, and afterwards as they were."""

import logging

import pytest

from originid.system.quiet import quiet


class Bars:
    """The switch of a library's progress bars."""

    def __init__(self, shown: bool) -> None:
        self.shown = shown

    def is_progress_bar_enabled(self) -> bool:
        return self.shown

    def disable_progress_bar(self) -> None:
        self.shown = False

    def enable_progress_bar(self) -> None:
        self.shown = True


def test_notes_are_dropped_inside_the_block_and_errors_are_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger = logging.getLogger("originid.test.quiet")
    logger.setLevel(logging.INFO)
    with quiet(logger.name):
        logger.warning("a note")
        logger.error("an error")
    logger.info("afterwards")
    assert [record.message for record in caplog.records] == ["an error", "afterwards"]


@pytest.mark.parametrize("shown", [True, False])
def test_bars_and_levels_come_back_after_an_exception(shown: bool) -> None:
    logger, bars = logging.getLogger("originid.test.quiet"), Bars(shown)
    logger.setLevel(logging.INFO)
    with pytest.raises(KeyError), quiet(logger.name, level=logging.CRITICAL, bars=bars):
        assert (logger.level, bars.shown) == (logging.CRITICAL, False)
        raise KeyError
    assert (logger.level, bars.shown) == (logging.INFO, shown)
