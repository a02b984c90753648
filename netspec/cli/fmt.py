"""`netspec fmt`: write specs in their canonical form."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from netspec.cli.arguments import add_flag, add_only_specs
from netspec.cli.common import refuse_shipped, spec_files
from netspec.cli.exits import Exit
from netspec.cli.progress import Step, progress
from netspec.cli.show import say, say_difference, show, tell
from netspec.language.fmt.text import formatted
from netspec.text import files
from netspec.text.diagnostics import SpecError, escape
from netspec.text.syntax import decode


def add(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="spec files, or directories of *.yaml; - is standard input to output",
    )
    add_only_specs(parser)
    group = parser.add_mutually_exclusive_group()
    add_flag(group, "--check", "write nothing; exit 1 if a file would change")
    add_flag(group, "--diff", "write nothing; print what would change, and exit 1")


def run(options: Namespace) -> int:
    paths = spec_files(options, options.files)
    refuse_shipped(paths)
    with progress(len(paths)) as step:
        return max((_format(path, options, step) for path in paths), default=0)


def _format(path: str, options: Namespace, step: Step) -> int:
    """Format one file; return the exit code."""
    step(path)
    data = files.read(path)
    try:
        source = decode(data, "<stdin>" if path == "-" else path)
        new = formatted(source)
    except SpecError as error:
        show(error.diagnostics, sys.stderr)
        return Exit.WRONG
    same = new.encode() == data
    if options.check or options.diff:
        if options.diff:
            say_difference(source.text, new, path, "formatted")
        elif not same:
            say(f"{escape(path)} is not in canonical form")
        return 0 if same else Exit.WRONG
    # A file that is as it should be keeps its time; a stream wants its text in any case.
    if path == "-" or not same:
        files.write({path: new.encode()})
        if not files.is_stream(path):
            tell(f"wrote {escape(path)}")
    return 0
