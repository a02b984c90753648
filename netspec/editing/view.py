"""What a page shows of a document: figure, report, code, and what links them with the text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeVar

from netspec.analysis.network import Network
from netspec.editing.links import Lines, code_lines, generated, places
from netspec.editing.steps import Step, steps
from netspec.editing.workspace import Document
from netspec.emit.diff import NAMES
from netspec.emit.figure.svg import to_linked_svg
from netspec.emit.look import Look, LookError
from netspec.emit.report import RULE, Measured
from netspec.emit.report.rows import main_table
from netspec.emit.report.table import Content, Grid, grid
from netspec.emit.torch.module import Generated
from netspec.graph.model import NodeId, path
from netspec.text.diagnostics import Span, SpecError

Part = Literal["figure", "report", "code"]
PARTS: tuple[Part, ...] = ("figure", "report", "code")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Shown:
    """A layer, or an input: where it is written, and which lines of the code are about it.

    Its own place comes first in both, then that of each use around it.
    """

    path: str
    places: Sequence[Span]
    code: Sequence[Lines]


@dataclass(frozen=True, slots=True)
class Report:
    """The report's table as people read it; `layers` are the paths that its rows are about."""

    keys: Sequence[str]
    cells: Grid
    layers: Sequence[str]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What there is to see of a document's last good network.

    Spans are of today's texts; what has been rewritten since has none.
    """

    is_stale: bool
    name: str
    totals: Mapping[str, int]
    layers: Sequence[Shown]
    steps: Sequence[Step]
    figure: str | None = None
    report: Report | None = None
    code: str | None = None
    problems: Mapping[Part, str] = field(default_factory=dict)
    """Why a part that was asked for is not there."""


def view(document: Document, parts: Collection[Part], theme: str = "light") -> View | None:
    """Return what there is to see, of its parts those that are asked for; None before any is."""
    network = document.good
    if network is None:
        return None
    problems: dict[Part, str] = {}
    figure = _tried(problems, "figure", lambda: _figure(network, theme), parts)
    code = _tried(problems, "code", lambda: generated(network), parts)
    return View(
        document.network is None,
        network.graph.name,
        totals(network),
        _layers(document, network, code),
        [x._replace(span=now) for x in steps(network) if (now := _now(document, x.span))],
        figure,
        _report(network) if "report" in parts else None,
        code.text if code else None,
        problems,
    )


def totals(network: Network) -> Mapping[str, int]:
    """Return the numbers of the whole network, by the keys of `NAMES`; of heads if it has any."""
    found = {"layers": len(network.graph.nodes), **network.totals.metrics}
    has_heads = any(network.totals.heads)
    return {key: found[key] for key in NAMES if has_heads or not key.startswith("train_")}


def _tried(
    problems: dict[Part, str], part: Part, make: Callable[[], _T], parts: Collection[Part]
) -> _T | None:
    """Return a part that is asked for, or note why it cannot be had."""
    try:
        return make() if part in parts else None
    except SpecError as error:
        problems[part] = error.diagnostics[0].message
    except LookError as error:
        problems[part] = str(error)
    return None


# An older network is asked for again and again while its text has mistakes.
@lru_cache(maxsize=4)
def _figure(network: Network, theme: str) -> str:
    return to_linked_svg(network, Look(page="none", theme=theme))


@lru_cache(maxsize=4)
def _report(network: Network) -> Report:
    table = main_table(Measured(network))
    cells = grid(table, without_extra=True)
    keys = [column.key for column in table.columns if not column.glue and not column.extra]
    notes = Content(network.graph.name, (), (table,), (RULE,)).remarks()
    return Report(keys, cells, [str(row[0]) for row in table.rows], notes)


def _layers(document: Document, network: Network, code: Generated | None) -> Sequence[Shown]:
    lines: Mapping[NodeId, Sequence[Lines]] = code_lines(network, code) if code else {}
    return [
        Shown(path(id), [now for x in found if (now := _now(document, x))], lines.get(id, ()))
        for id, found in places(network).items()
    ]


def _now(document: Document, span: Span) -> Span | None:
    """Return where a span stands today; one of an extended file only while that is as it was."""
    if document.network is document.good:
        return span
    if span.source is document.good_source:
        return document.now(span)
    today = document.asked.get(span.source.name)
    return span if today and today.text == span.source.text else None
