"""Write a directory of images as WebDataset's shards: fewer files, read one after another.

    python examples/shards.py /data/ilsvrc2012 /data/ilsvrc2012_shards
    python examples/train.py --data /data/ilsvrc2012_shards

The images keep their bytes and their order, so a run is the same with either, to the bit.
"""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from recipe.arguments import whole
from recipe.data import Encoded, stored
from recipe.errors import UserError, command
from recipe.index import few
from recipe.options import Parser
from tqdm import tqdm


def write(images: Encoded, folder: Path, part: str, most: int) -> None:
    """Write images in the order of their classes, at most so many into a shard."""
    indices = range(len(images.table.labels))
    for number, start in enumerate(tqdm(indices[::most], part)):
        with tarfile.open(folder / f"{part}-{number:06}.tar", "w") as shard:
            for index in indices[start : start + most]:
                _add(shard, images, index)


def _add(shard: tarfile.TarFile, images: Encoded, index: int) -> None:
    with images.open(index) as file:
        image = file.read()
    label = str(images.table.labels[index]).encode()
    for kind, data in ((Path(images.name(index)).suffix.lower(), image), (".cls", label)):
        member = tarfile.TarInfo(f"{index:08}{kind}")
        member.size = len(data)
        shard.addfile(member, BytesIO(data))


def _new(folder: Path) -> Path:
    """Return an empty directory; it becomes `folder` when it is complete."""
    draft = folder.with_name(f"{folder.name}.draft")
    for path in (folder, draft):
        if path.exists():
            raise UserError(f"{path} exists: remove it, or name another directory")
    draft.mkdir(parents=True)
    return draft


def main(argv: Sequence[str] | None = None) -> None:
    parser = Parser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("data", type=Path, help="a directory with train/CLASS/* and val/CLASS/*")
    parser.add_argument("out", type=Path, help="a new directory")
    parser.add_argument("--images", type=whole(1), default=10_000, help="the most in a shard")
    options = parser.parse_args(argv)
    train, held_out = stored(options.data)
    broken = [name for name in train.classes if "\n" in name]
    if broken:
        raise UserError(f"{few(broken)}: classes.txt has a line for each class; rename it")
    folder = _new(options.out)
    write(train.place, folder, "train", options.images)
    write(held_out.place, folder, "val", options.images)
    names = "".join(f"{name}\n" for name in train.classes)
    (folder / "classes.txt").write_text(names, encoding="utf-8", errors="surrogateescape")
    folder.rename(options.out)


if __name__ == "__main__":
    command(main)
