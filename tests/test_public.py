"""What `import netspec` offers: its names, their documentation and types, and how they travel."""

from __future__ import annotations

import ast
import copy
import errno
import inspect
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import netspec
from netspec.cli.exits import Exit
from netspec.emit import diff
from netspec.emit.report import data
from tests.support import ROOT, one_block

GOOGLENET = ROOT / "specs" / "googlenet.yaml"
SPEC = one_block("out: {conv2d: [8, 3]}").replace("inputs:", "params: {width: 1.0}\ninputs:")


def test_dir_shows_what_is_public_and_all_of_it_is_there() -> None:
    names = dir(netspec)
    assert names == sorted(netspec.__all__)
    assert len(names) <= 20
    assert all(getattr(netspec, name) is not None for name in names)
    assert set(netspec._HOMES) == {*names} - {"__version__"}


def members() -> Iterator[tuple[str, object]]:
    """Yield all that a user meets by name: functions, classes, their methods and properties."""
    for name in netspec._HOMES:
        value = getattr(netspec, name)
        yield name, value
        own = [cls for cls in getattr(value, "__mro__", ()) if cls.__module__.startswith("netspec")]
        for key in dict.fromkeys(key for cls in own for key in vars(cls) if key[0] != "_"):
            found = inspect.getattr_static(value, key)
            if not inspect.ismemberdescriptor(found):  # a field is its class's to tell
                yield f"{name}.{key}", found


@pytest.mark.parametrize(("name", "value"), [*members()])
def test_every_public_name_says_what_it_is(name: str, value: object) -> None:
    text = inspect.getdoc(value)
    assert text and text[0].isupper(), name
    if inspect.isfunction(value) and "." not in name:
        assert "Raises" in text


@pytest.mark.parametrize("name", ["Diagnostic", "Fit", "Loaded", "Memory", "Point", "Report"])
def test_a_class_says_what_its_fields_are(name: str) -> None:
    cls = getattr(netspec, name)
    text = inspect.getdoc(cls) or ""
    (node,) = ast.parse(inspect.getsource(cls)).body
    assert isinstance(node, ast.ClassDef)
    told = {
        ast.unparse(one.target)
        for one, other in pairwise(node.body)
        if isinstance(one, ast.AnnAssign) and isinstance(other, ast.Expr)
    }
    silent = {key for key in cls.__dataclass_fields__ if f"`{key}`" not in text} - told
    assert silent <= {"title", "message"}


def test_types_are_those_that_a_users_program_sees() -> None:
    program = ["--strict", "--no-warn-return-any", "tests/user_program.py"]
    command = [sys.executable, "-m", "mypy", *program]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stdout


MADE: list[Callable[[netspec.Net], netspec.Net]] = [
    lambda net: net,
    lambda net: net.features(["inception_3a"]),
    lambda net: net.optimize(),
]


@pytest.mark.parametrize("made", MADE)
def test_networks_can_be_copied_and_pickled(made: Callable[[netspec.Net], netspec.Net]) -> None:
    net = made(netspec.load(GOOGLENET, classes=10))
    for again in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net), copy.copy(net)):
        assert type(again) is type(net)
        assert repr(again) == repr(net)
        assert again.to_python() == net.to_python()


def failed(do: Callable[[], object]) -> Exception:
    """Return what an action raises."""
    try:
        do()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


FAILURES: dict[str, tuple[type[Exception], Callable[[], object]]] = {
    "text": (netspec.SpecError, lambda: netspec.loads("netspec: 1")),
    "contract": (netspec.SpecError, lambda: netspec.loads(f"{SPEC}expect: {{params: 1}}\n")),
    "name": (netspec.ParameterError, lambda: netspec.loads(SPEC, widht=2)),
    "kind": (netspec.ParameterError, lambda: netspec.loads(SPEC, width="2")),  # type: ignore[arg-type]
    "nan": (netspec.ParameterError, lambda: netspec.loads(SPEC, width=float("nan"))),
    "huge": (netspec.ParameterError, lambda: netspec.loads(SPEC, width=10**400)),
    "feature": (netspec.FeatureError, lambda: netspec.loads(SPEC).features(["uot"])),
    "no feature": (netspec.FeatureError, lambda: netspec.loads(SPEC).features([])),
    "one feature": (TypeError, lambda: netspec.loads(SPEC).features("out")),
    "rewrite": (ValueError, lambda: netspec.loads(SPEC).optimize(only=["fold"])),
    "batch": (ValueError, lambda: netspec.loads(SPEC).report(batch=0)),
    "type": (ValueError, lambda: netspec.loads(SPEC).report(dtype="float8")),
    "format": (ValueError, lambda: netspec.loads(SPEC).report().render("xls")),
    "table": (LookupError, lambda: netspec.loads(SPEC).report().render("csv", "x")),
    "optimizer": (ValueError, lambda: netspec.loads(SPEC).memory().training("AdamW")),
    "picture": (ValueError, lambda: netspec.loads(SPEC).render("gif")),
    "engine": (ValueError, lambda: netspec.loads(SPEC).render(engine="dot")),
    "pixels": (ValueError, lambda: netspec.loads(SPEC).render("png", dpi=0)),
    "match": (ValueError, lambda: netspec.loads(SPEC).load_weights("x.pt", match="name")),
    "goal": (ValueError, lambda: netspec.sweep(GOOGLENET, ["flops"], classes=[1])),
    "unkept": (ValueError, lambda: netspec.fit(GOOGLENET, "params<=1", "classes", 1000)),
    "no contract": (ValueError, lambda: netspec.fit(GOOGLENET, [], "classes")),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_mistake_is_told_in_words_and_travels_between_processes(case: str) -> None:
    kind, do = FAILURES[case]
    error = failed(do)
    assert isinstance(error, kind)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))
    assert vars(again).keys() == vars(error).keys()
    assert " " in str(error)


def test_a_diagnostic_is_a_line_and_its_repr_leaves_the_text_out() -> None:
    error = failed(lambda: netspec.loads(SPEC.replace("conv2d", "conv2")))
    assert isinstance(error, netspec.SpecError)
    (item,) = error.diagnostics
    assert str(item) == str(error)
    assert str(item).startswith(f"<text>:{item.span.line}:{item.span.column}: error[{item.code}]: ")
    assert SPEC.splitlines()[1] not in repr(item)


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
def test_what_cannot_be_read_has_errno_and_filename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, kind: type[OSError], number: int
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "net.yaml").write_text(SPEC)
    caught = failed(lambda: netspec.load(path))
    for error in (caught, pickle.loads(pickle.dumps(caught))):
        assert isinstance(error, kind)
        assert (error.errno, error.filename) == (number, path)
        assert str(error).count(path) == 1
        assert "Errno" not in str(error), "a line for the user, not Python's own"


def test_the_page_on_stability_has_the_numbers_of_the_program() -> None:
    text = (ROOT / "docs" / "stability.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \|", text, re.MULTILINE)
    assert set(map(int, rows)) == {*Exit}
    assert {*re.findall(r"netspec-[a-z]+-\d+", text)} == {data.FORMAT, diff.FORMAT}
    assert f"`netspec --version` | {netspec.__version__} |" in text
