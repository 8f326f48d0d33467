"""Trained networks: what they compute, what they learn, and that a seed decides it all."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("pytorch_metric_learning")

import torch

from originid.errors import InputError, OriginidError
from originid.experiments.trained_networks.backbones import Ibn, make_backbone
from originid.experiments.trained_networks.features import TrainedNetwork
from originid.experiments.trained_networks.fit import fit_network, pairs_loss
from originid.experiments.trained_networks.matching import MATCHERS, best_in_turn, best_responses
from originid.experiments.trained_networks.sampling import GraphBatches
from originid.experiments.trained_networks.settings import PRESETS, NetworkSettings

SIDE = 32
EDITS = 4
SHORT: dict[str, Any] = {"side": SIDE, "width": 16, "neck": 8, "hidden": 16, "warmup": 2}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def settings_of(given: dict[str, Any]) -> NetworkSettings:
    changes = dict(given)
    return replace(PRESETS[changes.pop("preset", "vit-cosface")], **changes)


def small(preset: str, **changes: Any) -> NetworkSettings:
    return replace(PRESETS[preset], **{**SHORT, **changes})


def toy(origins: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Four random colours, and edits that are lighter or darker, and noisy."""
    rng = np.random.default_rng(seed)
    plain = rng.uniform(80, 180, (origins, 1, 2, 2, 3))
    light = rng.normal(0, 40, (origins, EDITS, 1, 1, 1))
    noise = rng.normal(0, 6, (origins, EDITS, 2, 2, 3))
    all_of = np.concatenate([plain, plain + light + noise], axis=1).reshape(-1, 2, 2, 3)
    images = all_of.repeat(SIDE // 2, axis=1).repeat(SIDE // 2, axis=2).clip(0, 255)
    return images.astype(np.uint8), np.repeat(np.arange(origins), EDITS + 1)


def accuracy(network: TrainedNetwork, images: np.ndarray) -> float:
    """Share of edits whose most similar origin is their own."""
    features = network.extract(images)
    origins = features[:: EDITS + 1]
    edits = np.delete(features, np.s_[:: EDITS + 1], axis=0)
    best = network.score(edits, origins).argmax(axis=1)
    return float((best == np.repeat(np.arange(len(origins)), EDITS)).mean())


def untrained(preset: str, **changes: Any) -> TrainedNetwork:
    images, classes = toy(2, 0)
    return fit_network(images, classes, small(preset, steps=0, **changes))


def random_images(n: int) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, SIDE, SIDE, 3), dtype=np.uint8)


def randomised(network: Any) -> Any:
    """Give batch norms statistics and factors other than those they start with."""
    generator = torch.Generator().manual_seed(1)
    for name, each in network.state_dict().items():
        if ("norm" in name or "heads" in name) and each.is_floating_point():
            each.copy_(torch.rand(each.shape, generator=generator) + 0.5)
    return network.eval()


@pytest.mark.parametrize(
    ("preset", "shape"),
    [
        ("vit-circle", (16,)),
        ("vit-softmax", (16,)),
        ("vit-cosface", (16,)),
        ("ibn-net", (64,)),
        ("qaconv-gs", (8, 4, 4)),
        ("transmatcher", (16, 2, 2)),
    ],
)
def test_features_and_scores_have_their_shapes(preset: str, shape: tuple[int, ...]) -> None:
    network = untrained(preset)
    features = network.extract(random_images(5))
    assert features.shape == (5, *shape)
    assert features.dtype == np.float32
    scores = network.score(features[:2], features)
    assert scores.shape == (2, 5)
    assert scores.dtype == np.float32
    assert network.score(features[:0], features).shape == (0, 5)


@pytest.mark.parametrize("preset", ["vit-cosface", "ibn-net", "qaconv-gs", "transmatcher"])
def test_features_do_not_depend_on_the_batch(preset: str) -> None:
    network = untrained(preset)
    images = random_images(66)
    together = network.extract(images)
    np.testing.assert_allclose(network.extract(images[65:]), together[65:], atol=1e-5)


@pytest.mark.parametrize(
    ("preset", "changes"),
    [
        ("vit-cosface", {"steps": 100, "width": 32, "depth": (1,)}),
        ("vit-softmax", {"steps": 100, "width": 32, "depth": (1,)}),
        ("vit-circle", {"steps": 100, "width": 32, "depth": (1,)}),
        ("ibn-net", {"steps": 30}),
        ("qaconv-gs", {"steps": 30, "graph_steps": 15}),
        ("transmatcher", {"steps": 30, "graph_steps": 15}),
    ],
)
def test_edits_of_origins_never_seen_are_found(preset: str, changes: dict[str, Any]) -> None:
    images, classes = toy(40, seed=1)
    unseen, _ = toy(20, seed=2)
    settings = small(preset, origins_per_batch=16, rate=3e-3, **changes)
    before = accuracy(fit_network(images, classes, replace(settings, steps=0)), unseen)
    after = accuracy(fit_network(images, classes, settings), unseen)
    assert after > max(0.5, before + 0.1)  # chance is 0.05


@pytest.mark.parametrize("preset", ["vit-cosface", "qaconv-gs"])
def test_the_seed_decides_everything(preset: str) -> None:
    images, classes = toy(8, seed=3)
    settings = small(preset, steps=4, flip=True)
    told: list[tuple[int, int]] = []
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = fit_network(images, classes, settings, lambda *done: told.append(done))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    again = fit_network(images, classes * 3 + 1, settings).extract(images)
    other = fit_network(images, classes, replace(settings, seed=1)).extract(images)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    np.testing.assert_array_equal(first.extract(images), again)
    assert not np.allclose(again, other, atol=1e-3)


def test_half_of_the_channels_are_normed_by_image_and_half_by_batch() -> None:
    layer = Ibn(5).train()
    x = torch.randn(6, 5, 4, 4, generator=torch.Generator().manual_seed(0)) * 3 + 2
    x[0] += 100
    y = layer(x)
    torch.testing.assert_close(y[:, :2].mean(dim=(2, 3)), torch.zeros(6, 2), atol=1e-4, rtol=0)
    assert float(y[0, 2:].detach().mean()) > 2  # the batch's mean leaves the bright image bright
    torch.testing.assert_close(y[:, 2:].mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)


def test_the_first_three_stages_have_instance_norm() -> None:
    backbone = make_backbone(small("ibn-net", depth=(1, 2, 1, 1)))
    kinds = [
        any(isinstance(layer, Ibn) for layer in block.modules())
        for block in backbone.layers
        if hasattr(block, "body")
    ]
    assert kinds == [True, True, True, True, False]


@pytest.mark.parametrize(
    ("changes", "channels", "parameters"),
    [
        # As published for torchvision's and timm's models, without their 1000 classes.
        (
            {"width": 768, "depth": (12,), "heads": 12, "patch": 16, "side": 224},
            768,
            85_798_656,
        ),
        (
            {
                "preset": "ibn-net",
                "width": 64,
                "depth": (3, 4, 6, 3),
                "bottleneck": True,
                "side": 224,
            },
            2048,
            23_508_032,
        ),
    ],
)
def test_the_papers_sizes_are_settings(
    changes: dict[str, Any], channels: int, parameters: int
) -> None:
    with torch.device("meta"):
        backbone = make_backbone(settings_of(changes))
    assert backbone.channels == channels
    assert sum(each.numel() for each in backbone.parameters()) == parameters


def test_qaconv_scores_as_a_loop_over_positions_does() -> None:
    settings = small("qaconv-gs")
    network = randomised(MATCHERS["qaconv"](settings))
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(5, 8, 4, 4)).astype(np.float32)
    maps /= np.linalg.norm(maps, axis=1, keepdims=True)
    scores = TrainedNetwork(settings, network).score(maps[:2], maps)
    state = {name: each.double().numpy() for name, each in network.state_dict().items()}

    def norm(x: Any, name: str) -> float:
        spread = np.sqrt(state[f"{name}.running_var"][0] + 1e-5)
        x = (x - state[f"{name}.running_mean"][0]) / spread
        return float(x * state[f"{name}.weight"][0] + state[f"{name}.bias"][0])

    columns = maps.reshape(5, 8, 16).astype(np.float64)
    for i in range(2):
        for j in range(5):
            total = 2 * state["heads.0.2.bias"][0]
            for s in range(16):
                mine = max(columns[i, :, s] @ columns[j, :, t] for t in range(16))
                theirs = max(columns[i, :, t] @ columns[j, :, s] for t in range(16))
                for response in (mine, theirs):
                    total += state["heads.0.2.weight"][0, s] * norm(response, "heads.0.0")
            assert scores[i, j] == pytest.approx(norm(total, "norm"), abs=1e-4)
    np.testing.assert_allclose(scores[:, :2], scores[:, :2].T, atol=1e-5)


def test_matching_in_blocks_is_what_was_trained() -> None:
    for preset in ("qaconv-gs", "transmatcher"):
        settings = small(preset)
        network = randomised(MATCHERS[settings.matcher](settings))
        channels = settings.neck * len(network.heads)
        side = settings.side // settings.reduction
        maps = torch.randn(600, channels, side, side, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            whole = network.compare(maps[:70], maps)
            torch.testing.assert_close(network.match(maps[:70], maps), whole, rtol=1e-4, atol=1e-4)


def test_both_ways_to_the_best_responses_agree() -> None:
    generator = torch.Generator().manual_seed(0)
    queries, references = torch.randn(3, 4, 9, generator=generator), torch.randn(5, 4, 9)
    prior = torch.rand(9, 9, generator=generator)
    for factors in (None, prior):
        one = best_responses(queries, references, factors)
        assert one.shape == (3, 5, 2, 9)
        torch.testing.assert_close(best_in_turn(queries, references, factors), one)


def test_a_batch_holds_an_anchor_and_its_nearest_classes() -> None:
    classes = np.repeat(np.arange(6), 3)
    batches = GraphBatches(classes, origins=3, images=2, seed=0)
    chosen = np.array([5, 3, 1, 0, 2, 4])
    scores = -np.abs(chosen[:, None] - chosen).astype(np.float32)  # like the next numbers
    seen = []
    for rows in batches.near(chosen, scores, epoch=0, steps=6):
        assert rows.shape == (3, 2)
        assert (classes[rows] == classes[rows[:, :1]]).all()
        anchor, *others = classes[rows[:, 0]]
        assert anchor not in others
        assert sum(abs(other - anchor) for other in others) == (3 if anchor in (0, 5) else 2)
        seen.append(int(anchor))
    assert sorted(seen) == list(range(6))


def test_the_loss_of_pairs_is_what_a_loop_finds() -> None:
    labels = np.array([0, 0, 1, 1, 1])
    scores = np.random.default_rng(0).normal(size=(5, 5))
    right, wrong, triplets = [], [], []
    for i in range(5):
        mine = [scores[i, j] for j in range(5) if j != i and labels[i] == labels[j]]
        others = [scores[i, j] for j in range(5) if labels[i] != labels[j]]
        right += [np.log1p(np.exp(-score)) for score in mine]
        wrong += [np.log1p(np.exp(score)) for score in others]
        triplets.append(max(0.0, 1.5 - min(mine) + max(others)))
    loss = pairs_loss(torch.from_numpy(scores), torch.from_numpy(labels), margin=1.5)
    assert float(loss) == pytest.approx(np.mean(right) + np.mean(wrong) + np.mean(triplets))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"loss": "pairs"}, "loss = 'pairs'"),
        ({"preset": "qaconv-gs", "loss": "cosface"}, "loss = 'cosface'"),
        ({"side": 60}, "side = 60"),
        ({"depth": (2, 2)}, r"depth = \(2, 2\)"),
        ({"depth": ()}, r"depth = \(\)"),
        ({"depth": [4]}, "of type tuple"),
        ({"heads": 5}, "heads = 5"),
        ({"patch": 0}, "patch = 0"),
        ({"steps": True}, "steps = True"),
        ({"rate": float("nan")}, "rate = nan"),
        ({"images_per_origin": 1}, "images_per_origin = 1"),
        ({"graph_steps": 5}, "graph_steps = 5"),
    ],
)
def test_bad_settings_are_refused(given: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        settings_of(given)


def test_images_and_classes_that_do_not_fit_are_refused() -> None:
    images, classes = toy(3, seed=0)
    settings = small("ibn-net", steps=1)
    with pytest.raises(InputError, match=r"shape \(15, 16, 32, 3\)"):
        fit_network(images[:, ::2], classes, settings)
    with pytest.raises(InputError, match="float64 images"):
        fit_network(
            images.astype(np.float64),
            classes,
            settings,
        )
    with pytest.raises(InputError, match=r"classes of shape \(14,\)"):
        fit_network(images, classes[1:], settings)
    with pytest.raises(InputError, match="1 origins"):
        fit_network(images, classes * 0, settings)


def test_a_loss_that_is_not_finite_stops_training() -> None:
    images, classes = toy(4, seed=0)
    settings = small("vit-cosface", steps=20, rate=1e30, warmup=0)
    with pytest.raises(OriginidError, match="loss nan in step"):
        fit_network(images, classes, settings)
