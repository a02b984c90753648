"""Options of the test run."""

import os

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
        late = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if item not in set(late)]
        config.hook.pytest_deselected(items=late)


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update"))


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the examples' indices of images out of the user's cache."""
    os.environ["NETSPEC_CACHE"] = str(tmp_path_factory.mktemp("cache"))
