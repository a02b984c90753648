"""Options of the test run."""

import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite golden files and the README")
    parser.addoption("--long", action="store_true", help="draw many more random cases")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--long"):
        os.environ["NETSPEC_LONG_DRAWS"] = "1"


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update"))
