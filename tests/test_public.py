"""What `import netspec` offers: its names, their documentation, and how they travel."""

from __future__ import annotations

import netspec


def test_dir_shows_what_is_public_and_all_of_it_is_there() -> None:
    names = dir(netspec)
    assert names == sorted(netspec.__all__)
    assert len(names) <= 20
    assert all(getattr(netspec, name) is not None for name in names)
    assert set(netspec._HOMES) == {*names} - {"__version__"}
