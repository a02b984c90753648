"""The training examples' images: files and shards, their index, and what is wrong with them."""

from __future__ import annotations

import io
import os
import pickle
import random
import shutil
import tarfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
import pytest
import webdataset
from PIL import Image

from tests.support import mostly
from tests.training.support import SMALL, assert_same, example, learned

from recipe import folders, index  # isort: skip  # found by tests.training.support
from recipe.data import Corrupt, open_data, open_held_out, stored  # isort: skip
from recipe.errors import UserError  # isort: skip

KINDS = ("png", "JPEG", "bmp", "webp")
CLASSES = ("cat", "dog", "elk")


def picture(seed: int, kind: str = "png") -> bytes:
    pixels = numpy.random.default_rng(seed).integers(0, 255, (9 + seed % 5, 11, 3), numpy.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def images(root: Path, each: int = 4) -> Path:
    """Write a directory of images in several formats, one of each class in a folder of its own."""
    for part in ("train", "val"):
        for label, name in enumerate(CLASSES):
            for k, kind in enumerate((*KINDS, *KINDS)[:each]):
                path = root / part / name / ("deeper" if k == 2 else "") / f"a.{k}.{kind}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(picture(10 * label + k, kind))
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return images(tmp_path / "images")


@pytest.fixture
def sharded(folder: Path, tmp_path: Path) -> Path:
    example("shards", folder, tmp_path / "shards", "--images", 5)
    return tmp_path / "shards"


def settle(root: Path) -> None:
    """Let all that is below a directory be old."""
    for path in (root, *root.rglob("*")):
        os.utime(path, (1e9, 1e9))


def test_files_and_shards_are_the_same_images(folder: Path, sharded: Path) -> None:
    """What is read is what PIL and webdataset read, in their order."""
    files, tars = open_data(str(folder)), open_data(str(sharded))
    assert files.classes == tars.classes == CLASSES
    for part, one, other in (
        ("train", files.train, tars.train),
        ("val", files.held_out, tars.held_out),
    ):
        paths = sorted(map(str, (folder / part).rglob("*.*")))
        naive = [Image.open(path).convert("RGB") for path in paths]
        names = sorted(map(str, sharded.glob(f"{part}-*.tar")))
        theirs = list(webdataset.WebDataset(names, shardshuffle=False).decode("pil"))
        assert len(naive) == len(theirs) == 12 and len(names) == 3
        assert one.labels.tolist() == other.labels.tolist() == [each["cls"] for each in theirs]
        for i, (image, sample) in enumerate(zip(naive, theirs, strict=True)):
            kind = next(kind for kind in sample if kind in map(str.lower, KINDS))
            assert one.read(i) == other.read(i) == image == sample[kind]


def test_a_run_is_the_same_on_files_and_resumed_within_a_shard(
    folder: Path, sharded: Path, tmp_path: Path
) -> None:
    options = (*SMALL, "--batch", 4, "--epochs", 2, "--evaluate-every", 6)
    example("train", *options, "--data", folder, "--out", tmp_path / "one")
    for stop in (1, 0):
        at = ("--stop-at", stop, "--data", sharded, "--out", tmp_path / "two")
        example("train", *options, *at)
    assert_same(learned(tmp_path / "one"), learned(tmp_path / "two"))


def test_shards_of_others_are_read(tmp_path: Path) -> None:
    """Keys in folders, other members, no names of classes: ImageNet's as timm publishes it."""
    for name in ("imagenet1k-train-%04d.tar", "imagenet1k-validation-%02d.tar"):
        with webdataset.ShardWriter(str(tmp_path / name), maxcount=2, verbose=0) as writer:
            for k in range(5):
                content = {"jpg": picture(k, "jpeg"), "cls": k % 2, "json": {"width": 11}}
                writer.write({"__key__": f"n{k % 2:08}/{k}", **content})
    (tmp_path / "imagenet1k-test-0000.tar").touch()
    train, held_out = stored(tmp_path)
    assert train.classes == held_out.classes == ("0", "1")
    assert train.labels.tolist() == held_out.labels.tolist() == [0, 1, 0, 1, 0]
    assert [train.read(k).height for k in range(5)] == [9, 10, 11, 12, 13]
    assert train.place.name(3) == f"{tmp_path}/imagenet1k-train-0001.tar: n00000001/3.jpg"


@pytest.mark.parametrize("layout", ["folder", "sharded"])
def test_directories_are_read_once_and_again_when_one_changes(
    layout: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = request.getfixturevalue(layout)
    settle(root)
    sources = sorted(map(str, root.glob("*.tar"))) or [
        str(path) for path in sorted(root.rglob("*")) if path.is_dir()
    ]
    read: list[str] = []
    scan, untar = os.scandir, tarfile.open
    monkeypatch.setattr(os, "scandir", lambda path: read.append(str(path)) or scan(path))
    monkeypatch.setattr(
        tarfile, "open", lambda path, *mode: read.append(str(path)) or untar(path, *mode)
    )
    train, _ = stored(root)
    assert sorted(path for path in read if path != str(root)) == sources
    read.clear()
    again, _ = stored(root)
    assert not set(read) & set(sources) and again.labels.tolist() == train.labels.tolist()
    new = root / ("train/dog/b.png" if layout == "folder" else "train-000007.tar")
    old = root / ("train/dog/a.0.png" if layout == "folder" else "train-000000.tar")
    new.write_bytes(old.read_bytes())
    assert len(stored(root)[0].labels) == 12 + (1 if layout == "folder" else 5)


def test_an_index_as_young_as_its_images_is_not_trusted(folder: Path) -> None:
    """A file that comes in the same tick of the clock leaves no trace."""
    before, times = stored(folder)[0], (folder / "train/cat").stat()
    (folder / "train/cat/b.png").write_bytes(picture(1))
    os.utime(folder / "train/cat", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert len(stored(folder)[0].labels) == len(before.labels) + 1


def test_processes_that_start_together_make_one_index_and_map_it(folder: Path) -> None:
    settle(folder)
    made = []

    def make(root: Path, part: str) -> index.Rows:
        made.append(part)
        time.sleep(0.05)
        return folders._scan(root, part)

    with ThreadPoolExecutor(4) as pool:
        tables = list(pool.map(lambda _: index.table(folder, "train", make), range(4)))
    assert made == ["train"]
    sent = pickle.dumps(tables[0])
    assert len(sent) < 500 and pickle.loads(sent).name(5) == tables[3].name(5)


def test_a_broken_index_is_made_anew(folder: Path) -> None:
    settle(folder)
    path = stored(folder)[0].place.table.path
    for content in (b"", path.read_bytes()[:700], b"PK" + bytes(900)):
        path.write_bytes(content)
        assert len(stored(folder)[0].labels) == 12


def test_an_index_without_a_place_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETSPEC_CACHE", "/dev/null/cache")
    with pytest.raises(UserError, match=r"/dev/null/cache: .*set NETSPEC_CACHE to a directory"):
        stored(folder)


@pytest.mark.parametrize("draws", mostly(["60"], [60, 2000]))
def test_an_unreadable_image_is_named_whatever_it_holds(draws: int, folder: Path) -> None:
    """Images are cut, overwritten and exchanged: each is read, or named with a reason."""
    random.seed(0)
    train, _ = stored(folder)
    whole = [Path(train.place.name(i)).read_bytes() for i in range(12)]
    refused = 0
    for draw in range(draws):
        i = draw % 12
        content = bytearray(whole[i])
        for _ in range(random.choice((1, 3, 30))):
            content[random.randrange(len(content) if random.random() < 0.5 else 40)] = (
                random.randrange(256)
            )
        Path(train.place.name(i)).write_bytes(
            content[: random.choice((None, random.randrange(len(content))))]
        )
        try:
            assert train.read(i).mode == "RGB"
        except Corrupt as error:
            refused += 1
            assert str(error).startswith(f"{train.place.name(i)}: ") and error.reason
            assert pickle.loads(pickle.dumps(error)).path == error.path
    assert draws / 4 < refused < draws


def test_images_that_would_read_as_another_say_why(folder: Path) -> None:
    first = folder / "train/cat/a.0.png"
    train, _ = stored(folder)
    for content, message in (
        (numpy.full((4, 4), 40_000, numpy.uint16), "mode I;16, expected 8 bits a channel"),
        (picture(1, "gif"), "expected one of BMP, JPEG, PNG, PPM, TIFF, WEBP"),
        (None, "No such file or directory"),
    ):
        first.unlink()
        if isinstance(content, bytes):
            first.write_bytes(content)
        elif content is not None:
            Image.fromarray(content).save(first)
        with pytest.raises(Corrupt) as found:
            train.read(0)
        assert str(found.value) == f"{first}: {message}"


def test_held_out_images_are_read_without_those_of_training(folder: Path, sharded: Path) -> None:
    shutil.rmtree(folder / "train")
    for path in sharded.glob("train-*"):
        path.unlink()
    for root in (folder, sharded):
        classes, held_out = open_held_out(str(root))
        assert classes == CLASSES and held_out.read(0).height == 9
        with pytest.raises(UserError, match=r"train: no such directory|no shards named \*train"):
            open_data(str(root))


def swapped(path: Path) -> None:
    path.rename(path.with_name("bird"))


def emptied(path: Path) -> None:
    for file in path.rglob("*.*"):
        file.unlink()


def removed(path: Path) -> None:
    shutil.rmtree(path)


@pytest.mark.parametrize(
    ("mistake", "place", "message"),
    [
        (swapped, "val/dog", "images: train has no 'bird'; both parts"),
        (removed, "val/dog", "images: val has no 'dog'; both parts must have the same classes"),
        (emptied, "train/dog", "train/dog: no images of this class"),
        (emptied, "val/elk", "val/elk: no images of this class"),
        (Path.mkdir, "train/new", "train/new: no images"),
        (Path.touch, "train/cat/scan.pdf", r"train/cat/scan\.pdf: not an image"),
        (Path.touch, "val/cat/deeper/notes", "val/cat/deeper/notes: not an image"),
        (os.mkfifo, "train/cat/pipe.png", r"train/cat/pipe\.png: no file"),
        (removed, "val", "val: no such directory; --data takes `digits`"),
    ],
)
def test_directories_that_would_mislead_are_refused_by_name(
    mistake: Callable[[Path], object], place: str, message: str, folder: Path
) -> None:
    mistake(folder / place)
    with pytest.raises(UserError, match=message):
        stored(folder)


def test_hidden_files_and_what_the_images_came_in_are_passed_over(folder: Path) -> None:
    (folder / "ILSVRC2012_img_train.tar").touch()
    (folder / "train/cat/.DS_Store").touch()
    (folder / "train/.git").mkdir()
    (folder / "train/cat/z.png").symlink_to(folder / "train/dog/a.0.png")
    assert [stored(folder)[0].read(i).height for i in (0, 4)] == [9, 9]
    assert len(stored(folder)[0].labels) == 13


def test_a_shard_that_is_cut_or_damaged_is_refused_by_name(sharded: Path) -> None:
    """Wherever it is cut: a tar file of fewer members is a tar file."""
    path = sharded / "train-000001.tar"
    whole = path.read_bytes()
    end = len(whole.rstrip(b"\0"))
    for size in (*range(0, end, 512), end - 1, end - 513):
        path.write_bytes(whole[:size])
        with pytest.raises(
            UserError, match=r"train-000001.tar: cut off or damaged \(.+\); copy it"
        ):
            stored(sharded)
    path.write_bytes(whole[: -(-end // 512) * 512 + 512])
    assert len(stored(sharded)[0].labels) == 12


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"0.jpg": b""}, "0: expected one image and a .cls, found .jpg"),
        ({"0.jpg": b"", "0.png": b"", "0.cls": b"0"}, "expected one image and a .cls"),
        ({"0.cls": b"0", "0.json": b"0"}, "expected one image and a .cls"),
        ({"0.jpg": b"", "0.cls": b"cat"}, "0.cls: expected the number of a class, found 'cat'"),
        ({"0.jpg": b"", "0.cls": b"9" * 4000}, "expected the number of a class"),
        ({"0.jpg": b"", "0.cls": b"1"}, "numbers of 1 classes, from 0 on .*; found 0 to 1"),
        ({"0.jpg": b"", "0.cls": b"-1"}, "expected the number of a class, found '-1'"),
        ({"README": b""}, "found no images"),
    ],
)
def test_shards_that_are_no_labelled_images_are_refused(
    members: dict[str, bytes], message: str, tmp_path: Path
) -> None:
    with tarfile.open(tmp_path / "train.tar", "w") as shard:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            shard.addfile(member, io.BytesIO(content))
    with pytest.raises(UserError, match=message):
        stored(tmp_path)


def test_names_of_classes_that_do_not_fit_the_shards_are_refused(sharded: Path) -> None:
    for names, message in (
        ("cat\ndog\n", "numbers of 2 classes, .*; found 0 to 2"),
        ("cat\ndog\nelk\nfox\n", "no images of 'fox'"),
    ):
        (sharded / "classes.txt").write_text(names)
        with pytest.raises(UserError, match=message):
            stored(sharded)
    for path in sharded.glob("val-*"):
        path.unlink()
    (sharded / "classes.txt").unlink()
    with pytest.raises(UserError, match=r"shards: no shards named \*val\*\.tar"):
        stored(sharded)


def test_shards_are_written_whole_or_not(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match="out exists"):
        example("shards", folder, tmp_path / "out")
    with pytest.raises(UserError, match="--images: expected a whole number from 1 on"):
        example("shards", folder, tmp_path / "new", "--images", 0)
    for part in ("train", "val"):
        (folder / part / "cat").rename(folder / part / "c\nat")
    with pytest.raises(UserError, match=r"'c\\nat': classes.txt has a line for each class"):
        example("shards", folder, tmp_path / "new")
    assert not [*tmp_path.glob("new*")]


def test_names_reach_the_terminal_escaped_and_need_no_utf8(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for part in ("train", "val"):
        (folder / part / "elk").rename(folder / part / os.fsdecode(b"elk\xff\x1b[2J"))
    hostile = folder.rename(tmp_path / "data\x1b[31m")
    broken = hostile / "train/cat" / os.fsdecode(b"\xfe\n\x1b[2J.png")
    broken.write_bytes(b"")
    example("train", *SMALL, "--batch", 13, "--epochs", 1, "--data", hostile, "--out", tmp_path)
    printed = capfd.readouterr().err
    assert "indexed 13 images of 3 classes in" in printed and r"data\x1b[31m/train" in printed
    assert "unreadable image, 1 of at most 10: " in printed and r"\udcfe\x0a\x1b[2J.png" in printed
    assert "\x1b[2J" not in printed and "\x1b[31m" not in printed
    assert learned(tmp_path)["classes"][2] == os.fsdecode(b"elk\xff\x1b[2J")
