"""The arguments that several commands take, and the numbers that options accept."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction, _ActionsContainer
from collections.abc import Callable

from netspec.text.plain import number

_LARGEST, _DAY, _LARGEST_TEXT = 10**9, 86_400, 72
_SIZE = re.compile(r"\s*(?P<number>[0-9.]+)\s*(?P<unit>[A-Za-z]+)\s*", re.ASCII)
_UNITS = {
    f"{prefix}{rest}": base**power
    for power, prefix in enumerate("kmgt", 1)
    for rest, base in (("b", 1000), ("ib", 1024))
}


SPEC = "a file, the name of a spec that `netspec list` shows, or - for standard input"
"""What stands for a spec."""


READ, WRITTEN = "what is read", "what is written"
"""The groups of options that most commands have; a command's own come first."""


def group(parser: ArgumentParser, title: str) -> _ActionsContainer:
    """Return a group of a parser's options, a new one at first."""
    known = (found for found in parser._action_groups if found.title == title)
    return next(known, None) or parser.add_argument_group(title)


def add_flag(parser: _ActionsContainer, name: str, help: str) -> None:
    """Add an option without a value."""
    parser.add_argument(name, action="store_true", help=help)


def add_spec(parser: ArgumentParser) -> None:
    """Add the arguments of a command that reads one spec."""
    parser.add_argument("spec", help=SPEC)
    add_settings(parser)


def add_settings(parser: ArgumentParser) -> None:
    """Add what decides how specs are compiled."""
    add_set(parser, "NAME=VALUE", "give a parameter of the spec another value")
    add_reading(parser)


def add_set(parser: ArgumentParser, form: str, help: str) -> None:
    """Add what gives parameters other values."""
    group(parser, READ).add_argument("--set", action="append", default=[], metavar=form, help=help)


def add_reading(parser: ArgumentParser) -> None:
    """Add what decides which files are read, and what is wrong."""
    options = group(parser, READ)
    options.add_argument(
        "--root",
        metavar="DIRECTORY",
        help="where extended files may lie (default: what `[tool.netspec]` of the nearest "
        "pyproject.toml says, else the spec's git repository, else the folder of that file, else "
        "the spec's own)",
    )
    options.add_argument(
        "--strict",
        action=BooleanOptionalAction,
        help="treat warnings as errors (no, or as the project says)",
    )
    add_ops(parser)


def add_ops(parser: ArgumentParser) -> None:
    """Add what enables a user's own ops."""
    help = "import a module with ops of your own, such as mylib.netspec_ops; may be repeated"
    group(parser, READ).add_argument(
        "--ops", action="append", default=[], metavar="MODULE", help=help
    )


def add_imports(parser: ArgumentParser) -> None:
    """Add what a command needs that writes or runs code."""
    help = "let the code import this package, or module, for externs; may be repeated"
    group(parser, READ).add_argument(
        "--allow-import", action="append", default=[], metavar="NAME", help=help
    )


def add_output(parser: ArgumentParser, what: str) -> None:
    """Add where a command writes."""
    help = f"{what}; - is standard output"
    group(parser, WRITTEN).add_argument("-o", "--output", metavar="FILE", required=True, help=help)
    add_force(parser)


def add_force(parser: ArgumentParser) -> None:
    """Add the flag of a command that writes a file."""
    add_flag(group(parser, WRITTEN), "--force", "replace a file that netspec did not write")


def whole(least: int) -> Callable[[str], int]:
    """Return the reader of an option that is an integer of at least `least`."""

    def read(text: str) -> int:
        value = number(text)
        if not isinstance(value, int) or not least <= value <= _LARGEST:
            expected = f"expected an integer from {least} to {_LARGEST}"
            raise ArgumentTypeError(f"{expected}, found `{text[:40]}`")
        return value

    return read


def add_number(
    parser: _ActionsContainer, name: str, help: str, default: int | None = None, least: int = 1
) -> None:
    """Add an option that is an integer of at least `least`."""
    parser.add_argument(name, type=whole(least), default=default, metavar="N", help=help)


def size(text: str) -> int:
    """Read an option that is a size of memory, in bytes."""
    match = _SIZE.fullmatch(text)
    value = number(match["number"]) if match else None
    factor = _UNITS.get(match["unit"].casefold(), 0) if match else 0
    if value is None or not 1 <= value * factor <= _LARGEST**2:
        units = "kB, MB, GB and TB are powers of 1000, KiB, MiB, GiB and TiB of 1024"
        raise ArgumentTypeError(f"expected a size such as 80GB ({units}), found `{text[:40]}`")
    return int(value * factor)


def seconds(text: str) -> float:
    """Read an option that is a time."""
    value = number(text)
    if value is None or not 0 < value <= _DAY:
        raise ArgumentTypeError(f"expected seconds above 0, up to {_DAY}, found `{text[:40]}`")
    return value


def text_size(text: str) -> float:
    """Read an option that is a size of text in points."""
    value = number(text)
    if value is None or not 1 <= value <= _LARGEST_TEXT:
        expected = f"expected points from 1 to {_LARGEST_TEXT}"
        raise ArgumentTypeError(f"{expected}, found `{text[:40]}`")
    return value


def length(text: str) -> str:
    """Read an option that is a length, such as 3.5in."""
    from netspec.emit.figure.room import points

    try:
        points(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None
    return text


def add_only_specs(parser: ArgumentParser) -> None:
    """Add the flag of a command that is given all the YAML files of a project."""
    add_flag(parser, "--only-specs", "pass over files that have no key `netspec`")


def add_watch(parser: ArgumentParser) -> None:
    """Add the flag of a command that can run again."""
    add_flag(parser, "--watch", "run again whenever the spec, or what it extends, changes")
