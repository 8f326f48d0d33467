"""The processes that train together: one process, unless a launcher started several."""

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accelerate import Accelerator

PATIENCE = timedelta(days=7)  # how long processes wait while one of them encodes all images


@dataclass(frozen=True)
class Processes:
    """Lets the processes of a training take turns; `join` makes it.

    Args:
        accelerator: What connects the processes; None where there is only one.
    """

    accelerator: "Accelerator | None" = None

    @classmethod
    def join(cls) -> "Processes":
        """Connect with the other processes that ``accelerate launch`` or ``torchrun`` started."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls()  # torch is not imported, which would take seconds
        from accelerate import Accelerator, InitProcessGroupKwargs

        from originid.encoders.torch_networks import best_device

        return cls(
            Accelerator(
                cpu=best_device() == "cpu",
                kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)],
            )
        )

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes."""
        return self.accelerator is None or self.accelerator.is_main_process

    def main_first(self) -> AbstractContextManager[None]:
        """Return a context whose body the main process runs first, and the others afterwards."""
        return nullcontext() if self.accelerator is None else self.accelerator.main_process_first()

    def leave(self) -> None:
        """Wait until all processes have come to this call, then disconnect from them."""
        if self.accelerator is not None:
            self.accelerator.wait_for_everyone()
            self.accelerator.end_training()
