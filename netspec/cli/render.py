"""`netspec render`: draw a spec."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import fields

from netspec.analysis.network import Network
from netspec.cli.arguments import (
    WRITTEN,
    add_number,
    add_output,
    add_spec,
    add_watch,
    group,
    length,
    seconds,
    text_size,
)
from netspec.cli.common import allow, compiled, configured_of, kind_of, stamps_of, sums, write
from netspec.cli.exits import Exit, Failure
from netspec.cli.outputs import Output
from netspec.emit.formats import ENGINES, FORMATS, ORIENTATIONS, THEMES, draw
from netspec.emit.look import Look, LookError
from netspec.language.configured import PAGES
from netspec.language.project import stamp
from netspec.text import files


def add(parser: ArgumentParser) -> None:
    add_spec(parser)
    add_watch(parser)
    add_output(parser, f"the picture: {', '.join(f'.{known}' for known in FORMATS)}")
    group(parser, WRITTEN).add_argument(
        "--format", choices=FORMATS, help="what to write, whatever the name (standard output: svg)"
    )
    add_number(parser, "--depth", "close blocks below this level", least=0)
    help = "keep the uses of a block, or the one at a path, open; may be repeated"
    parser.add_argument("--open", action="append", metavar="NAME", help=help)
    parser.add_argument(
        "--page", choices=PAGES, help="what it is fitted to (letter, or as the project says)"
    )
    parser.add_argument("--orientation", choices=ORIENTATIONS, help="of the page (landscape)")
    help = "how wide it is: 3.5in, 252pt, 84mm, 8.4cm; then at most 9in high"
    parser.add_argument("--width", type=length, metavar="LENGTH", help=help)
    help = "how high it may be, on a page or of that width"
    parser.add_argument("--height", type=length, metavar="LENGTH", help=help)
    help = "the smallest text, in points, for which detail is given up (default: 6 to 8)"
    parser.add_argument("--min-text", type=text_size, metavar="POINTS", help=help)
    help = "draw one block: as it is written, or by a path one use of it"
    parser.add_argument("--block", metavar="NAME", help=help)
    help = "write the names of layers into their boxes"
    parser.add_argument("--names", action="store_true", default=None, help=help)
    parser.add_argument("--theme", choices=THEMES, help="its colours (light)")
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default="page",
        help="page needs no program; graphviz needs dot",
    )
    add_number(parser, "--dpi", "pixels per inch of a .png (300)")
    help = "a profile, whose times stand over the multiply-adds; for svg, png and pdf"
    parser.add_argument("--time", metavar="PROFILE.json", help=help)
    help = "how long the dot program may take (30)"
    parser.add_argument("--timeout", type=seconds, default=30, metavar="SECONDS", help=help)


_DRAWN = ("svg", "png", "pdf", "dot")
_HEEDED = dict.fromkeys(
    ("page", "orientation", "width", "height", "open", "names", "theme"), _DRAWN
) | {"depth": (*_DRAWN, "mmd"), "dpi": ("png",)}
"""Which formats heed an option."""
_PAGE = ("svg", "png", "pdf")
_HEEDED_BY_PAGE = ("min_text", "time")
"""Options that only the engine `page` heeds."""


def run(options: Namespace) -> int:
    kind = kind_of(options.output, tuple(FORMATS), ", or --format says it", options.format)
    _refuse_what_is_not_heeded(options, kind)
    said = {item.name: getattr(options, item.name) for item in fields(Look)}
    said["page"] = said["page"] or configured_of(options, options.spec).page
    look = Look(**{name: value for name, value in said.items() if value is not None})
    network = _timed(options, compiled(options))
    allow(options, Output(options.output, kind))
    try:
        data = draw(network, kind, look)
    except LookError as error:
        raise Failure(str(error), Exit.USAGE) from None
    write(options, Output(options.output, kind, data, sums(network)))
    return 0


def _refuse_what_is_not_heeded(options: Namespace, kind: str) -> None:
    """Refuse an option that a format, or an engine, has no use for."""
    for name in _HEEDED_BY_PAGE:
        if getattr(options, name) and (kind not in _PAGE or options.engine != "page"):
            raise Failure(f"{_flag(name)} is for .svg, .png and .pdf, by --engine page", Exit.USAGE)
    for name, formats in _HEEDED.items():
        if getattr(options, name) is not None and kind not in formats:
            known = ", ".join(f".{known}" for known in formats)
            raise Failure(f"{_flag(name)} is for {known}, not for .{kind}", Exit.USAGE)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _timed(options: Namespace, network: Network) -> Network:
    """Return the network with the times of a profile, if one is given."""
    if not options.time:
        return network
    from netspec.emit.profile import timed

    text = files.read(options.time).decode("utf-8", "replace")
    stamps_of(options)[options.time] = stamp(options.time)
    try:
        return timed(network, text)
    except ValueError as error:
        raise Failure(f"{options.time} {error}", Exit.USAGE) from None
