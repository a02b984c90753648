"""Detection's pictures: COCO's and VOC's layouts, and what is wrong in them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from detection.layouts import Pictures, open_pictures
from detection.shapes import SIDE, Shapes
from PIL import Image
from recipe.data import Corrupt
from recipe.errors import UserError


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
        f"{file}: boxes clipped, as they reach out of their pictures: 1",
        f"{file}: boxes left out, as they have no area in their pictures: 3",
        f"{file}: pictures without boxes: 1 of 6",
        f"{file}: classes without boxes: 'nobody'",
    )
    assert pictures.boxes(0).shape == (0, 4)
    assert pictures.boxes(2)[-2:].tolist() == [[0, 100, 15, SIDE], [0, 0, SIDE, 9]]


def change(*path: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    def made(content: Any) -> None:
        for step in path[:-1]:
            content = content[step]
        content[path[-1]] = to

    return made


def each(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Change what is said of all boxes."""
    return lambda content: [
        annotation.update({key: value}) for annotation in content["annotations"]
    ]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (change("annotations", 1, "bbox", 2, to="x"), "annotations.1.bbox.2: .* valid number"),
        (change("annotations", 1, "bbox", 2, to=math.nan), "annotations.1.bbox.2: .* finite"),
        (change("annotations", 1, "bbox", to=[1, 2]), "annotations.1.bbox.2: Field required"),
        (change("annotations", 1, "image_id", to=5), "annotations.1.image_id: no image .* 5"),
        (change("annotations", 0, "category_id", to=1), "annotations.0.category_id: no .* 1"),
        (change("annotations", to=[]), "no boxes that count"),
        (each("bbox", [9, 9, 0, 9]), "no boxes that count"),
        (each("iscrowd", 1), "no boxes that count"),
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
    listed.write_text("\n")
    with pytest.raises(UserError, match="no boxes that count"):
        open_pictures(str(listed))
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
