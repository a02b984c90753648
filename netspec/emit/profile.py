"""Where a network's time goes, as a report; and back from its JSON into a network's costs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Any, NamedTuple

from netspec.analysis.network import Network
from netspec.emit.report.table import Column, Fact, Row, Table, percent
from netspec.emit.report.written import Report
from netspec.graph.model import Node, path
from netspec.runtime.profile import Profile
from netspec.text.diagnostics import Span

BY = ("block", "layer", "line", "op")
"""What a row can stand for."""
COLUMNS = (
    Column("name", "layer", "text"),
    Column("line", "line"),
    Column("milliseconds", "ms"),
    Column("time_share", "time", "percent"),
    Column("macs_share", "MACs", "percent"),
    Column("macs", "MACs", extra=True),
)
TEXT = Column("text", "the spec says", "text")
_LONGEST = 60
RULE = (
    "Of the eager module, call by call: the medians of several runs. A line's time is that of all "
    "layers that it makes, in all uses of its block, so the lines add up to more than the whole. "
    "Between calls: what the whole module takes beyond its layers, "
    "below zero where the clock takes longer than Python does between them."
)


class _Group(NamedTuple):
    """What a row stands for: its name, the line of the spec, and its nodes."""

    name: str
    line: int | None
    nodes: Sequence[Node]
    text: str = ""


def profile_report(profile: Profile, by: Sequence[str] = BY[:1], depth: int = 1) -> Report:
    """Return the tables of a profile, one for each of BY that is asked for."""
    facts = (
        Fact("batch", "batch", Column("batch", ""), profile.way.batch),
        Fact("threads", "threads", Column("threads", ""), profile.way.threads),
        Fact("whole", "", Column("whole", "", unit="ms"), _milliseconds(profile.whole)),
    )
    tables = tuple(_table(profile, key, depth) for key in by)
    return Report(profile.network.graph.name, facts, tables, (RULE,))


def _table(profile: Profile, by: str, depth: int) -> Table:
    costs = profile.network.costs
    groups = [*_GROUPS[by](profile.network, None if by == "layer" else depth)]
    seconds = [sum(profile.nodes[node.id] for node in group.nodes) for group in groups]
    macs = [sum(costs[node.id].macs for node in group.nodes) for group in groups]
    is_line = by == "line"
    whole = profile.network.totals.inference.macs
    spent = sum(profile.nodes.values())
    times, works = [percent(x, spent) for x in seconds], [percent(x, whole) for x in macs]
    rows = [
        (group.name, group.line, _milliseconds(a), b, c, d, *([group.text] if is_line else []))
        for group, a, b, c, d in zip(groups, seconds, times, works, macs, strict=True)
    ]
    title = Column("name", {"line": "file", "op": "op"}.get(by, "layer"), "text")
    columns = (title, *COLUMNS[1:], *([TEXT] if is_line else []))
    hidden = {"op": {"line"}, "line": set() if len(profile.network.sources) > 1 else {"name"}}
    return _without(hidden.get(by, set()), Table(
        f"{by}s", f"per {by}", columns, tuple(rows), () if is_line else tuple(_totals(profile)),
    ))  # fmt: skip


def _without(keys: set[str], table: Table) -> Table:
    kept = [i for i, column in enumerate(table.columns) if column.key not in keys]

    def cut(rows: Sequence[Row]) -> tuple[Row, ...]:
        return tuple(tuple(row[i] for i in kept) for row in rows)

    columns = tuple(table.columns[i] for i in kept)
    return replace(table, columns=columns, rows=cut(table.rows), totals=cut(table.totals))


def _totals(profile: Profile) -> Iterator[Row]:
    """Yield what all layers take, and what is spent elsewhere."""
    layers, macs = sum(profile.nodes.values()), profile.network.totals.inference.macs
    yield ("layers", None, _milliseconds(layers), 100.0, 100.0, macs)
    blocks = sum(profile.between.values())
    if blocks:
        yield ("calls of no layer", None, _milliseconds(blocks), None, None, None)
    rest = profile.whole - layers - blocks
    yield ("between calls", None, _milliseconds(rest), None, None, None)


def _milliseconds(seconds: float) -> float:
    return float(f"{1000 * seconds:.4g}")


# ---------------------------------------------------------------------- groups


def _by_path(network: Network, depth: int | None) -> Iterator[_Group]:
    found: dict[str, list[Node]] = {}
    lines: dict[str, int] = {}
    for node in network.graph.inference():
        place = node.id[:depth]
        use = network.graph.uses.get(place)
        lines.setdefault(path(place), (use or node).origin[0].line)
        found.setdefault(path(place), []).append(node)
    yield from (_Group(name, lines[name], nodes) for name, nodes in found.items())


def _by_op(network: Network, depth: int | None) -> Iterator[_Group]:
    found: dict[str, list[Node]] = {}
    for node in network.graph.inference():
        found.setdefault(node.op.op_name, []).append(node)
    yield from (_Group(name, None, nodes) for name, nodes in found.items())


def _by_line(network: Network, depth: int | None) -> Iterator[_Group]:
    """Yield the lines that make layers, of the spec itself first."""
    found: dict[tuple[int, int], list[Node]] = {}
    spans: dict[tuple[int, int], Span] = {}
    order = {id(source): i for i, source in enumerate(network.sources)}
    for node in network.graph.inference():
        places = {(order[id(span.source)], span.line): span for span in node.origin}
        spans = {**places, **spans}
        for place in places:
            found.setdefault(place, []).append(node)
    for place, nodes in sorted(found.items()):
        source = spans[place].source
        text = source.text.splitlines()[place[1] - 1].strip()
        short = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
        yield _Group(PurePath(source.name).name, place[1], nodes, short)


_GROUPS = {"block": _by_path, "layer": _by_path, "line": _by_line, "op": _by_op}


# ---------------------------------------------------------------------- back


def timed(network: Network, text: str) -> Network:
    """Return a network whose costs have the times of a profile's JSON.

    Raises ValueError, which says what is wrong with it.
    """
    seconds = _seconds(text)
    nodes = {node.id: path(node.id) for node in network.graph.inference()}
    if missing := [name for name in nodes.values() if name not in seconds]:
        raise ValueError(f"has no time for `{missing[0]}`")
    if unknown := seconds.keys() - {*nodes.values()}:
        raise ValueError(f"is of another network: this one has no layer `{min(unknown)}`")
    costs = {
        id: cost._replace(seconds=seconds[nodes[id]]) if id in nodes else cost
        for id, cost in network.costs.items()
    }
    return replace(network, costs=costs)


def _seconds(text: str) -> Mapping[str, float]:
    try:
        rows: list[dict[str, Any]] = json.loads(text)["layers"]["rows"]
        return {row["name"]: float(row["milliseconds"]) / 1000 for row in rows}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError(
            "is no profile, which `netspec profile SPEC -o FILE.json` writes"
        ) from None
