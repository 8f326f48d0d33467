"""One step of distillation, and everything that it changes."""

import math

import torch

from originid.training.distillation.network import Student
from originid.training.distillation.settings import Distillation
from originid.training.metric.transforms import Transform
from originid.training.settings import warmed_cosine
from originid.training.state import Arrays, move_average, pack, unpack

LIMIT = 1.0  # largest norm of a gradient: a rare image must not undo many steps


class StudentLearner:
    """A student, Adam's moments, and the student's moving average.

    Args:
        student: with its first values, on its device.
        settings: see `Distillation`.
        variance: mean squared distance of the teacher's latents from their mean.
        transform: the teacher's map; None where none counts.
        mapped_variance: the same of the teacher's mapped latents.
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
        """Take a step and return the loss; one that is not finite changes nothing.

        Args:
            images: uint8, (n, s, s, 3).
            latents: the teacher's, (n, latent_dim).
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
        """The rate of the next step."""
        settings = self._settings
        return warmed_cosine(settings.rate, self.steps, settings.steps, settings.warmup)

    def averaged(self) -> Student:
        """A copy of the student that has the moving average as its weights, on the CPU."""
        student = Student(self.student.shape, self._settings)
        student.load_state_dict({name: each.cpu() for name, each in self.average.items()})
        student.eval()
        return student

    def _forward(self, images: torch.Tensor) -> torch.Tensor:
        # Half the time where the device multiplies bfloat16 itself, many times it where not.
        with torch.autocast(images.device.type, torch.bfloat16, enabled=_has_bfloat16(images)):
            return self.student(images).flatten(1).float()

    def _loss(self, made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        loss = (made - wanted).square().sum(1).mean() / self._variance
        if self._transform is None:
            return loss
        mapped = self._transform(made) - self._transform(wanted)
        kept = mapped.square().sum(1).mean() / self._mapped_variance
        return loss + self._settings.map_weight * kept

    def tensors(self) -> Arrays:
        """Everything that a step changes, by name; copies are not made."""
        parameters = dict(self.student.named_parameters())
        return pack(self.steps, parameters, self.average, {"adam": self._optimizer})

    def load(self, tensors: Arrays) -> None:
        """Take what `tensors` gave; a KeyError or RuntimeError says what does not fit."""
        parameters = dict(self.student.named_parameters())
        self.steps = unpack(tensors, parameters, self.average, {"adam": self._optimizer})


def _has_bfloat16(images: torch.Tensor) -> bool:
    if images.device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return images.device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())
