"""What `import netspec` offers: its names, their documentation, and how they travel."""

from __future__ import annotations

import errno
import pickle

import pytest

import netspec
from tests.support import one_block

SPEC = one_block("out: {conv2d: [8, 3]}")


def test_dir_shows_what_is_public_and_all_of_it_is_there() -> None:
    names = dir(netspec)
    assert names == sorted(netspec.__all__)
    assert len(names) <= 20
    assert all(getattr(netspec, name) is not None for name in names)
    assert set(netspec._HOMES) == {*names} - {"__version__"}


@pytest.mark.parametrize(
    ("path", "kind", "number"),
    [
        ("absent.yaml", FileNotFoundError, errno.ENOENT),
        ("folder", IsADirectoryError, errno.EISDIR),
        ("a\0b", OSError, errno.EINVAL),
        ("a" * 10_000, OSError, errno.ENAMETOOLONG),
        ("net.yaml/net.yaml", NotADirectoryError, errno.ENOTDIR),
    ],
)
def test_what_cannot_be_read_has_errno_and_filename(tmp_path, monkeypatch, path, kind, number):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "net.yaml").write_text(SPEC)
    with pytest.raises(kind) as caught:
        netspec.load(path)
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert isinstance(error, kind)
        assert (error.errno, error.filename) == (number, path)
        assert str(error).count(path) == 1, "the line for the user, not Python's own"
        assert "Errno" not in str(error)
