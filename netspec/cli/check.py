"""`netspec check`: say what is wrong with specs, and fix what can be fixed."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from netspec.cli.arguments import (
    SPEC,
    WRITTEN,
    add_flag,
    add_force,
    add_only_specs,
    add_settings,
    add_watch,
    group,
)
from netspec.cli.common import (
    Diagnosis,
    allow,
    diagnose,
    kind_of,
    refuse_shipped,
    spec_files,
    write,
)
from netspec.cli.exits import Exit, Failure
from netspec.cli.outputs import Output
from netspec.cli.progress import Step, progress
from netspec.cli.show import FORMATS, say_difference, show, tell
from netspec.text import files
from netspec.text.diagnostics import Diagnostic, Source, SpecError, counted, escape
from netspec.text.files import standard_output
from netspec.text.syntax import decode

if TYPE_CHECKING:  # only who wants fixes needs what makes them
    from netspec.cli.fixing import Made, Texts

_MARK = "\ufeff".encode()
_FILES = {"txt": "full", "json": "json", "sarif": "sarif"}
"""The format that the end of a file's name stands for."""


def add(parser: ArgumentParser) -> None:
    parser.add_argument("spec", nargs="+", help=f"{SPEC}; or a directory of *.yaml")
    add_only_specs(parser)
    add_settings(parser)
    add_watch(parser)
    help = "how it is said, whatever the name of FILE (standard output: full)"
    group(parser, WRITTEN).add_argument("--format", choices=FORMATS, help=help)
    ends = ", ".join(f".{end}" for end in _FILES)
    help = f"write what is wrong there, not on standard output: {ends}"
    group(parser, WRITTEN).add_argument("-o", "--output", metavar="FILE", default="-", help=help)
    add_force(parser)
    ways = parser.add_mutually_exclusive_group()
    add_flag(ways, "--fix", "make the safe fixes in the files; standard input goes to output")
    add_flag(ways, "--diff", "write nothing; print what --fix would change, and exit 1")
    add_flag(parser, "--unsafe-fixes", "fix also where the author may have meant something else")


def run(options: Namespace) -> int:
    paths = spec_files(options, options.spec)
    to, format = _document(options)
    if options.fix or options.diff:
        return _fix(paths, options)
    allow(options, to)
    with progress(len(paths)) as step:
        results = {path: _checked(path, options, step) for path in paths}
    found = _found(results)
    if to.path == "-":
        show(found, standard_output() if found else sys.stdout, format)
    else:
        _write(options, to, found, format)
    if format == "full":
        _tell_fixable(found, options)
    return _concluded(results)


def _checked(path: str, options: Namespace, step: Step) -> Diagnosis:
    found = diagnose(path, options)
    step(path)
    return found


def _write(options: Namespace, to: Output, found: Sequence[Diagnostic], format: str) -> None:
    """Write what is wrong into its file."""
    from netspec.text.formats import written

    text = written(found, format)
    data = f"{text}\n".encode() if text else b""
    write(options, to._replace(data=data, about=counted(len(found), "mistake")))


def _document(options: Namespace) -> tuple[Output, str]:
    """Return where it is said what is wrong, and in which format."""
    path: str = options.output
    if path != "-" and (options.fix or options.diff):
        raise Failure("-o is for what is wrong, without --fix and --diff", Exit.USAGE)
    format = options.format or "full"
    if not options.format and not files.is_stream(path):
        format = _FILES[kind_of(path, tuple(_FILES), ", or --format says it")]
    return Output(path, format if format in _FILES else "txt"), format


def _found(results: Mapping[str, Diagnosis]) -> list[Diagnostic]:
    # The mistakes of a project's file are those of each of its specs.
    return [*dict.fromkeys(item for _, items in results.values() for item in items)]


def _concluded(results: Mapping[str, Diagnosis]) -> int:
    """Tell the sums of what is fine; return the exit code."""
    for path, (network, _) in results.items():
        if network is not None:
            cost, layers = network.totals.inference, counted(len(network.graph.nodes), "layer")
            sums = f"{counted(cost.params, 'parameter')}, {counted(cost.macs, 'multiply-add')}"
            tell(f"{escape(path)}: {network.spec.name} is fine: {layers}, {sums}")
    return Exit.WRONG if any(network is None for network, _ in results.values()) else 0


def _tell_fixable(found: Sequence[Diagnostic], options: Namespace) -> None:
    """Say how many mistakes could be mended, and how."""
    safe = sum(any(fix.is_safe for fix in item.fixes) for item in found)
    more = sum(bool(item.fixes) for item in found) - safe
    if options.unsafe_fixes:
        safe, more = 0, safe + more
    ways = [f"{safe} by `--fix`"] if safe else []
    ways += [f"{more} by `--fix --unsafe-fixes`"] if more else []
    if ways:
        tell(f"netspec: can be fixed: {', '.join(ways)}")


# ------------------------------------------------------------------ fixes


def _fix(paths: Sequence[str], options: Namespace) -> int:
    """Mend what can be mended; show what is still wrong."""
    from netspec.cli.fixing import mend
    from netspec.language.project import real_path

    if options.watch:
        raise Failure("--watch changes no spec; leave out --fix or --diff", Exit.USAGE)
    refuse_shipped(paths)
    given = {real_path(path): path for path in paths}
    data = {real: files.read(path) for real, path in given.items()}
    texts = {real: x for real, path in given.items() if (x := _source(path, data[real]))}

    def diagnosed(texts: Texts) -> dict[str, Diagnosis]:
        return {path: diagnose(path, options, texts) for path in given.values()}

    made = mend(texts, lambda texts: _found(diagnosed(texts)), options.unsafe_fixes)
    changed = {real: x.text for real, x in made.texts.items() if x.text != texts[real].text}
    if options.diff:
        for real, text in changed.items():
            say_difference(texts[real].text, text, given[real], "fixed")
    else:
        written = {real: _data(text, data[real]) for real, text in changed.items()}
        # A stream wants its text in any case.
        written |= {"-": data["-"]} if "-" in given and "-" not in changed else {}
        files.write({given[real]: new for real, new in written.items()})
        format = options.format or "full"
        show(made.found, sys.stderr if "-" in given else standard_output(), format)
    _tell_made(made, options)
    code = _concluded(diagnosed(made.texts))
    return Exit.WRONG if options.diff and changed else code


def _source(path: str, data: bytes) -> Source | None:
    """Return the text of a file, None where it is none: then there is nothing to fix."""
    try:
        return decode(data, "<stdin>" if path == "-" else path)
    except SpecError:
        return None


def _data(text: str, before: bytes) -> bytes:
    """Return what a file holds with another text; a byte-order mark stays."""
    return (_MARK if before.startswith(_MARK) else b"") + text.encode()


def _tell_made(made: Made, options: Namespace) -> None:
    """Tell each change that is made, or would be, and how much is still wrong."""
    for line in made.lines:
        tell(line)
    verb, left = ("would make", "would remain") if options.diff else ("made", "remaining")
    changes, mistakes = counted(len(made.lines), "change"), counted(len(made.found), "mistake")
    tell(f"{verb} {changes}, {mistakes} {left}")
    if not options.unsafe_fixes:
        _tell_fixable(made.found, options)
