"""Detection's boxes, layouts, proposals and scores, against what others or naive loops compute."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from tests.torchvision import declared
from tests.training import support  # noqa: F401

from detection import boxes as b  # isort: skip  # found by tests.training.support
from detection.layouts import Pictures, open_pictures  # isort: skip
from detection.proposals import propose, found  # isort: skip
from detection.scoring import Found, results, scores  # isort: skip
from detection.shapes import SIDE, Shapes  # isort: skip
from recipe.data import Corrupt  # isort: skip
from recipe.errors import UserError  # isort: skip


def drawn(seed: int, count: int, side: float = 40) -> Tensor:
    """Draw boxes, some of which lie partly outside of a picture of that side."""
    generator = torch.Generator().manual_seed(seed)
    low = torch.rand(count, 2, generator=generator) * side * 1.2 - side * 0.2
    return torch.cat([low, low + 1 + torch.rand(count, 2, generator=generator) * side * 0.6], 1)


# boxes


def test_overlaps_and_clipping_are_torchvisions() -> None:
    one, other = drawn(0, 40), drawn(1, 30)
    with declared():
        from torchvision.ops import box_area, box_iou, clip_boxes_to_image

        torch.testing.assert_close(b.iou(one, other), box_iou(one, other))
        torch.testing.assert_close(b.area(one), box_area(one))
        torch.testing.assert_close(b.clip(one, (30, 40)), clip_boxes_to_image(one, (30, 40)))


def test_boxes_without_area_overlap_nothing() -> None:
    flat = torch.tensor([[3.0, 3, 3, 9], [9, 9, 3, 3], [1, 1, 5, 5]])
    assert b.iou(flat, flat).tolist() == [[0, 0, 0], [0, 0, 0], [0, 0, 1]]
    assert b.area(flat).tolist() == [0, 0, 16]


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7])
def test_suppression_is_a_naive_loops_and_opencvs(threshold: float) -> None:
    cv2 = pytest.importorskip("cv2")
    boxes, labels = drawn(2, 120), torch.arange(120) % 3
    ranks = torch.randperm(120, generator=torch.Generator().manual_seed(3))
    ours = b.nms(boxes, ranks / 120, labels, threshold).tolist()
    kept: list[int] = []
    for place in ranks.argsort(descending=True).tolist():
        rivals = [each for each in kept if labels[each] == labels[place]]
        if not (b.iou(boxes[place, None], boxes[rivals]) > threshold).any():
            kept.append(place)
    assert ours == kept
    sides = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], 1).double().tolist()
    theirs = cv2.dnn.NMSBoxesBatched(sides, ranks.tolist(), labels.tolist(), -1.0, threshold)
    assert set(ours) == set(theirs.tolist())


def test_suppression_of_nothing_is_nothing() -> None:
    assert (
        b.nms(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64), 0.3).tolist()
        == []
    )


def naive_roi_align(features: Tensor, box: Sequence[float], cells: int, scale: float) -> Tensor:
    """Average 2 x 2 samples a cell, as Mask R-CNN's kernel does: nothing lies beyond one pixel."""
    left, top, right, bottom = (side * scale - 0.5 for side in box)
    height, width = features.shape[1:]
    made = torch.zeros(len(features), cells, cells)
    for row, column, i, j in numpy.ndindex(cells, cells, 2, 2):
        y = top + (bottom - top) * (row + (i + 0.5) / 2) / cells
        x = left + (right - left) * (column + (j + 0.5) / 2) / cells
        if -1 <= y <= height and -1 <= x <= width:
            y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
            for corner_y, corner_x in numpy.ndindex(2, 2):
                at_y, at_x = int(y) + corner_y, int(x) + corner_x
                weight = max(0, 1 - abs(y - at_y)) * max(0, 1 - abs(x - at_x))
                if weight:
                    made[:, row, column] += weight * features[:, at_y, at_x] / 4
    return made


def test_roi_align_is_a_naive_loops() -> None:
    features, boxes = (
        torch.randn(1, 3, 9, 12, generator=torch.Generator().manual_seed(0)),
        drawn(4, 20),
    )
    ours = b.roi_align(features, boxes, 3, 0.25)
    naive = torch.stack([naive_roi_align(features[0], box, 3, 0.25) for box in boxes.tolist()])
    torch.testing.assert_close(ours, naive, atol=1e-5, rtol=1e-5)
    assert (ours == 0).all((1, 2, 3)).any(), "no box lies so far outside that it sees nothing"


def test_torchvisions_operators_take_over_where_they_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its Python, with a compiled kernel for which this test stands in, computes what ours does."""
    boxes, ranks = b.clip(drawn(8, 50), (40, 40)), torch.linspace(0, 1, 50)
    labels, features = torch.arange(50) % 2, torch.randn(1, 2, 10, 10)
    suppressed, aligned = b.nms(boxes, ranks, labels, 0.3), b.roi_align(features, boxes, 2, 0.25)
    seen = []

    def kernel(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
        seen.append(len(boxes))
        order = scores.argsort(descending=True)
        return order[b._greedy(boxes[order], threshold)]

    with declared(), monkeypatch.context() as patched:
        torch.library.impl("torchvision::nms", "CPU", kernel)
        regions = import_module("torchvision.ops.roi_align")
        patched.setattr(regions, "_roi_align", regions._roi_align.__wrapped__)  # not compiled
        patched.setattr("torchvision.extension._has_ops", lambda: True)
        patched.setattr(b, "compiled", b.compiled.__wrapped__)
        assert torch.equal(b.nms(boxes, ranks, labels, 0.3), suppressed)
        theirs = b.roi_align(features, boxes, 2, 0.25)
    torch.testing.assert_close(theirs, aligned, atol=1e-5, rtol=1e-5)
    assert seen == [1, 50, 1]


def test_a_region_is_the_picture_stretched_with_the_mean_around() -> None:
    """In a picture whose colours are its coordinates, each pixel says where it is from."""
    across, down = numpy.meshgrid(numpy.arange(60), numpy.arange(40))
    picture = Image.fromarray(numpy.stack([across * 4, down * 4, 0 * down], 2).astype(numpy.uint8))
    boxes, side = drawn(6, 30, 50), 24
    seen = b.warped(picture, boxes, (side, side), (7.4, 8, 250)).permute(0, 2, 3, 1).int()
    for box, region in zip(b.with_context(boxes).tolist(), seen, strict=True):
        for axis, limit in enumerate(picture.size):
            step = (box[axis + 2] - box[axis]) / side
            from_where = box[axis] + step * (torch.arange(side) + 0.5)
            line = region.transpose(0, 1 - axis)[:, :, :]
            known = line[..., 2] == 0
            error = (line[..., axis] - (from_where[:, None] - 0.5) * 4).abs()
            assert (error[known] <= 4 * step + 5).all()
            outside = (from_where < -step) | (from_where > limit + step)
            assert not known[outside].any()
    assert (seen[seen[..., 2] > 0] == torch.tensor([7, 8, 250])).all()
    assert (seen[..., 2] == 0).float().mean() > 0.5


def test_a_region_has_r_cnns_context() -> None:
    picture = Image.new("RGB", (400, 300))
    ImageDraw.Draw(picture).rectangle((100, 100, 199, 179), "white")
    (seen,) = b.warped(picture, torch.tensor([[100.0, 100, 200, 180]]), (227, 227), (0, 0, 0))
    rows, columns = (seen[0] > 127).nonzero(as_tuple=True)
    assert [*rows.aminmax(), *columns.aminmax()] == [16, 210, 16, 210]


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (300, 1)])
def test_regions_of_a_tiny_picture_and_of_none(size: tuple[int, int]) -> None:
    picture, boxes = Image.new("RGB", size, (9, 9, 9)), drawn(7, 40, 6)
    assert b.warped(picture, boxes, (5, 8), (1, 2, 3)).shape == (40, 3, 5, 8)
    assert b.warped(picture, boxes[:0], (5, 8), (1, 2, 3)).shape == (0, 3, 5, 8)


# shapes and proposals


def test_a_shape_touches_the_sides_of_its_box_and_nothing_is_around() -> None:
    """What is drawn has a colour that no ground has."""
    pictures = open_pictures("shapes")
    for index in range(0, len(pictures), 8):
        pixels = numpy.asarray(pictures.read(index))
        shape = (pixels.max(2) > 180) & (pixels.min(2) < 75)
        around = shape.copy()
        for left, top, right, bottom in pictures.boxes(index).int().tolist():
            inside = shape[top:bottom, left:right]
            assert inside[0].any() and inside[-1].any()
            assert inside[:, 0].any() and inside[:, -1].any()
            around[top:bottom, left:right] = False
        assert not around.any()


def test_shapes_are_the_same_each_time_and_others_in_another_part() -> None:
    one, again, other = Shapes("a", 3), Shapes("a", 2), Shapes("b", 3)
    assert one.read(1).tobytes() == again.read(1).tobytes() != other.read(1).tobytes()
    assert torch.equal(one.boxes(1), again.boxes(1))
    pictures = open_pictures("shapes")
    counts = torch.cat([pictures.labels(i) for i in range(len(pictures))]).bincount()
    assert counts[0] == 0 and counts[1:].min() > 40


def test_nearly_all_shapes_are_proposed() -> None:
    pytest.importorskip("cv2")
    pictures = open_pictures("shapes-held-out")
    hits = []
    for index in range(16):
        proposals = propose(pictures.read(index))
        hits += found(pictures.boxes(index), proposals).tolist()
        assert torch.equal(b.clip(proposals, (SIDE, SIDE)), proposals)
        assert (b.area(proposals) > 0).all()
        assert len(proposals.unique(dim=0)) == len(proposals) < 200
    assert sum(hits) >= 0.98 * len(hits)


def test_a_wide_picture_is_searched_smaller() -> None:
    pictures = open_pictures("shapes")
    proposals = propose(pictures.read(1).resize((1000, 250)))
    assert found(pictures.boxes(1) * torch.tensor([1000, 250] * 2) / SIDE, proposals).all()
    assert not (proposals % 2).any(), "found in a picture half as large"


def test_larger_super_pixels_give_fewer_proposals_the_same_each_time() -> None:
    picture = open_pictures("shapes").read(1)
    one, two, four = (propose(picture, enlarged) for enlarged in (1, 2, 4))
    assert len(one) > 1.5 * len(two) > 2 * len(four)
    assert torch.equal(two, propose(picture))


@pytest.mark.parametrize("size", [(1, 1), (1, 70), (2000, 1)])
def test_a_picture_without_objects_is_its_own_proposal(size: tuple[int, int]) -> None:
    assert propose(Image.new("RGB", size)).tolist() == [[0, 0, *size]]
    assert found(torch.tensor([[0.0, 0, 1, 1]]), torch.zeros(0, 4)).tolist() == [False]


@pytest.mark.parametrize("module", [None, ModuleType("cv2")])
def test_what_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType | None
) -> None:
    """There may be no OpenCV, or one without the extra modules."""
    monkeypatch.setitem(sys.modules, "cv2", module)
    monkeypatch.setitem(sys.modules, "pycocotools.cocoeval", None)
    with pytest.raises(UserError, match="opencv-contrib-python-headless"):
        propose(Image.new("RGB", (9, 9)))
    with pytest.raises(UserError, match="pycocotools"):
        scores(SOME, [])


# layouts


def saved(root: Path, pictures: Pictures) -> Path:
    root.mkdir(parents=True)
    for index in range(len(pictures)):
        pictures.read(index).save(root / f"{pictures.name(index)}.jpg")
    return root


def instances(pictures: Pictures) -> dict[str, Any]:
    """Return what COCO's json says of pictures; its categories have gaps and are in disorder."""
    classes = [{"id": 7 * label, "name": name} for label, name in enumerate(pictures.classes, 1)]
    return {
        "info": {"description": "made"},
        "images": [
            {"id": 90 + index, "file_name": f"{pictures.name(index)}.jpg"}
            | dict(zip(("width", "height"), pictures.read(index).size, strict=True))
            for index in range(len(pictures))
        ],
        "annotations": [
            {"id": 1, "image_id": 90 + index, "category_id": 7 * label, "segmentation": [[1, 2]]}
            | {"bbox": [left, top, right - left, bottom - top], "iscrowd": int(label == 3)}
            for index in reversed(range(len(pictures)))
            for (left, top, right, bottom), label in zip(
                pictures.boxes(index).tolist(), pictures.labels(index).tolist(), strict=True
            )
        ],
        "categories": classes[::-1],
    }


def coco(root: Path, content: dict[str, Any] | str, pictures: Pictures) -> str:
    """Write COCO's layout, as it is published."""
    if not (root / "some").exists():
        saved(root / "some", pictures)
    (root / "annotations").mkdir(exist_ok=True)
    file = root / "annotations" / "instances_some.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(file)


VOC_OBJECT = """<object><name>{}</name><part><name>x</name></part><bndbox>
<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>{}</object>"""
DIFFICULT = ("", "<difficult>0</difficult>", "<difficult>1</difficult>")


def voc(root: Path, pictures: Pictures) -> Path:
    saved(root / "JPEGImages", pictures)
    for folder in ("Annotations", "ImageSets/Main"):
        (root / folder).mkdir(parents=True)
    for index in range(len(pictures)):
        width, height = pictures.read(index).size
        objects = [
            VOC_OBJECT.format(
                pictures.classes[label - 1], left + 1, top + 1, right, bottom, DIFFICULT[label - 1]
            )
            for (left, top, right, bottom), label in zip(
                pictures.boxes(index).tolist(), pictures.labels(index).tolist(), strict=True
            )
        ]
        size = f"<size><width>{width}</width><height>{height}</height></size>"
        file = root / "Annotations" / f"{pictures.name(index)}.xml"
        file.write_text(f"<annotation>{size}{''.join(objects)}</annotation>")
    names = "".join(f"{pictures.name(index)}  1\n" for index in (3, 1, 3))
    (root / "ImageSets" / "Main" / "few.txt").write_text(names + "\n")
    return root


def assert_alike(one: Pictures, other: Pictures, places: Sequence[int]) -> None:
    """Compare pictures with those at some places of others, whose triangles are difficult."""
    assert one.classes == other.classes
    assert len(one) == len(places)
    for index, place in enumerate(places):
        assert torch.equal(one.boxes(index), other.boxes(place))
        assert torch.equal(one.labels(index), other.labels(place))
        assert torch.equal(one.difficult(index), other.labels(place) == 3)
        assert one.read(index).size == other.read(place).size
        assert one.name(index) == f"{other.name(place)}.jpg"


SOME = Shapes("some", 6)


@pytest.mark.parametrize("folder", ["annotations", "some", "."])
def test_cocos_layouts_give_what_was_written(tmp_path: Path, folder: str) -> None:
    file = Path(coco(tmp_path, instances(SOME), SOME))
    if folder == "some":  # a file beside its pictures
        file = file.rename(tmp_path / "some" / "any.json")
    elif folder == ".":
        file = file.rename(tmp_path / "instances_some.json")
    pictures = open_pictures(str(file))
    assert_alike(pictures, SOME, range(6))
    assert pictures.categories == (7, 14, 21)
    assert [pictures.identity(index) for index in range(6)] == [*range(90, 96)]
    assert pictures.notes == ()


def test_vocs_layout_gives_what_was_written(tmp_path: Path) -> None:
    root = voc(tmp_path / "VOC2007", SOME)
    assert_alike(open_pictures(str(root)), SOME, range(6))
    assert_alike(open_pictures(str(root / "ImageSets" / "Main" / "few.txt")), SOME, (3, 1))


def test_what_is_odd_of_boxes_is_counted(tmp_path: Path) -> None:
    content = instances(SOME)
    content["categories"].append({"id": 99, "name": "nobody"})
    for each in content["annotations"]:
        each["image_id"] = max(each["image_id"], 91)
    odd = {"category_id": 7, "image_id": 92}
    boxes = [(-5, 100, 20, 300), (200, 3, 9, 9), (5, 5, 0, 9), (5, 5, -3, -3), (0, 0, 128.5, 9)]
    content["annotations"] += [{**odd, "bbox": box} for box in boxes]
    file = coco(tmp_path, content, SOME)
    pictures = open_pictures(file)
    assert pictures.notes == (
        f"{file}: 1 boxes reach out of their pictures: clipped",
        f"{file}: 3 boxes have no area within their pictures: left out",
        f"{file}: 1 of 6 pictures hold no boxes",
        f"{file}: no boxes of 'nobody'",
    )
    assert pictures.boxes(0).shape == (0, 4)
    assert pictures.boxes(2)[-2:].tolist() == [[0, 100, 15, SIDE], [0, 0, SIDE, 9]]


def change(*path: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    def made(content: Any) -> None:
        for step in path[:-1]:
            content = content[step]
        content[path[-1]] = to

    return made


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (change("annotations", 1, "bbox", 2, to="x"), "annotations.1.bbox.2: .* valid number"),
        (change("annotations", 1, "bbox", 2, to=math.nan), "annotations.1.bbox.2: .* finite"),
        (change("annotations", 1, "bbox", to=[1, 2]), "annotations.1.bbox.2: Field required"),
        (change("annotations", 1, "image_id", to=5), "annotations.1.image_id: no image .* 5"),
        (change("annotations", 0, "category_id", to=1), "annotations.0.category_id: no .* 1"),
        (change("annotations", to=[]), "no boxes that count"),
        (change("images", to=[]), "no image has the id"),
        (change("images", 1, "id", to=90), "images: the id '90' stands there twice"),
        (change("images", 1, "width", to=0), "images.1.width: .* greater than 0"),
        (change("images", 1, "file_name", to="../x.jpg"), "leads out of"),
        (change("images", 1, "file_name", to="no.jpg"), "its pictures 'no.jpg' are not in .*some"),
        (change("images", 0, "file_name", to="no.jpg"), "found no.jpg in none of .*some"),
        (
            change("categories", 0, "name", to="disc"),
            "categories: the name 'disc' stands there twice",
        ),
        (change("categories", to=3), "categories: .* array"),
    ],
)
def test_mistakes_in_cocos_file_are_named(
    tmp_path: Path, changed: Callable[[dict[str, Any]], None], message: str
) -> None:
    content = instances(SOME)
    changed(content)
    with pytest.raises(UserError, match=message) as raised:
        open_pictures(coco(tmp_path, content, SOME))
    assert len(raised.value.args) <= 4
    assert all("instances_some.json: " in str(line) for line in raised.value.args)


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00", "[" * 10_000])
def test_what_is_no_file_of_instances_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match=r"instances_some\.json: "):
        open_pictures(coco(tmp_path, text, SOME))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("</annotation>", "", r"-000\.xml: no element found"),
        ("<xmin>", "<xmin>x", r"-000\.xml: <bndbox/xmin> is 'x.*', expected a number"),
        ("<xmin>", "<xmin>nan</xmin><xmin>", "<bndbox/xmin> is 'nan', expected a number"),
        ("<width>128", "<width>0", "<size> is 0x128, expected pixels"),
        ("<name>", "<nome>x</nome><name/><name>", "<object> has no <name>"),
        ("<ymax>", "<ymax/><ymax>", "<object> has no <bndbox/ymax>"),
    ],
)
def test_mistakes_in_vocs_files_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    root = voc(tmp_path / "VOC2007", SOME)
    file = root / "Annotations" / "some-000.xml"
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(UserError, match=message):
        open_pictures(str(root))


def test_what_is_missing_of_vocs_layout_is_named(tmp_path: Path) -> None:
    root = voc(tmp_path / "VOC2007", SOME)
    listed = root / "ImageSets" / "Main" / "few.txt"
    listed.write_text("some-001\n../some-001\n")
    binary = listed.with_name("binary.txt")
    binary.write_bytes(bytes(range(128, 256)))
    for name, message in {
        str(binary): r"binary\.txt:1: ",
        str(listed): r"few\.txt:2: .*Annotations has no \.\./some-001\.xml",
        str(tmp_path): "no Annotations",
        "nosuch": "nosuch: no pictures; expected shapes",
    }.items():
        with pytest.raises(UserError, match=message):
            open_pictures(name)
    (root / "JPEGImages" / "some-001.jpg").unlink()
    with pytest.raises(UserError, match=r"its pictures 'some-001\.jpg' are not in"):
        open_pictures(str(root))


def test_a_broken_picture_and_one_of_another_size_are_named(tmp_path: Path) -> None:
    pictures = open_pictures(coco(tmp_path, instances(SOME), SOME))
    file = tmp_path / "some" / "some-001.jpg"
    file.write_bytes(file.read_bytes()[:300])
    Image.new("RGB", (5, 9)).save(tmp_path / "some" / "some-002.jpg")
    for index, message in {1: r"some-001\.jpg: ", 2: r"some-002\.jpg: 5x9 .* 128x128"}.items():
        with pytest.raises(Corrupt, match=message):
            pictures.read(index)


# scores


class Held:
    """Pictures that are never read, with boxes of three classes; the last has none that count."""

    classes = ("one", "two", "three")
    categories = (4, 5, 60)
    notes = ()

    def __init__(self, seed: int, count: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        counts = torch.randint(0, 5, (count,), generator=generator).tolist()
        self.all_boxes = [whole(drawn(seed + place, each)) for place, each in enumerate(counts)]
        self.all_labels = [torch.randint(1, 4, (each,), generator=generator) for each in counts]
        self.all_hard = [torch.rand(each, generator=generator) < 0.2 for each in counts]

    def __len__(self) -> int:
        return len(self.all_boxes)

    def name(self, index: int) -> str:
        return str(index)

    def identity(self, index: int) -> int:
        return 1000 - 3 * index

    def read(self, index: int) -> Image.Image:
        raise NotImplementedError

    def boxes(self, index: int) -> Tensor:
        return self.all_boxes[index]

    def labels(self, index: int) -> Tensor:
        return self.all_labels[index]

    def difficult(self, index: int) -> Tensor:
        return self.all_hard[index] | (self.all_labels[index] == 3)


def whole(boxes: Tensor) -> Tensor:
    """Round boxes, so that overlaps are the same in 32 and in 64 bits, and leave each an area."""
    low = boxes[:, :2].round()
    return torch.cat([low, boxes[:, 2:].round().maximum(low + 1)], 1)


def near(pictures: Held, seed: int) -> list[Found]:
    """Return detections: true boxes moved a little, twice, some of another class, and others."""
    generator = torch.Generator().manual_seed(seed)
    detected = []
    for index in range(len(pictures)):
        boxes = pictures.boxes(index).repeat(2, 1)
        moved = whole(boxes + torch.randn(boxes.shape, generator=generator))
        boxes = torch.cat([moved, whole(drawn(seed + index, 3))])
        labels = torch.cat([pictures.labels(index).repeat(2), torch.tensor([1, 2, 3])])
        wrong = torch.rand(len(labels), generator=generator) < 0.1
        labels = torch.where(wrong, 1 + labels % 3, labels)
        detected.append((boxes, labels, torch.rand(len(labels), generator=generator)))
    return detected


def naive_precision(pictures: Held, detected: list[Found], label: int, overlap: float) -> float:
    """Average the best precision at or beyond each of 101 recalls."""
    rows = [
        (score, index, box)
        for index, (boxes, labels, scores_) in enumerate(detected)
        for box, its, score in zip(boxes, labels.tolist(), scores_.tolist(), strict=True)
        if its == label
    ]
    taken: set[tuple[int, int]] = set()
    hits = []
    for _, index, box in sorted(rows, key=lambda row: -row[0]):
        mine = pictures.labels(index) == label
        overlaps = b.iou(box[None].double(), pictures.boxes(index).double())[0].tolist()
        hard = pictures.difficult(index).tolist()
        free = [
            (overlaps[place], place)
            for place in mine.nonzero().flatten().tolist()
            if not hard[place] and (index, place) not in taken and overlaps[place] >= overlap
        ]
        if free:
            taken.add((index, max(free)[1]))
            hits.append(True)
        elif not in_crowd(box, pictures.boxes(index)[mine & pictures.difficult(index)], overlap):
            hits.append(False)
    count = sum(
        int(((pictures.labels(i) == label) & ~pictures.difficult(i)).sum())
        for i in range(len(pictures))
    )
    found_ = numpy.cumsum(hits)
    precision, recall = found_ / (numpy.arange(len(hits)) + 1), found_ / count
    best = [precision[recall >= level].max(initial=0) for level in numpy.linspace(0, 1, 101)]
    return float(numpy.mean(best))


def in_crowd(box: Tensor, crowds: Tensor, overlap: float) -> bool:
    """Tell whether so much of a box lies in what need not be found."""
    box, crowds = box.double(), crowds.double()
    shared = (box[2:].minimum(crowds[:, 2:]) - box[:2].maximum(crowds[:, :2])).clamp(min=0).prod(1)
    return bool((shared / b.area(box[None]) >= overlap).any())


@pytest.mark.parametrize("seed", [0, 100])
def test_precision_is_a_naive_loops(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pycocotools")
    pictures = Held(seed, 30)
    detected = near(pictures, seed + 50)
    computed = scores(pictures, detected)
    assert list(computed.classes) == ["one", "two"], "no box of the third counts"
    for label, precision in enumerate(computed.classes.values(), 1):
        naive = [
            naive_precision(pictures, detected, label, overlap)
            for overlap in numpy.linspace(0.5, 0.95, 10)
        ]
        assert precision == pytest.approx((naive[0], numpy.mean(naive)), abs=1e-6)
        assert 0.1 < precision.ap < precision.ap50 < 0.95
    mean = numpy.mean(list(computed.classes.values()), axis=0)
    assert computed.mean == pytest.approx(tuple(mean), abs=1e-9)
    assert capsys.readouterr().out == ""


def test_true_boxes_score_1_and_no_boxes_0() -> None:
    pytest.importorskip("pycocotools")
    pictures = open_pictures("shapes")
    true = [
        (pictures.boxes(index), pictures.labels(index), torch.ones(len(pictures.labels(index))))
        for index in range(len(pictures))
    ]
    assert scores(pictures, true).mean == (1, 1)
    assert scores(pictures, [tuple(part[:0] for part in each) for each in true]).mean == (0, 0)


def test_results_are_cocos_and_plain_data() -> None:
    pictures = Held(0, 2)
    some = (torch.tensor([[1.0, 2, 5, 9]]), torch.tensor([3]), torch.tensor([0.25]))
    none = tuple(part[:0] for part in some)
    (result,) = json.loads(json.dumps(results(pictures, [none, some])))
    assert result == {"image_id": 997, "category_id": 60, "bbox": [1, 2, 4, 7], "score": 0.25}
