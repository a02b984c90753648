"""Does what a document shows, as its reader would: writes its files, types its commands.

A page is done from top to bottom in a folder that has `specs/` and `examples/`. Of its blocks

- one with a title (```` ```yaml title="net.yaml" ````) is written as that file. A spec must
  compile, unless a later command of the page names it, and so shows what is wrong with it;
- `console` holds commands behind `$ `, and what each prints: no colour, 100 columns (or
  `columns=72`). A last line `…` says that more follows;
- `python` runs, and a `>>>` session answers as it is shown;
- `yaml` without a title is an excerpt: its lines stand in a spec, in its order, and `# …` stands
  for those left out;
- `sh` is only read: its commands must parse, and the files that they read must be there;
- what has `<!-- not run: why -->` before it is read as `sh` is, and behind `<!-- from: FILE -->`
  or `<!-- from: FILE class NAME -->` stands a file that is there or was made, or a class of it
  (between `<!-- fmt: off -->` and `on` where ruff, which formats these blocks, would break lines
  elsewhere than netspec does).

`<!-- after: PAGE -->` says that a page's reader has the files that another one shows. A picture
that stands beside the page is the one that its commands make.
"""

from __future__ import annotations

import doctest
import io
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path

import pytest
import yaml

import netspec
from netspec.cli import COMMANDS, main, parser
from tests.support import ROOT

BLOCK = re.compile(
    r"^(?:<!-- (?P<note>.+) -->\n)?"
    r"(?P<fence>(?P<ticks>`{3,})(?P<language>\w*)(?P<said>.*)\n)(?P<body>(?s:.*?))^(?P=ticks)$",
    re.MULTILINE,
)
FENCE = re.compile(r"^\s*```", re.MULTILINE)
COLUMNS = 100
HOME = "/home/me/net"
"""What the folder is called in what commands print."""
_PICTURE = re.compile(r"^!\[.+\]\(([\w.-]+)\)$", re.MULTILINE)
_AFTER = re.compile(r"^<!-- after: (\S+) -->$", re.MULTILINE)
_TITLE = re.compile(r'title="([^"]+)"')
_WIDTH = re.compile(r"columns=(\d+)")
_ELISION = re.compile(r"\s*(# )?…")
_SHELL = re.compile(r"[|&;<>*$`]")
_READ = ("spec", "specs", "before", "after", "files")
"""What commands call the files that they read."""


class Page:
    """A document, and a reader who has come to some place of it."""

    def __init__(self, path: Path, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.path, self.folder, self.patch = path, folder, patch
        self.text = path.read_text(encoding="utf-8")
        self.names: dict[str, object] = {"__name__": "__page__"}
        self.wrong: dict[str, str] = {}
        """Specs that do not compile, with what is said of them, until a command has shown it."""
        self.written: set[str] = set()
        """What commands would write that are only read."""
        self.code = 0
        self._go()

    def _go(self) -> None:
        """Enter the folder, as somebody who has nothing but the repository's files."""
        without = shutil.ignore_patterns("figures", "plots", "__pycache__", "node_modules")
        for name in ("specs", "examples"):
            shutil.copytree(ROOT / name, self.folder / name, ignore=without)
        self._take(self.path)
        home = self.folder.parent / "home"
        home.mkdir(exist_ok=True)
        self.patch.chdir(self.folder)
        self.patch.setattr("sys.dont_write_bytecode", True)
        self.patch.syspath_prepend(str(self.folder))
        for name in ("HOME", "USERPROFILE", "XDG_CONFIG_HOME"):
            self.patch.setenv(name, str(home))
        self.patch.setenv("NO_COLOR", "1")
        self.patch.setenv("PYTHONPATH", str(ROOT))
        binaries = (str(Path(sys.executable).parent), os.environ["PATH"])
        self.patch.setenv("PATH", os.pathsep.join(binaries))

    def _take(self, path: Path) -> None:
        """Write the files of the pages that a page goes on from."""
        for name in _AFTER.findall(path.read_text(encoding="utf-8")):
            other = path.parent / name
            self._take(other)
            for block in BLOCK.finditer(other.read_text(encoding="utf-8")):
                if title := _TITLE.search(block["said"]):
                    (self.folder / title[1]).write_text(
                        block["body"], encoding="utf-8", newline="\n"
                    )

    def done(self) -> str:
        """Do everything, and return the text with what commands print now."""
        assert len(FENCE.findall(self.text)) == 2 * len(BLOCK.findall(self.text)), "a stray fence"
        text = BLOCK.sub(self._block, self.text)
        assert not self.wrong, f"{self.path}: no command shows what is wrong: {self.wrong}"
        return text

    def pictures(self) -> dict[Path, bytes]:
        """Return the pictures that the page shows beside itself, as its commands have made them."""
        names = _PICTURE.findall(self.text)
        return {self.path.parent / name: (self.folder / name).read_bytes() for name in names}

    def _block(self, block: re.Match[str]) -> str:
        note, body, language = block["note"] or "", block["body"], block["language"]
        title = _TITLE.search(block["said"])
        try:
            if note.startswith("from: "):
                body = self._taken(*note.removeprefix("from: ").split(" class "))
            elif note.startswith("not run: ") or language == "sh":
                self.written.update(title.groups() if title else ())
                self._read(body if language == "sh" else _typed_in(body))
            elif title:
                self._write(title[1], body)
            elif language == "console":
                width = _WIDTH.search(block["said"])
                body = self._console(body, int(width[1]) if width else COLUMNS)
            elif language == "yaml":
                self._find(body)
            elif language == "python":
                self._python(body, self.text.count("\n", 0, block.start("body")))
        except Exception as error:
            line = self.text.count("\n", 0, block.start("body"))
            raise AssertionError(f"{self.path}, line {line}: {error}") from error
        start = block.start("body") - block.start()
        return block[0][:start] + body + block["ticks"]

    def _write(self, name: str, body: str) -> None:
        """Write a file, and see whether it is what it seems."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8", newline="\n")
        assert name not in self.wrong, f"no command shows what is wrong: {self.wrong}"
        if path.suffix not in (".yaml", ".yml"):
            return
        if not re.search(r"^netspec:", body, re.MULTILINE):
            yaml.safe_load(body)
            return
        try:
            netspec.load(name)
        except (netspec.SpecError, OSError) as error:
            self.wrong[name] = str(error)

    def _find(self, body: str) -> None:
        """Find the lines of an excerpt in a spec."""
        runs: list[list[str]] = [[]]
        for line in body.splitlines():
            if _ELISION.fullmatch(line):
                runs.append([])
            else:
                runs[-1].append(line)
        found = any(_holds(path.read_text(), runs) for path in self.folder.rglob("*.yaml"))
        assert found, f"no spec has these lines:\n{body}"

    def _taken(self, name: str, wanted: str = "") -> str:
        """Return a file of the folder, or one class of it."""
        text = (self.folder / name).read_text(encoding="utf-8")
        if not wanted:
            return text
        found = re.search(rf"^class {wanted}\(.*?(?=\n\n\n|\n*\Z)", text, re.DOTALL | re.MULTILINE)
        assert found, f"{name} has no class {wanted}"
        return f"{found[0]}\n"

    # -------------------------------------------------------------------------- commands

    def _console(self, body: str, columns: int) -> str:
        """Type each command; return the block with what it prints."""
        self.patch.setenv("COLUMNS", str(columns))
        parts = re.split(r"^(?=\$ )", body, flags=re.MULTILINE)
        assert not parts[0], f"output without a command: {parts[0]}"
        return "".join(map(self._typed, parts[1:]))

    def _typed(self, part: str) -> str:
        """Return a command, and what it prints."""
        found = re.match(r"\$ ((?:.*\\\n)*.*\n)", part)
        assert found
        command, shown = found[1].replace("\\\n", " ").strip(), part[found.end() :].splitlines()
        printed = self._performed(command).replace(str(self.folder), HOME).rstrip("\n").splitlines()
        self.wrong = {k: v for k, v in self.wrong.items() if k not in shlex.split(command)}
        if shown[-1:] == ["…"] and len(printed) >= len(shown):
            printed[len(shown) - 1 :] = ["…"]
        assert not any(line.startswith(("$ ", "```")) for line in printed), "what ends the output?"
        return found[0] + "".join(f"{line.rstrip()}\n" for line in printed)

    def _performed(self, command: str) -> str:
        self._forget()
        words = shlex.split(command)
        if command == "echo $?":
            return f"{self.code}"
        if words[0] == "export":
            return self._export(*words[1].split("=", 1))
        if words[0] not in ("netspec", "python") or _SHELL.search(command):
            done = subprocess.run(
                ("sh", "-c", command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300
            )
            self.code = done.returncode
            return done.stdout.decode()
        return self._here(words)

    def _export(self, name: str, value: str) -> str:
        if name == "PYTHONPATH":
            self.patch.syspath_prepend(str(self.folder / value))
            value = os.pathsep.join((value, str(ROOT)))
        self.patch.setenv(name, value)
        return ""

    def _here(self, words: Sequence[str]) -> str:
        """Run netspec, or a program in Python, in this process; return what it prints."""
        with tempfile.TemporaryFile() as file, pytest.MonkeyPatch.context() as patch:
            stream = io.TextIOWrapper(file, encoding="utf-8", write_through=True)
            patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
            with redirect_stdout(stream), redirect_stderr(stream):
                try:
                    self.code = main(words[1:]) if words[0] == "netspec" else _program(words, patch)
                except SystemExit as error:
                    self.code = error.code if isinstance(error.code, int) else int(bool(error.code))
            file.seek(0)
            return file.read().decode()

    def _forget(self) -> None:
        """Let modules of this folder, which may be written again, be imported again."""
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(str(self.folder)):
                del sys.modules[name]

    # ------------------------------------------------------------------------------ Python

    def _python(self, body: str, line: int) -> None:
        self._forget()
        if not body.lstrip().startswith(">>>"):
            with redirect_stdout(io.StringIO()):
                code = compile("\n" * line + body, str(self.path), "exec", dont_inherit=True)
                exec(code, self.names)
            return
        test = doctest.DocTestParser().get_doctest(body, self.names, "", str(self.path), line)
        told: list[str] = []
        result = doctest.DocTestRunner(verbose=False).run(test, out=told.append, clear_globs=False)
        self.names.update(test.globs)
        assert not result.failed, "".join(told)

    # ------------------------------------------------------------------ what is only read

    def _read(self, body: str) -> None:
        """Parse commands, and look for the files that they read."""
        self.written.update(re.findall(r"> ([\w.-]+)$", body, re.MULTILINE))
        for words in _commands(body):
            if words[0] == "netspec":
                self._parse(words[1:])
            elif words[0] == "python" and words[1].endswith(".py"):
                self._look_for(words[1])

    def _parse(self, words: Sequence[str]) -> None:
        if words and words[0].startswith("--"):
            return
        assert words and words[0] in COMMANDS, f"no such command: {words}"
        told = io.StringIO()
        try:
            with redirect_stderr(told), redirect_stdout(told):
                command = parser(words[0], import_module(f"netspec.cli.{words[0]}"))
                options = command.parse_args(words[1:])
        except SystemExit as error:
            assert not error.code, told.getvalue()
            return
        self._look_at(options)

    def _look_at(self, options: Namespace) -> None:
        for name in _READ:
            value = getattr(options, name, None)
            for path in [value] if isinstance(value, str) else value or ():
                self._look_for(path)
        for name in ("output", "weights", "weights_out"):
            if isinstance(path := getattr(options, name, None), str):
                self.written.add(path)

    def _look_for(self, path: str) -> None:
        is_named = path == "-" or path in self.written or Path("specs", f"{path}.yaml").exists()
        is_there = Path(path).exists() or ("*" in path and any(Path().glob(path)))
        assert is_named or is_there, f"there is no file {path}"


def _program(words: Sequence[str], patch: pytest.MonkeyPatch) -> int:
    patch.setattr("sys.argv", list(words[1:]))
    runpy.run_path(words[1], run_name="__main__")
    return 0


def _typed_in(body: str) -> str:
    """Return the commands of a console block, a line each; of another block nothing."""
    lines = body.replace("\\\n", " ").splitlines()
    return "\n".join(line[2:] for line in lines if line.startswith("$ "))


def _commands(body: str) -> Iterator[list[str]]:
    """Yield the words of each command of a shell's lines, up to where its output goes."""
    for line in body.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        for part in re.split(r"\x00(?:&&|\|\|?|;|&)\x00", "\x00".join(lexer)):
            words = re.split(r"\x00\d?>+\x00", part)[0].split("\x00")
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words.pop(0)
            if words and words[0]:
                yield words


def _holds(text: str, runs: Sequence[Sequence[str]]) -> bool:
    """Say whether a text has these runs of lines, in this order, at whatever indent."""
    lines, at = text.splitlines(), 0
    for run in filter(None, runs):
        wanted = textwrap.dedent("\n".join(run)).strip("\n")
        size = wanted.count("\n") + 1
        places = range(at, len(lines) - size + 1)
        same = (i for i in places if textwrap.dedent("\n".join(lines[i : i + size])) == wanted)
        if (found := next(same, None)) is None:
            return False
        at = found + size
    return True
