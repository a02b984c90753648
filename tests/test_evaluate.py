"""Evaluation with many crops and several networks: what a naive loop finds, however it is run."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from torch import Tensor

import netspec
from tests.support import draws
from tests.training.support import EXAMPLES, TINY, TORCHRUN, example, run, state

SIZE = (12, 16)
SPEC = """netspec: 1
name: Linear
params: {classes: 3}
inputs: {image: [3, 12, 16]}
graph:
  pool: {avg_pool2d: 2}
  flat: flatten
  fc:   {linear: $classes}
outputs: {logits: fc}
"""
CLASSES = ("cat", "dog", "owl")
IMAGES = 11
SETS = (1, 5, 10, 72, 144)
EXPLODED = {"fc.weight": torch.full((3, 144), torch.inf), "fc.bias": torch.zeros(3)}


def naive_crops(image: Image.Image, size: Sequence[int], margin: float) -> Iterator[Image.Image]:
    """Yield the 144 crops of the paper as its section 7 reads, one after the other."""
    height, width = size
    for side in (256, 288, 320, 352):
        high, wide = round(height * margin * side / 256), round(width * margin * side / 256)
        factor = max(high / image.height, wide / image.width)
        shape = max(wide, round(image.width * factor)), max(high, round(image.height * factor))
        resized = image.resize(shape, Image.Resampling.BILINEAR)
        for half in (0, 1, 2):
            left, top = (resized.width - wide) * half // 2, (resized.height - high) * half // 2
            square = resized.crop((left, top, left + wide, top + high))
            right, bottom = wide - width, high - height
            for x, y in (
                (0, 0),
                (right, 0),
                (0, bottom),
                (right, bottom),
                (right // 2, bottom // 2),
            ):
                seen = square.crop((x, y, x + width, y + height))
                yield from (seen, ImageOps.mirror(seen))
            whole = square.resize((width, height), Image.Resampling.BILINEAR)
            yield from (whole, ImageOps.mirror(whole))


def naive_sets(crops: Sequence[Tensor]) -> dict[int, Sequence[Tensor]]:
    """Return the sets of crops: the centre of the first scale's middle square is its last."""
    return {1: crops[20:21], 5: crops[12:22:2], 10: crops[12:22], 72: crops[::2], 144: crops}


def pixels(image: Image.Image) -> Tensor:
    return torch.tensor(numpy.array(image)).permute(2, 0, 1)


def noise(width: int, height: int, seed: int) -> Image.Image:
    values = numpy.random.default_rng(seed).integers(0, 256, (height, width, 3), numpy.uint8)
    return Image.fromarray(values)


@settings(max_examples=draws(12, 300), deadline=None)
@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.sampled_from([1.0, 256 / 224]),
)
def test_the_crops_are_the_papers(
    image_size: tuple[int, int], size: tuple[int, int], margin: float
) -> None:
    from recipe.crops import CROPS, cut, union

    image = noise(*image_size, seed=0)
    naive = naive_sets([pixels(crop) for crop in naive_crops(image, size, margin)])
    for count in SETS:
        seen = cut(image, CROPS[count], size, margin)
        assert torch.equal(seen, torch.stack([*naive[count]]))
        assert len(set(CROPS[count])) == count
    assert union((10, 72)) == sorted({*CROPS[10], *CROPS[72]})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise in three classes, of all shapes."""
    root = tmp_path_factory.mktemp("data")
    draw = random.Random(0)
    for part, count in (("train", 3), ("val", IMAGES)):
        for i in range(count):
            path = root / part / CLASSES[i % 3] / f"{i:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            noise(draw.randint(14, 40), draw.randint(14, 40), seed=i).save(path)
    return root


@pytest.fixture(scope="module")
def checkpoints(data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two networks with different weights, of which one sees images in another scale."""
    folder = tmp_path_factory.mktemp("runs")
    return [checkpoint(folder, seed, data) for seed in (0, 1)]


def checkpoint(folder: Path, seed: int, data: Path, **other: object) -> Path:
    """Write what a run would."""
    from recipe.options import Recipe

    (folder / "linear.yaml").write_text(SPEC)
    torch.manual_seed(seed)
    recipe = Recipe(spec=str(folder / "linear.yaml"), data=str(data), scale=0.01 * (seed + 1))
    state = {
        "state_dict": netspec.load(recipe.spec).build().state_dict(),
        "recipe": recipe.to_dict(),
        "classes": CLASSES,
    }
    path = folder / f"{seed}.pt"
    torch.save(state | other, path)
    return path


def evaluated(checkpoints: Sequence[Path], out: Path, *options: object) -> dict:
    example("evaluate", *checkpoints, "--out", out, "--crops", *SETS, *options)
    return json.loads(out.read_text())


def naive_rows(checkpoints: Sequence[Path], image: Image.Image) -> Tensor:
    """Return the probabilities of an image for each row of the table, one crop at a time."""
    rows = []
    for path in checkpoints:
        state = torch.load(path)
        model = netspec.load(state["recipe"]["spec"]).build().eval()
        model.load_state_dict(state["state_dict"])
        found = []
        for crop in naive_crops(image, SIZE, 256 / 224):
            mean = torch.tensor(state["recipe"]["mean"]).view(3, 1, 1)
            seen = (pixels(crop) - mean) * state["recipe"]["scale"]
            found.append(model(seen[None])[0].detach().double().softmax(0))
        rows.append([torch.stack([*some]).mean(0) for some in naive_sets(found).values()])
    rows.append([torch.stack(some).mean(0) for some in zip(*rows, strict=True)])
    return torch.stack([value for row in rows for value in row])


def test_crops_and_networks_are_averaged_as_a_naive_loop_does(
    checkpoints: list[Path], data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import evaluate

    seen: list[tuple[Tensor, Tensor]] = []
    right = evaluate.right
    monkeypatch.setattr(evaluate, "right", lambda *each: seen.append(each) or right(*each))
    found = evaluated(checkpoints, tmp_path / "out.json", "--batch", 300)
    paths = [path for name in CLASSES for path in sorted((data / "val" / name).iterdir())]
    naive = torch.stack([naive_rows(checkpoints, Image.open(path)) for path in paths], 1)
    labels = torch.tensor([CLASSES.index(path.parent.name) for path in paths])
    assert torch.equal(torch.cat([each for _, each in seen]), labels)
    probabilities = torch.cat([each for each, _ in seen], 1).double()
    torch.testing.assert_close(probabilities, naive, rtol=0, atol=1e-6)
    hits = (naive.argmax(-1) == labels).sum(1).tolist()
    assert [row["top1"] for row in found["rows"]] == hits and len({*hits}) > 2
    assert {row["top5"] for row in found["rows"]} == {IMAGES}, "of three classes"


def test_sets_of_crops_count_the_same_in_any_company(
    checkpoints: list[Path], tmp_path: Path
) -> None:
    rows = evaluated(checkpoints, tmp_path / "all.json")["rows"]
    found = evaluated(checkpoints, tmp_path / "some.json", "--crops", 72, 10)
    assert found["rows"] == [row for row in rows if row["crops"] in (10, 72)]


def test_the_table_says_what_each_row_costs(
    checkpoints: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from recipe.tally import Tally

    found = evaluated(checkpoints, tmp_path / "out.json")
    printed = capsys.readouterr().out
    assert printed.strip() == Tally(**found).table() and printed.endswith(f"{IMAGES} images\n")
    macs = netspec.loads(SPEC).macs
    assert [(row["crops"], row["cost"], row["macs"]) for row in found["rows"]] == [
        (crops, crops * networks, crops * networks * macs)
        for networks in (1, 1, 2)
        for crops in SETS
    ]
    first, *_, last = found["rows"]
    error, gain = (100 * (1 - last["top1"] / IMAGES), 100 * (first["top1"] - last["top1"]) / IMAGES)
    line = printed.splitlines()[3 * len(SETS)].split()
    assert line[:4] == ["all", "2", "144", "288"] and line[5:7] == [f"{error:.2f}", f"{gain:+.2f}"]


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 7), st.integers(1, 5))
def test_every_image_is_counted_once_by_any_number_of_processes(
    start: int, more: int, each: int, processes: int
) -> None:
    import evaluate
    from recipe.loading import Share

    orders = [
        evaluate.Rounds(start, start + more, each, Share(rank, processes))
        for rank in range(processes)
    ]
    assert len({len(order) for order in orders}) == 1, "all add up equally often"
    done: list[int] = []
    for number, rounds in enumerate(zip(*orders, strict=True), 1):
        assert all(len(images) <= each for images in rounds)
        done += sorted(image for images in rounds for image in images)
        assert done == [*range(start, orders[0].done(number))]
    assert done == [*range(start, start + more)]


def test_an_interrupted_evaluation_goes_on(
    checkpoints: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import evaluate

    whole = evaluated(checkpoints, tmp_path / "whole.json")
    monkeypatch.setattr(evaluate, "_CROPS_BETWEEN_SAVES", 3 * 144)
    look, looks = evaluate.Looks.__getitem__, list[int]()

    def interrupted(self: evaluate.Looks, index: int) -> evaluate.Look:
        looks.append(index)
        if len(looks) == 9:
            raise KeyboardInterrupt
        return look(self, index)

    monkeypatch.setattr(evaluate.Looks, "__getitem__", interrupted)
    out = tmp_path / "out.json"
    with pytest.raises(KeyboardInterrupt):
        evaluated(checkpoints, out)
    assert json.loads(out.read_text())["done"] == 6
    assert evaluated(checkpoints, out) == whole
    assert looks == [*range(9), *range(6, IMAGES)]


def test_one_crop_is_what_a_run_evaluates_by(tmp_path: Path) -> None:
    example("train", *TINY, "--evaluate-every", 12, "--out", tmp_path)
    example("evaluate", tmp_path / "checkpoint.pt", "--batch", 7)
    found = json.loads((tmp_path / "evaluation.json").read_text())
    (point,) = state(tmp_path)["history"]
    assert found["rows"][0]["top1"] == round(point["averaged accuracy"] * 360)
    assert found["images"] == found["done"] == 360


def test_shards_are_evaluated_as_files_are(
    checkpoints: list[Path], data: Path, tmp_path: Path
) -> None:
    example("shards", data, tmp_path / "shards", "--images", 4)
    found = evaluated(checkpoints, tmp_path / "out.json", "--data", tmp_path / "shards")
    assert found["rows"] == evaluated(checkpoints, tmp_path / "whole.json")["rows"]


@pytest.mark.long
def test_processes_and_workers_count_the_same(checkpoints: list[Path], tmp_path: Path) -> None:
    whole = evaluated(checkpoints, tmp_path / "whole.json")
    options = (*checkpoints, "--crops", *SETS, "--workers", 1, "--out", tmp_path / "out.json")
    printed = run(*TORCHRUN, EXAMPLES / "evaluate.py", *options)
    assert json.loads((tmp_path / "out.json").read_text()) == whole
    assert printed.count("top-1 error") == 1


def test_images_that_cannot_be_read_do_not_count(
    checkpoints: list[Path], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from recipe.errors import UserError

    shutil.copytree(data, tmp_path / "data")
    for name in ("00", "03"):
        (tmp_path / "data/val/cat" / f"{name}.png").write_bytes(b"no picture")
    out, options = tmp_path / "out.json", ("--data", tmp_path / "data")
    found = evaluated(checkpoints, out, *options)
    assert found["done"] == IMAGES and found["unreadable"] == 2
    printed = capsys.readouterr()
    assert f"{IMAGES - 2} images; 2 unreadable" in printed.out and "cat/03.png" in printed.err
    with pytest.raises(UserError, match=r"2 images cannot be read.*--max-corrupt 1"):
        evaluated(checkpoints, out, *options, "--fresh", "--max-corrupt", 1)


@pytest.mark.parametrize(
    ("other", "options", "message"),
    [
        ({"classes": ("cat", "owl", "dog")}, (), "class 1 is 'owl' in .*0.pt and 'dog' in"),
        ({"classes": CLASSES[:2]}, (), "class 2 is None in .*0.pt and 'owl' in"),
        ({"state_dict": {}}, (), "lacks 2 of 2 tensors of the network"),
        ({"state_dict": {"fc.bias": torch.zeros(3)}}, (), "lacks 1 of 2 tensors"),
        ({"state_dict": EXPLODED}, (), "computes no numbers: its weights have exploded"),
        ({"classes": 3}, (), r"0.pt is no checkpoint of train\.py, and no state_dict"),
        (
            {"state_dict": {"fc.weight": torch.zeros(4, 144), "fc.bias": torch.zeros(4)}},
            ("--set", "classes=4"),
            r"0\.pt does not give a number for each of the 3 classes",
        ),
        ({}, ("--crops", "12"), "invalid choice: 12"),
        ({}, ("--batch", "0"), "--batch: expected"),
        ({}, ("--lr", "1"), "unrecognized arguments: --lr"),
        ({}, ("--set", "classes=4"), "lacks 2 of 2 tensors.*4"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(
    data: Path, tmp_path: Path, other: dict, options: tuple[str, ...], message: str
) -> None:
    from recipe.errors import UserError

    path = checkpoint(tmp_path, 0, data, **other)
    with pytest.raises(UserError, match=message):
        example("evaluate", path, *options)


def test_a_file_of_another_evaluation_stays(
    checkpoints: list[Path], data: Path, tmp_path: Path
) -> None:
    from recipe.errors import UserError

    out = tmp_path / "out.json"
    out.write_text("{}")
    with pytest.raises(UserError, match=r"out\.json is no evaluation: name another --out"):
        example("evaluate", checkpoints[0], "--out", out)
    example("evaluate", checkpoints[0], "--out", out, "--fresh")
    before = out.read_text()
    for argv in (
        (checkpoints[1],),
        (checkpoints[0], "--crops", 10),
        (checkpoints[0], "--scale", 1),
    ):
        with pytest.raises(UserError, match=r"evaluates other (checkpoints|crops|options)"):
            example("evaluate", *argv, "--out", out)
    assert out.read_text() == before
    example("evaluate", checkpoints[0], "--out", out)


def test_another_spec_stands_for_all_that_named_the_network(
    checkpoints: list[Path], data: Path, tmp_path: Path
) -> None:
    recipe = torch.load(checkpoints[0])["recipe"]
    gone = {"module": str(tmp_path / "gone.py"), "set": ("width=2",)}
    path = checkpoint(tmp_path, 0, data, recipe=recipe | gone)
    found = evaluated([path], tmp_path / "out.json", "--spec", recipe["spec"])
    assert found["rows"][0]["macs"] == netspec.loads(SPEC).macs


def test_published_weights_are_evaluated_by_their_structure(
    checkpoints: list[Path], data: Path, tmp_path: Path
) -> None:
    own = torch.load(checkpoints[0])
    published = tmp_path / "published.pth"
    torch.save({f"classifier.{key}": value for key, value in own["state_dict"].items()}, published)
    options = ("--spec", own["recipe"]["spec"], "--scale", 0.01, "--data", data)
    assert [row["top1"] for row in evaluated([published], tmp_path / "a", *options)["rows"]] == [
        row["top1"] for row in evaluated(checkpoints[:1], tmp_path / "b")["rows"]
    ]
