"""Styles that a caption can ask for: what each does to photos, as pure functions on tensors.

Every style takes and gives float (n, 3, h, w) in 0 to 1. It runs on the device of its input, a
batch at a time, so that an accelerator need not wait for styled examples.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import avg_pool2d, conv2d, interpolate, pad

GREY = (0.299, 0.587, 0.114)  # shares of R, G and B in luma (ITU-R BT.601)


def _weights(values: tuple[float, ...], like: Any) -> Any:
    return torch.tensor(values, dtype=like.dtype, device=like.device).view(1, -1, 1, 1)


def _grey(images: Any) -> Any:
    """Luma, (n, 1, h, w)."""
    return (images * _weights(GREY, images)).sum(dim=1, keepdim=True)


def _colour(grey: Any, dark: tuple[float, float, float], light: tuple[float, float, float]) -> Any:
    """One colour for black, another for white, and their mixtures between."""
    return torch.lerp(_weights(dark, grey), _weights(light, grey), grey)


def _saturated(images: Any, factor: float) -> Any:
    return torch.lerp(_grey(images).expand_as(images), images, factor).clamp(0, 1)


def _blur(images: Any, sigma: float) -> Any:
    """Gaussian blur by a standard deviation in pixels."""
    reach = max(1, math.ceil(2.5 * sigma))
    steps = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
    kernel = torch.softmax(-(steps**2) / (2 * sigma**2), dim=0)
    channels = images.shape[1]
    padded = pad(images, (reach,) * 4, mode="replicate")
    rows = conv2d(padded, kernel.view(1, 1, -1, 1).repeat(channels, 1, 1, 1), groups=channels)
    return conv2d(rows, kernel.view(1, 1, 1, -1).repeat(channels, 1, 1, 1), groups=channels)


def _stretched(grey: Any) -> Any:
    """The range between an image's 2nd and 98th percentile as 0 to 1."""
    values = grey.flatten(1)[:, ::7].float()
    low, high = (values.quantile(share, dim=1).view(-1, 1, 1, 1) for share in (0.02, 0.98))
    return ((grey - low) / (high - low).clamp(min=0.2)).clamp(0, 1)


def _painted(images: Any, radius: int) -> Any:
    """Kuwahara filter: each pixel gets the mean of the flattest of four squares that touch it."""
    side = radius + 1
    padded = pad(images, (radius,) * 4, mode="replicate")
    mean = avg_pool2d(padded, side, stride=1)
    spread = (avg_pool2d(padded**2, side, stride=1) - mean**2).sum(dim=1, keepdim=True)
    height, width = images.shape[2:]
    corners = [(top, left) for top in (0, radius) for left in (0, radius)]
    spreads, means = (
        torch.stack([of[..., top : top + height, left : left + width] for top, left in corners])
        for of in (spread, mean)
    )
    flattest = spreads.argmin(dim=0, keepdim=True).expand(1, *means.shape[1:])
    return means.gather(0, flattest)[0]


def _ink(images: Any, sigma: float = 1.2, sharpness: float = 60) -> Any:
    """Lines, 1 where there are none: extended difference of Gaussians (Winnemöller 2011)."""
    grey = _grey(images)
    near, far = _blur(grey, sigma), _blur(grey, 1.6 * sigma)
    return (1 + sharpness * (near - 0.98 * far - 0.004)).clamp(0, 1)


def _edges(images: Any) -> Any:
    """Strength of the edges, (n, 1, h, w) in 0 to 1."""
    padded = pad(_blur(images, 1.0), (1, 1, 1, 1), mode="replicate")
    across = padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]
    down = padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]
    return (4 * (across**2 + down**2).sum(dim=1, keepdim=True).sqrt() / 3).clamp(0, 1)


def _grid(like: Any) -> tuple[Any, Any]:
    """Rows (h, 1) and columns (1, w), in pixels."""
    height, width = like.shape[-2:]
    options = {"dtype": like.dtype, "device": like.device}
    return torch.arange(height, **options)[:, None], torch.arange(width, **options)[None]


def _sky(images: Any) -> Any:
    """(h, 1): 1 at the top to 0 at the bottom, which in most photos is from far to near."""
    return 1 - _grid(images)[0] / max(images.shape[2] - 1, 1)


def _stripes(like: Any, period: float, angle: float) -> Any:
    """A wave in 0 to 1 across lines of an angle in degrees, (h, w)."""
    rows, columns = _grid(like)
    turned = rows * math.cos(math.radians(angle)) + columns * math.sin(math.radians(angle))
    return 0.5 + 0.5 * torch.cos(2 * math.pi * turned / period)


def black_and_white(images: Any) -> Any:
    """Grey, from black to white."""
    return _stretched(_grey(images)).expand_as(images)


def pencil(images: Any) -> Any:
    """Lines where a grey image is darker than its surroundings (colour dodge), and hatching."""
    grey = _grey(images)
    lines = ((grey + 0.03) / (_blur(grey, 4.0) + 0.03)).clamp(0, 1) ** 3
    shade = _stretched(_blur(grey, 1.5))
    hatch = torch.where(shade < 0.45, 1 - (0.45 - shade) * 1.1 * _stripes(images, 5, 45), 1.0)
    return (lines * hatch * 0.97).expand_as(images)


def oil(images: Any) -> Any:
    """Flat strokes with a raised edge, in strong colours."""
    strokes = _saturated(_painted(_painted(images, 4), 3), 1.7)
    relief = _grey(strokes) - torch.roll(_grey(strokes), (1, 1), (2, 3))
    return (1.15 * (strokes - 0.5) + 0.5 + 0.5 * relief).clamp(0, 1)


def watercolour(images: Any) -> Any:
    """Pale washes that darken at their rims, on paper that shows at the border."""
    washes = _saturated(_painted(images, 6), 1.5)
    pale = 1 - 0.72 * (1 - washes) - 0.45 * _edges(washes)
    rows, columns = _grid(images)
    height, width = images.shape[2:]
    rim = torch.minimum(
        torch.minimum(rows, height - 1 - rows) / height,
        torch.minimum(columns, width - 1 - columns) / width,
    )
    waves = 0.012 * (torch.sin(rows / 9) + torch.sin(columns / 7 + rows / 23))
    inside = ((rim + waves - 0.02) / 0.05).clamp(0, 1)
    paper = _weights((0.98, 0.965, 0.93), images)
    return torch.lerp(paper.expand_as(images), pale.clamp(0, 1) * paper, inside)


def cartoon(images: Any) -> Any:
    """Few flat colours inside black lines."""
    smooth = _painted(_painted(images, 3), 3)
    flat = (_saturated(smooth, 1.8) * 5).round() / 5
    return flat * _ink(smooth)


def comic(images: Any) -> Any:
    """Print of the sixties: yellow, red, blue and black, tones by dots."""
    smooth = _painted(images, 3)
    tone = _stretched(_grey(smooth))
    screen = (_stripes(images, 6, 45) + _stripes(images, 6, -45)) / 2
    dots = (12 * (tone + 0.12 - 0.75 * screen)).clamp(0, 1)
    paint = (_saturated(smooth, 2.5) * 2).round() / 2
    paint = torch.lerp(paint, torch.ones_like(paint), 0.25)
    printed = paint * torch.lerp(_weights((0.45, 0.4, 0.6), images), torch.ones_like(paint), dots)
    return printed * _ink(smooth, 1.4)


def engraving(images: Any) -> Any:
    """Black lines on cream, the thicker the darker."""
    tone = _stretched(_blur(_grey(images), 0.8))
    rows, columns = _grid(images)
    waves = 0.5 + 0.5 * torch.cos(2 * math.pi * (rows + 5 * torch.sin(columns / 20)) / 5)
    lines = (4 * (1.25 * tone - waves) + 0.5).clamp(0, 1) * _ink(images)
    return _colour(lines, (0.08, 0.07, 0.1), (0.97, 0.94, 0.85))


def blueprint(images: Any) -> Any:
    """White lines and a grid on blue."""
    lines = (1.8 * _edges(images)).clamp(0, 1)
    rows, columns = _grid(images)
    ruled = ((rows % 32 < 1) | (columns % 32 < 1)).to(images.dtype) * 0.3
    light = torch.maximum(torch.maximum(lines, ruled.expand_as(lines)), 0.12 * _grey(images))
    return _colour(light, (0.05, 0.2, 0.55), (0.95, 0.98, 1.0))


def neon(images: Any) -> Any:
    """Glowing outlines in the dark, their colour by place."""
    lines = (2.2 * _edges(images) - 0.15).clamp(0, 1)
    glow = (lines + 1.5 * _blur(lines, 4.0)).clamp(0, 1.3)
    rows, columns = _grid(images)
    height, width = images.shape[2:]
    share = ((rows / height + columns / width) / 2)[None, None]
    tube = torch.lerp(
        _weights((1.0, 0.15, 0.75), images), _weights((0.1, 0.85, 1.0), images), share
    )
    return (0.1 * images + tube * glow + 0.5 * (lines - 0.5).clamp(min=0)).clamp(0, 1)


def thermal(images: Any) -> Any:
    """The false colours of a heat camera: violet, red, orange, yellow, white."""
    tone = 4 * _stretched(_blur(_grey(images), 1.5))
    stops = torch.tensor(
        [[0.05, 0, 0.3], [0.55, 0, 0.6], [0.95, 0.25, 0.15], [1, 0.75, 0.1], [1, 1, 0.9]],
        dtype=images.dtype,
        device=images.device,
    )
    shares = torch.stack([(1 - (tone - place).abs()).clamp(0, 1) for place in range(5)])
    return torch.einsum("pnchw,pk->nkhw", shares, stops)


def pixels(images: Any) -> Any:
    """Squares of 8 pixels in few colours, as in an old game."""
    coarse = avg_pool2d(images, 8, ceil_mode=True)
    few = (_saturated(coarse, 1.6) * 6).round() / 6
    return interpolate(few, size=images.shape[2:], mode="nearest")


def sepia(images: Any) -> Any:
    """A faded brown print, dark at its corners."""
    tone = 0.1 + 0.85 * _stretched(_grey(images)) ** 0.9
    rows, columns = _grid(images)
    height, width = images.shape[2:]
    away = (rows / height - 0.5) ** 2 + (columns / width - 0.5) ** 2
    return _colour((tone * (1.05 - 1.1 * away)).clamp(0, 1), (0.13, 0.07, 0.02), (1.0, 0.9, 0.7))


def negative(images: Any) -> Any:
    """Each colour by its opposite."""
    return 1 - images


def night(images: Any) -> Any:
    """Dark and blue, with the brightest spots as lamps."""
    dark = images**1.6 * _weights((0.28, 0.36, 0.68), images)
    lamps = ((_grey(images) - 0.82) / 0.18).clamp(0, 1)
    glow = (0.5 * lamps + 0.8 * _blur(lamps, 5.0)) * (1 - 0.7 * _sky(images))
    return (dark + glow * _weights((1.0, 0.8, 0.4), images)).clamp(0, 1)


def sunset(images: Any) -> Any:
    """A sky from violet to orange, and warm light below."""
    sky = _sky(images)
    warm = images * _weights((1.15, 0.72, 0.45), images)
    tint = torch.lerp(_weights((1.0, 0.5, 0.1), images), _weights((0.5, 0.2, 0.5), images), sky)
    bright = _grey(images)
    return torch.lerp(warm, tint * (0.35 + 0.9 * bright), 0.25 + 0.5 * sky * bright).clamp(0, 1)


def fog(images: Any) -> Any:
    """Paler and softer towards the top, where a scene is further away."""
    share = 0.45 + 0.45 * _sky(images)
    soft = torch.lerp(images, _blur(images, 2.5), share)
    return torch.lerp(_saturated(soft, 0.6), _weights((0.83, 0.85, 0.87), images), 0.85 * share)


def snow(images: Any) -> Any:
    """Bright cold light, white where there were leaves, grass and light ground, and flakes."""
    red, green, blue = images.split(1, dim=1)
    plants = (4 * (green - torch.maximum(0.92 * red, blue))).clamp(0, 1)
    cold = _saturated(images, 0.35) * _weights((0.92, 0.98, 1.08), images)
    ground = (1.5 * (_grey(images) - 0.35)).clamp(0, 0.8) * (1 - 0.5 * _sky(images))
    white = torch.maximum(0.9 * plants, ground)
    covered = torch.lerp(cold, 0.78 + 0.22 * _stretched(_grey(images)), white)
    rows, columns = _grid(images)
    flakes = torch.zeros_like(images[:, :1])
    for period, reach in ((29, 1.6), (47, 2.6)):
        # A lattice whose columns are shifted by multiples of the golden ratio looks scattered.
        column = torch.floor(columns / period)
        row = (rows + period * 1.618 * column**2) % period - period / 2
        across = columns % period - period / 2 + 6 * torch.sin(torch.floor(rows / period) * 2.4)
        flakes = torch.maximum(flakes, (reach - (row**2 + across**2).sqrt()).clamp(0, 1))
    return torch.maximum(covered, 0.97 * flakes).clamp(0, 1)


def autumn(images: Any) -> Any:
    """Green becomes orange and red, and the light warm."""
    red, green, blue = images.split(1, dim=1)
    plants = (5 * (green - torch.maximum(0.85 * red, blue))).clamp(0, 1)
    leaves = torch.cat([1.35 * green + 0.12, 0.62 * green, 0.35 * blue], dim=1)
    light = _saturated(images, 1.15) * _weights((1.12, 0.95, 0.72), images)
    return torch.lerp(light, leaves, plants).clamp(0, 1)


STYLES: dict[str, Callable[[Any], Any]] = {
    "a black and white photo of {}": black_and_white,
    "a pencil drawing of {}": pencil,
    "an oil painting of {}": oil,
    "a watercolour of {}": watercolour,
    "a cartoon of {}": cartoon,
    "a comic of {}": comic,
    "an engraving of {}": engraving,
    "a blueprint of {}": blueprint,
    "neon lights of {}": neon,
    "a thermal image of {}": thermal,
    "pixel art of {}": pixels,
    "an old photo of {}": sepia,
    "a negative of {}": negative,
    "{} at night": night,
    "{} at sunset": sunset,
    "{} in the fog": fog,
    "{} in the snow": snow,
    "{} in autumn": autumn,
}
"""What a caption says, and what it does to photos."""
