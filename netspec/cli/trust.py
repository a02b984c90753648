"""`netspec trust`: let the specs of a project name the ops that the project wants."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from netspec.cli.arguments import add_flag
from netspec.cli.exits import Exit, Failure
from netspec.cli.show import say, tell
from netspec.cli.trusted import Wish, recorded, wish_of, write
from netspec.language.configured import PROJECT
from netspec.text.diagnostics import SpecError, escape


def add(parser: ArgumentParser) -> None:
    help = "the folder of its pyproject.toml, whose `[tool.netspec] ops` are then imported"
    parser.add_argument("folder", nargs="?", metavar="DIR", help=help)
    add_flag(parser, "--list", "list the folders that are trusted")
    add_flag(parser, "--remove", "trust the folder no longer")
    parser.epilog = (
        "Kept in ~/.config/netspec/trusted (in place of ~/.config, XDG_CONFIG_HOME says where). "
        "Another list of modules has to be trusted again; what stands in the modules is not "
        "looked at."
    )


def run(options: Namespace) -> int:
    if options.list == (options.folder is not None) or (options.list and options.remove):
        raise Failure("trust expects a folder, or --list", Exit.USAGE)
    known = recorded()
    if options.list:
        say("\n".join(_shown(folder, digest) for folder, digest in known.items()) or "none")
        return 0
    folder = os.path.realpath(options.folder)
    if options.remove:
        _remove(known, folder)
    else:
        _trust(known, folder)
    return 0


def _shown(folder: str, digest: str) -> str:
    """Return a line about a folder: what it is trusted with, or why that no longer counts."""
    try:
        wish = wish_of(Path(folder))
        state = " ".join(wish.modules) if wish.digest == digest else "wants others now"
    except (SpecError, OSError):
        state = f"has no {PROJECT}"
    return f"{escape(folder)}: {state}"


def _remove(known: dict[str, str], folder: str) -> None:
    if folder not in known:
        raise Failure(f"{folder} is not trusted; `netspec trust --list` lists them", Exit.USAGE)
    write({key: digest for key, digest in known.items() if key != folder})
    tell(f"{escape(folder)} is no longer trusted")


def _trust(known: dict[str, str], folder: str) -> None:
    # A line break in its name would be a line of another folder.
    if not folder.isprintable():
        raise Failure(f"the name of {folder} cannot be recorded", Exit.USAGE)
    if not Path(folder, PROJECT).is_file():
        raise Failure(f"there is no {PROJECT} in {folder}", Exit.USAGE)
    wish: Wish = wish_of(Path(folder))
    if not wish.modules:
        raise Failure(f"{folder}/{PROJECT} has no `[tool.netspec] ops`", Exit.USAGE)
    write({**known, folder: wish.digest})
    modules = ", ".join(f"`{module}`" for module in wish.modules)
    tell(f"specs in {escape(folder)} may use the ops of {modules}, which are imported")
