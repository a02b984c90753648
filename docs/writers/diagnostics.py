"""One page for each code: what `netspec explain` says, and what its example makes `check` say."""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from docs.writers.markdown import code, edit, escape, fence, page, table
from netspec.cli import main
from netspec.text.explain import codes, explain, title

BLOCK = re.compile(r"^```(\w+) (\S+)\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
COMMANDS = ("netspec check net.yaml", "netspec build net.yaml -o model.py")
"""What finds a mistake: a few are only those of generated code."""


def pages() -> Iterator[tuple[str, str]]:
    """Yield the paths and texts of the pages."""
    rows = [(f"[{name}]({name}.md)", escape(title(name))) for name in codes()]
    intro = (
        "Each mistake has a code that never changes. `netspec explain NS053` prints these pages; "
        "`--format sarif` and `--format json` name the code beside the place."
    )
    yield "diagnostics/index.md", page("Diagnostics", intro, table(("code", "what it means"), rows))
    for name in codes():
        yield f"diagnostics/{name}.md", _page(name)


def _page(name: str) -> str:
    heading, _, text = explain(name).partition("\n")
    files = {word: body for kind, word, body in BLOCK.findall(text) if kind == "yaml"}
    return page(f"{code(name)}: {escape(heading)}", BLOCK.sub(lambda m: _block(m, files), text))


def _block(match: re.Match[str], files: dict[str, str]) -> str:
    """Write an example; below a wrong one stands what `netspec check` says of it."""
    language, word, text = match.groups()
    if language != "yaml":
        return fence(text, language if language == "python" else "text") + "\n"
    if word not in ("wrong", "right"):
        return fence(text, "yaml", word) + "\n"
    beside = {name: other for name, other in files.items() if name not in ("wrong", "right")}
    parts = [fence(text, "yaml", "net.yaml"), edit(text, beside=beside)]
    if word == "wrong":
        parts.append(fence("\n".join(said(files)), "console"))
    return "\n\n".join(parts) + "\n"


def said(files: dict[str, str]) -> tuple[str, str]:
    """Return the command that finds the mistake in the wrong example, and what it prints.

    The other files stand beside it.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = Path(folder, "net.yaml" if name == "wrong" else name)
            path.write_text(text, encoding="utf-8")
        for command in COMMANDS:
            text = _printed(command, folder)
            if "[NS" in text:
                break
    return f"$ {command}", text


def _printed(command: str, folder: str) -> str:
    """Return what a command prints that runs in a folder."""
    before = Path.cwd()
    with tempfile.TemporaryFile() as output:
        stream = io.TextIOWrapper(output, encoding="utf-8", write_through=True)
        os.chdir(folder)
        try:
            with redirect_stdout(stream), redirect_stderr(stream):
                main(command.split()[1:])
        finally:
            os.chdir(before)
        output.seek(0)
        return output.read().decode()
