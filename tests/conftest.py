"""Options of the test run."""

import os
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite golden files and the README")
    parser.addoption(
        "--long", action="store_true", help="run all tests, and draw many more random cases"
    )


def pytest_configure(config: pytest.Config) -> None:
    # Workers share the cores: threads of one would wait for those of another.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # What is printed follows it; readline, which pytest imports, sets it for children only.
    os.environ.pop("COLUMNS", None)
    os.unsetenv("COLUMNS")
    config.addinivalue_line("markers", "long: runs only with --long")
    if config.getoption("--long"):
        os.environ["NETSPEC_LONG_DRAWS"] = "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        late = {item for item in items if _is_late(item)}
        items[:] = [item for item in items if item not in late]
        config.hook.pytest_deselected(items=[*late])


ALWAYS = ("test_costs", "test_golden", "test_schema", "test_zoo")
"""What asks every shipped spec in every run; everything else asks a few, and all in a long one."""


def _is_late(item: pytest.Item) -> bool:
    """Tell whether a test waits for a long run: it says so, or is of one spec of many."""
    from tests.support import FEW, SPECS

    if item.get_closest_marker("long"):
        return True
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return False
    others = {name for path in {*SPECS} - {*FEW} for name in (path, path.stem)}
    chosen = set(filter(lambda value: isinstance(value, str | Path), item.callspec.params.values()))
    return item.path.stem not in ALWAYS and not chosen.isdisjoint(others)


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update"))


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the examples' indices of images out of the user's cache."""
    os.environ["NETSPEC_CACHE"] = str(tmp_path_factory.mktemp("cache"))
