"""One step of distillation, and everything that a step changes."""

import math

import torch

from originid.encoders.torch_networks import multiplies_bfloat16
from originid.training.distillation.network import Student
from originid.training.distillation.settings import Distillation
from originid.training.metric.transforms import Transform
from originid.training.settings import warmed_cosine
from originid.training.state import Arrays, move_average, pack, unpack

LIMIT = 1.0  # largest norm of a gradient, so that one rare image does not undo many steps


class StudentLearner:
    """A student that learns: its parameters, Adam's moments, and its moving average.

    Args:
        student: The network with its first values, on its device.
        settings: The settings of the training.
        variance: The mean squared distance of the teacher's latents from their mean.
        transform: The teacher's map; None where only the whole latent counts.
        mapped_variance: The mean squared distance of the teacher's mapped latents from their mean.
    """

    def __init__(
        self,
        student: Student,
        settings: Distillation,
        variance: float,
        transform: Transform | None = None,
        mapped_variance: float = 1.0,
    ) -> None:
        self.student = student
        self.steps = 0
        self._settings = settings
        self._variance = variance
        self._transform = transform
        self._mapped_variance = mapped_variance
        self._optimizer = torch.optim.Adam(student.parameters(), settings.rate, fused=True)
        self.average = {name: each.detach().clone() for name, each in student.named_parameters()}

    def step(self, images: torch.Tensor, latents: torch.Tensor) -> float:
        """Take a step and return its loss. A loss that is not finite changes nothing.

        Args:
            images: uint8 of shape (n, s, s, 3).
            latents: The teacher's latents of the images: float32 of shape (n, latent_dim).
        """
        for group in self._optimizer.param_groups:
            group["lr"] = self.rate()
        loss = self._loss(self._forward(images), latents)
        value = float(loss.detach())
        if not math.isfinite(value):
            return value
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.student.parameters(), LIMIT)
        self._optimizer.step()
        self.steps += 1
        values = dict(self.student.named_parameters())
        move_average(self.average, values, self.steps, self._settings.ema, warmup=20)
        return value

    def rate(self) -> float:
        """Return the learning rate of the next step."""
        settings = self._settings
        return warmed_cosine(settings.rate, self.steps, settings.steps, settings.warmup)

    def averaged(self) -> Student:
        """Return a copy of the student on the CPU, whose weights are the moving average."""
        student = Student(self.student.shape, self._settings)
        student.load_state_dict({name: each.cpu() for name, each in self.average.items()})
        student.eval()
        return student

    def _forward(self, images: torch.Tensor) -> torch.Tensor:
        # Bfloat16 halves the time where the device multiplies it, and else multiplies the time.
        half = multiplies_bfloat16(images.device)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=half):
            return self.student(images).flatten(1).float()

    def _loss(self, made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        loss = (made - wanted).square().sum(1).mean() / self._variance
        if self._transform is None:
            return loss
        # The map is fixed here: only the student's parameters are in the optimizer.
        mapped = self._transform(made) - self._transform(wanted)
        kept = mapped.square().sum(1).mean() / self._mapped_variance
        return loss + self._settings.map_weight * kept

    def tensors(self) -> Arrays:
        """Return everything that a step changes, as tensors by name, without copying them."""
        parameters = dict(self.student.named_parameters())
        return pack(self.steps, parameters, self.average, {"adam": self._optimizer})

    def load(self, tensors: Arrays) -> None:
        """Take over the state that `tensors` returned.

        Args:
            tensors: The tensors by name, as they were read from a checkpoint.

        Raises:
            KeyError: A tensor is missing.
            RuntimeError: A tensor has another shape than expected.
        """
        parameters = dict(self.student.named_parameters())
        self.steps = unpack(tensors, parameters, self.average, {"adam": self._optimizer})
