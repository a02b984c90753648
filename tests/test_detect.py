"""Detection: what regions show, what networks say of them, and the program from end to end."""

from __future__ import annotations

import json
import random
from itertools import permutations
from pathlib import Path

import pytest
import torch
from detection import layouts, learning, multibox, proposing
from detection.boxes import iou, warped
from detection.detecting import MOST, SAME, Detections, thinned, together, warping
from detection.drawing import SIDE, drawn
from detection.regions import GROUND, Regions, labelled, region_data
from detection.shapes import CLASSES, Shapes
from detection.sharing import chosen_scales, lower_layers, sharing, upper_layers
from PIL import Image
from recipe import networks
from recipe.ensemble import Member
from recipe.errors import UserError
from recipe.options import Recipe
from recipe.trained import Record
from torch import Tensor

from tests.hostile_text import hostile_text
from tests.training.support import EXAMPLES, assert_same, example, learned, run

CPU = torch.device("cpu")
MEAN = (123.0, 117.0, 104.0)
SMALL = ("--spec", EXAMPLES / "small.yaml", "--scale", "0.0157", "--batch", "16", "--epochs", "0.3")
SKIP = """netspec: 1
name: Skip
params: {classes: 4}
inputs: {image: [3, 32, 32]}
graph:
  low:   {conv2d: [4, 3], stride: 2, padding: 1}
  high:  {conv2d: [4, 3], padding: 1}
  sum:   {add: [], from: [high, low]}
  pool:  {adaptive_avg_pool2d: 1}
  flat:  flatten
  fc:    {linear: $classes}
outputs: {logits: fc}
"""


def boxes_in(size: tuple[int, int], count: int, seed: int = 0) -> Tensor:
    """Draw boxes within a picture of (width, height)."""
    generator = torch.Generator().manual_seed(seed)
    low = torch.rand(count, 2, generator=generator) * torch.tensor(size) * 0.7
    side = 5 + torch.rand(count, 2, generator=generator) * torch.tensor(size) * 0.28
    return torch.cat([low, (low + side).minimum(torch.tensor(size))], 1)


def near(pictures: Shapes, index: int) -> Tensor:
    """Propose boxes about the true ones and anywhere, in place of a search that takes time."""
    truths = pictures.boxes(index)
    jittered = truths + torch.randn(len(truths), 4, generator=torch.Generator().manual_seed(index))
    anywhere = boxes_in((128, 128), 12, index)
    return torch.cat([jittered, anywhere])


def member(spec: Path | str, classes: int = 4, **settings: str) -> Member:
    """Return an untrained network as if it had been trained."""
    pairs = tuple(f"{name}={value}" for name, value in settings.items())
    recipe = Recipe(spec=str(spec), set=pairs, scale=0.0157)
    network = networks.build(recipe, classes)
    network.model.eval()
    return Member(Record(Path("it"), recipe, (GROUND, *CLASSES)[:classes]), network)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the shapes be few."""
    monkeypatch.setitem(layouts.SHAPES, "shapes", Shapes("train", 12))
    monkeypatch.setitem(layouts.SHAPES, "shapes-held-out", Shapes("held-out", 4))


# What regions show.


def test_a_region_shows_the_object_that_it_overlaps_most_by_half() -> None:
    truths, labels = boxes_in((60, 60), 5), torch.tensor([1, 2, 3, 1, 2])
    shifted = truths[:, None] + torch.arange(0, 20, 2).view(1, -1, 1)
    boxes = torch.cat([shifted.flatten(0, 1), boxes_in((60, 60), 50, seed=1)])
    for box, found in zip(boxes, labelled(boxes, truths, labels).tolist(), strict=True):
        overlaps = iou(box[None], truths)[0].tolist()
        best = max(range(5), key=overlaps.__getitem__)
        assert found == (int(labels[best]) if overlaps[best] >= 0.5 else 0)
    assert not labelled(boxes, truths[:0], labels[:0]).any()


@pytest.mark.parametrize("rare", ["objects", "ground"])
def test_a_quarter_of_the_regions_show_objects_and_none_is_left_out(rare: str) -> None:
    pictures = Shapes("train", 21)
    proposals = [near(pictures, index) for index in range(21)]
    if rare == "ground":
        proposals = [pictures.boxes(i).repeat(9, 1) for i in range(21)]
        proposals[1] = torch.cat([proposals[1], torch.tensor([[0.0, 0, 4, 4]])])
        proposals[10] = torch.tensor([[0.0, 0, 4, 4]])
    data = region_data(pictures, proposals, (32, 32), MEAN)
    for part, chosen in (
        (data.train, {i for i in range(21) if i % 10}),
        (data.held_out, {0, 10, 20}),
    ):
        assert isinstance(part, Regions)
        shows = part.labels > 0
        assert 4 * shows.sum() == len(part.labels)
        found = {(int(i), *box) for i, box in zip(part.places, part.boxes.tolist(), strict=True)}
        given = [torch.cat([proposals[i], pictures.boxes(i)]).tolist() for i in sorted(chosen)]
        wanted = {
            (i, *box) for i, boxes in zip(sorted(chosen), given, strict=True) for box in boxes
        }
        assert found == wanted
    assert data.classes == (GROUND, *CLASSES)


def test_what_overlaps_a_difficult_object_is_neither_ground_nor_object(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pictures = Shapes("train", 21)
    hard = 3
    monkeypatch.setattr(
        Shapes,
        "difficult",
        lambda self, index: torch.full((len(self.labels(index)),), index == hard),
    )
    data = region_data(pictures, [near(pictures, i) for i in range(21)], (32, 32), MEAN)
    assert isinstance(data.train, Regions)
    mine = data.train.boxes[torch.from_numpy(data.train.places == hard)]
    assert len(mine) and (iou(mine, pictures.boxes(hard)) < 0.5).all()


def test_a_region_is_learnt_as_it_is_seen_in_use() -> None:
    pictures = Shapes("train", 21)
    data = region_data(pictures, [near(pictures, i) for i in range(21)], (24, 32), MEAN)
    regions = data.train
    assert isinstance(regions, Regions)
    for index in range(0, len(regions.labels), 40):
        picture = pictures.read(int(regions.places[index]))
        seen = warped(picture, regions.boxes[index, None], (24, 32), MEAN)[0]
        assert regions.read(index).tobytes() == seen.permute(1, 2, 0).numpy().tobytes()


def test_pictures_without_ground_or_objects_teach_nothing() -> None:
    pictures = Shapes("train", 21)
    with pytest.raises(UserError, match="proposals show an object and 0 none"):
        region_data(pictures, [pictures.boxes(i) for i in range(21)], (32, 32), MEAN)


# What networks say of regions.


@pytest.mark.parametrize("layer", ["conv1", "pool1", "inception1", "inception2"])
def test_lower_and_upper_layers_are_the_network(layer: str) -> None:
    known = member(EXAMPLES / "small.yaml")
    image = torch.randn(2, 3, 32, 32)
    lower, cells = lower_layers(known, layer)
    features = lower(image)
    assert features.shape[2:] == (cells, cells)
    upper = upper_layers(known.network.model, layer)
    torch.testing.assert_close(upper(features), known.network.model(image))


@pytest.mark.parametrize(
    ("layer", "message"),
    [("high", "also reads low"), ("hihg", "did you mean `high`"), ("flat", "no square map")],
)
def test_a_network_is_cut_only_where_one_map_feeds_the_rest(
    layer: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "skip.yaml").write_text(SKIP)
    with pytest.raises(UserError, match=f"--fast {layer}: .*{message}"):
        sharing(member(tmp_path / "skip.yaml"), layer, CPU)


@pytest.mark.parametrize("fast", [False, True])
def test_a_regions_probabilities_do_not_depend_on_the_others(fast: bool) -> None:
    known = member(EXAMPLES / "small.yaml")
    score = sharing(known, "inception1", CPU) if fast else warping(known, CPU)
    picture, boxes = Shapes("train", 1).read(0), boxes_in((128, 128), 140)
    together_ = score(picture, boxes)
    assert together_.shape == (140, 4)
    torch.testing.assert_close(together_.sum(1), torch.ones(140))
    order = torch.randperm(140, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(score(picture, boxes[order]), together_[order])
    for index in (0, 77, 139):
        torch.testing.assert_close(score(picture, boxes[index, None])[0], together_[index])


def test_regions_are_seen_as_large_as_the_input_but_panoramas_stay_small() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 60, 60], [0, 0, 400, 400]])
    scales = chosen_scales(boxes, (500, 375), (224, 224))
    sides = [round(float(scale) * 375) for scale in scales]
    assert sides == [1200, 1200, 480]
    assert float(chosen_scales(boxes, (100_000, 50), (224, 224)).max()) * 100_000 <= 2000


def test_an_ensemble_averages_probabilities() -> None:
    picture, boxes = Shapes("train", 1).read(0), boxes_in((128, 128), 9)
    scores = [warping(member(EXAMPLES / "small.yaml", dropout=str(0.1 * i)), CPU) for i in (1, 2)]
    mean = (scores[0](picture, boxes) + scores[1](picture, boxes)) / 2
    torch.testing.assert_close(together(scores)(picture, boxes), mean)


def test_of_each_class_the_best_box_of_a_place_stays() -> None:
    boxes = torch.cat([boxes_in((60, 60), 300, seed) for seed in range(2)])
    known = torch.rand(600, 4, generator=torch.Generator().manual_seed(0)).softmax(1)
    found = thinned(boxes, known, least=0.28)
    assert 0 < len(found.scores) <= MOST
    assert found.scores.min() >= 0.28 and (found.scores.diff() <= 0).all()
    for label in (1, 2, 3):
        own = found.boxes[found.labels == label]
        assert (iou(own, own).fill_diagonal_(0) <= SAME).all()
    for box, label, score in zip(*found, strict=True):
        (row,) = (boxes == box).all(1).nonzero()[0].tolist()
        assert known[row, label] == score
    assert thinned(boxes[:0], torch.empty(0, 1), 0.5).labels.tolist() == []


# MultiBox.


def test_true_boxes_get_the_nearest_priors_in_all() -> None:
    priors, truths = torch.rand(5, 4), torch.rand(3, 4)
    rows, columns = multibox.matched(priors, truths)
    assert columns.tolist() == [*columns.tolist()] and len({*rows.tolist()}) == 3
    cost = torch.cdist(priors.double(), truths.double()).square()
    best = min(
        sum(float(cost[row, i]) for i, row in enumerate(each)) for each in permutations(range(5), 3)
    )
    assert float(cost[rows, columns].sum()) == pytest.approx(best)


def test_the_loss_is_erhans() -> None:
    priors = torch.tensor([[0.0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]])
    truths = [torch.tensor([[0.1, 0, 0.5, 0.5]]), torch.empty(0, 4)]
    logits = torch.tensor([[2.0, -1], [0.5, 3]])
    sure = logits.sigmoid()
    location = 0.3 * 0.5 * 0.1**2
    wanted = location - sure[0, 0].log() - (1 - sure[0, 1]).log() - (1 - sure[1]).log().sum()
    found = multibox.loss((torch.zeros(2, 8), logits), truths, priors)
    torch.testing.assert_close(found, wanted / 2)


def test_proposed_boxes_lie_in_the_picture_the_surest_first() -> None:
    priors = torch.tensor([[0.1, 0.2, 0.5, 0.6], [0.5, 0.5, 1, 1], [0.9, 0.9, 0.9, 0.9]])
    distances = torch.zeros(1, 12)
    distances[0, 4:8] = torch.tensor([0.0, 0, 0.5, 0.5])
    found = multibox.decoded((distances, torch.tensor([[0.1, 2, 5]])), priors, (200, 100))
    torch.testing.assert_close(found, torch.tensor([[100.0, 50, 200, 100], [20, 20, 100, 60]]))


def test_boxes_are_mirrored_with_their_picture() -> None:
    recipe = Recipe(flip=0.5)
    image, box = torch.zeros(1, 3, 10, 20, dtype=torch.uint8), torch.tensor([[0.1, 0.2, 0.3, 0.5]])
    image[0, :, 2:5, 2:6] = 255
    seen = set()
    for step in range(20):
        (turned,), (boxes,) = learning._mirrored(image, [box], recipe, step)
        left, top, right, bottom = (
            (boxes[0] * torch.tensor([20, 10, 20, 10])).round().int().tolist()
        )
        assert turned[:, top:bottom, left:right].min() == 255
        assert int(turned.sum()) == 255 * 3 * (bottom - top) * (right - left)
        seen.add(left)
    assert seen == {2, 14}


def test_more_boxes_than_the_data_have_are_refused() -> None:
    with pytest.raises(UserError, match="--set boxes=1"):
        multibox.priors_of(torch.rand(3, 4), 4, seed=0)


# The program.


@pytest.fixture
def proposals(few: None, tmp_path: Path) -> list[object]:
    """Write proposals of few pictures, held-out ones too."""
    for part, name in (("train", "shapes"), ("held-out", "shapes-held-out")):
        pictures = layouts.SHAPES[name]
        found = [near(pictures, index) for index in range(len(pictures))]
        proposing.write(tmp_path / f"{part}.pt", pictures, found)
    return ["--proposals", tmp_path / "train.pt"]


def test_from_training_to_a_drawing(
    proposals: list[object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in (0, 1):
        out = tmp_path / f"run{seed}"
        example("detect", "train", *proposals, *SMALL, "--seed", seed, "--out", out)
    checkpoints = [tmp_path / f"run{seed}" / "checkpoint.pt" for seed in (0, 1)]
    held_out = ["--data", "shapes-held-out", "--proposals", tmp_path / "held-out.pt"]
    for fast in ([], ["--fast", "inception1"]):
        example("detect", "evaluate", *checkpoints, *held_out, *fast, "--out", tmp_path / "r.json")
        printed = capsys.readouterr().out
        assert "4 pictures" in printed and "AP50" in printed
        results = json.loads((tmp_path / "r.json").read_text())
        assert {each["image_id"] for each in results} <= {1, 2, 3, 4}
    for index in range(2):
        layouts.SHAPES["shapes"].read(index).save(tmp_path / f"{index}.png")
    images = [tmp_path / f"{index}.png" for index in range(2)]
    example("detect", "detect", *checkpoints, "--images", *images, "--plot", tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as plot:
        assert plot.height == SIDE and plot.width > 2 * SIDE


def test_a_resumed_training_ends_with_the_same_bits(
    proposals: list[object], tmp_path: Path
) -> None:
    train = ["train", *proposals, *SMALL]
    example("detect", *train, "--out", tmp_path / "once")
    example("detect", *train, "--out", tmp_path / "twice", "--stop-at", 2)
    example("detect", *train, "--out", tmp_path / "twice")
    assert_same(learned(tmp_path / "once"), learned(tmp_path / "twice"))


def test_multibox_learns_to_propose(
    few: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example(
        *("detect", "multibox", "--spec", EXAMPLES / "small_multibox.yaml", "--set", "boxes=6"),
        *("--scale", "0.0157", "--lr", "0.02", "--epochs", 3, "--batch", 6, "--out", tmp_path),
    )
    checkpoint, found = tmp_path / "checkpoint.pt", tmp_path / "proposals.pt"
    example("detect", "propose", "--data", "shapes-held-out", "--out", found)
    alone = proposing.read(found, layouts.SHAPES["shapes-held-out"])
    example(
        *("detect", "propose", "--data", "shapes-held-out", "--out", found),
        *("--multibox", checkpoint),
    )
    both = proposing.read(found, layouts.SHAPES["shapes-held-out"])
    assert "4 pictures" in capsys.readouterr().out
    for one, more in zip(alone, both, strict=True):
        assert torch.equal(more[: len(one)], one) and 0 < len(more) - len(one) <= 6


def test_any_class_name_is_drawn_and_not_interpreted() -> None:
    random_ = random.Random(0)
    picture = Shapes("train", 1).read(0)
    box, one = torch.tensor([[10.0, 5, 50, 60]]), torch.tensor([1])
    names = [hostile_text(random_) for _ in range(40)] + ["", "\0", "\ud800", "\n" * 9, "漢字 ñ"]
    for name in names:
        found = Detections(box, one, torch.tensor([0.5]))
        assert drawn(picture, found, [name]).size == (SIDE, SIDE)


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (2, 3000)])
def test_odd_pictures_are_drawn(size: tuple[int, int]) -> None:
    found = Detections(torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([1]), torch.tensor([0.5]))
    assert max(drawn(Image.new("RGB", size), found, ["disc"]).size) == SIDE


def saved(path: Path, classes: tuple[str, ...] = (GROUND, *CLASSES), **more: Tensor) -> Path:
    """Write an untrained network as if it had been trained."""
    known = member(EXAMPLES / "small.yaml", len(classes))
    recipe, weights = known.record.recipe.to_dict(), known.network.model.state_dict()
    torch.save({"state_dict": weights, "recipe": recipe, "classes": classes, **more}, path)
    return path


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("find", "find: no such command; there are propose, multibox, train"),
        ("propose --data nosuch", "nosuch: no pictures"),
        ("propose --workers -1", "--workers"),
        ("propose --multibox {run}", "run.pt is no MultiBox"),
        ("evaluate {train}", "tells no regions apart"),
        ("evaluate {digits}", "tells no regions apart"),
        ("evaluate {run} {other}", "knows cat, dog.*an ensemble knows the same classes"),
        ("evaluate {other}", "knows cat, dog.*shapes has disc, square, triangle"),
        ("evaluate {run} --proposals {train} --fast fc", "--fast fc: "),
        ("train --proposals {held-out}", "has no proposals for 12 of 12 pictures, such as train-0"),
        ("train --proposals {run}", "run.pt holds no proposals"),
        ("train --proposals {train} --multibox {run}", "name one"),
        ("train --proposals {train} --batch 100000", "--batch 100000"),
        ("train --proposals {train} --spec {multibox}", r"gives \[800, 200\] numbers .* \[4\]"),
        ("multibox --spec {small}", r"gives \[10\] numbers for a picture"),
        ("multibox --batch 0", "--batch"),
        ("multibox --fsdp", "--fsdp"),
        ("detect {run} --images {train}", "train.pt: expected one of BMP"),
        ("detect {run} --images {nosuch}", "nosuch.pt: .*o such file"),
        ("detect {run}", "--images"),
        ("evaluate {run} --shown 0", "--shown"),
    ],
)
def test_a_mistake_is_told(
    argv: str, message: str, proposals: list[object], tmp_path: Path
) -> None:
    saved(tmp_path / "run.pt")
    saved(tmp_path / "other.pt", (GROUND, "cat", "dog"))
    saved(tmp_path / "digits.pt", tuple("0123456789"))
    names = ("train", "held-out", "run", "other", "digits", "nosuch")
    paths = {name: tmp_path / f"{name}.pt" for name in names}
    paths |= {"small": EXAMPLES / "small.yaml", "multibox": EXAMPLES / "small_multibox.yaml"}
    with pytest.raises(UserError, match=message):
        example("detect", *(word.format(**paths) for word in argv.split()))


@pytest.mark.long
def test_shapes_are_found(tmp_path: Path) -> None:
    """What the README shows: in a minute of a CPU, half of the average precision and more."""
    detect = EXAMPLES / "detect.py"
    small = ("--spec", EXAMPLES / "small_bn.yaml", "--set", "dropout=0.0", "--scale", "0.0157")
    rates = ("--lr", "0.1", "--schedule", "cosine", "--photometric", "0", "--lighting", "0")
    run(detect, "train", *small, *rates, "--batch", "32", "--epochs", "3", "--out", tmp_path)
    checkpoint, held_out = tmp_path / "checkpoint.pt", ("--data", "shapes-held-out")
    told, *_, mean = run(detect, "evaluate", checkpoint, *held_out).splitlines()
    share = float(told.split("%")[0].split()[-1])
    assert share >= 98
    assert float(mean.split()[1]) >= 0.55
