"""The points of a sweep, and its Pareto front, as tables and as a plot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from netspec.analysis.points import GOALS, Point, Signs, signs
from netspec.emit.plot import saved, scaled, unit
from netspec.emit.report import Report
from netspec.emit.report.table import Cell, Column, Fact, Row, Table
from netspec.text.diagnostics import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_ROWS = 100
NUMBERS = (
    Column("params", "params"),
    Column("macs", "MACs"),
    Column("activation_bytes", "bytes held"),
    Column("peak_bytes", "peak bytes"),
    Column("milliseconds", "ms"),
)
FRONT = Column("on_front", "front", "text")
REASONS = (
    FRONT,
    Column("code", "code", "text"),
    Column("place", "place", "text"),
    Column("reason", "reason", "text"),
)
VERDICT = Column("verdict", "verdict", "text")
_WORDS = dict(
    zip(GOALS, ("parameters", "multiply-adds", "bytes held", "milliseconds"), strict=True)
)
_HEADINGS = {column.key: column.title for column in NUMBERS}


def point_table(points: Sequence[Point], verdicts: Sequence[Column], rows: Sequence[Row]) -> Table:
    """Return points as a table: their values, what they come to, and further cells of each."""
    names = dict.fromkeys(name for point in points for name in point.values)
    taken = {column.key for column in (*NUMBERS, *verdicts)}
    swept = [Column(f"${name}" if name in taken else name, name) for name in names]
    timed = any(point.milliseconds is not None for point in points)
    numbers = NUMBERS if timed else NUMBERS[:-1]
    cells = [
        (*map(_cell, point.values.values()), *_measures(point, numbers), *more)
        for point, more in zip(points, rows, strict=True)
    ]
    return Table("points", "points", (*swept, *numbers, *verdicts), tuple(cells))


def _cell(value: float) -> Cell:
    return ("true" if value else "false") if isinstance(value, bool) else value


def _measures(point: Point, numbers: Sequence[Column]) -> Row:
    """Return what a point comes to, times in microseconds' precision."""
    found = (None if point.reason else getattr(point, column.key) for column in numbers)
    return tuple(round(cell, 3) if isinstance(cell, float) else cell for cell in found)


def all_points(name: str, points: Sequence[Point]) -> Report:
    """Return every point of a sweep for programs: those without a network with the reason."""
    rows: list[Row] = [
        ("true" if point.on_front else "false", *(point.reason or ("", "", ""))) for point in points
    ]
    return Report(name, (), (point_table(points, REASONS, rows),), ())


def front_report(name: str, points: Sequence[Point], goals: Collection[str] = GOALS) -> Report:
    """Return the networks of a sweep for people, or of a long one its front by some goals."""
    found = [point for point in points if not point.reason]
    front = [point for point in found if point.on_front]
    shown = found if len(found) <= _MOST_ROWS else front
    marks: list[Row] = [("*" if point.on_front else "",) for point in shown]
    table = point_table(shown, (FRONT,), marks)
    counts = counted(len(found), "network"), f"{len(front):,} on the front"
    facts = [Fact("count", "", Column("count", "", "text"), text) for text in counts]
    notes = [*([_rule(points, signs(goals))] if found else ()), *_reasons(points)]
    if len(shown) < len(found):
        notes.append(f"Only the front is shown: `-o points.csv` writes all {len(points):,} points.")
    return Report(name, tuple(facts), (table,) if shown else (), tuple(notes))


def _rule(points: Sequence[Point], wanted: Signs) -> str:
    """Say what the front is."""
    timed = any(point.milliseconds is not None for point in points)
    wants = [
        f"{'fewer' if sign > 0 else 'more'} {_WORDS[goal]}"
        for goal, sign in wanted.items()
        if timed or goal != "milliseconds"
    ]
    rest = f" or {wants[-1]}, and is no worse in the others" if wants[1:] else ""
    listed = ", ".join(wants[:-1] or wants)
    return f"On the front (*): no other network has {listed}{rest}."


def _reasons(points: Sequence[Point]) -> list[str]:
    """Count the points without a network by what is wrong with them first."""
    refused = [point for point in points if point.reason]
    counts = Counter(point.reason and point.reason[:2] for point in refused)
    notes = []
    for key, count in counts.items():
        first = next(point for point in refused if point.reason and point.reason[:2] == key)
        assert first.reason
        at = ", ".join(f"{name}={_cell(value)}" for name, value in first.values.items())
        where = f" ({first.reason.place})" if first.reason.place else ""
        notes.append(
            f"{count:,} of {len(points):,} points are no network, {first.reason.code}{where}, "
            f"the first at {at}: {first.reason.message}"
        )
    return notes


def fit_report(title: str, found: Mapping[str, Point], notes: Sequence[str]) -> Report:
    """Return a few points, each with what is said of it."""
    rows: list[Row] = [(verdict,) for verdict in found]
    table = point_table([*found.values()], (VERDICT,), rows)
    return Report(title, (), (table,), tuple(notes))


# ------------------------------------------------------------------ the plot


def plot_points(name: str, points: Sequence[Point], format: str = "svg") -> bytes:
    """Return a plot of a sweep as a file: MACs against everything else, the front in colour.

    The same points give the same bytes. Raises ImportError without matplotlib.
    """
    found = [point for point in points if not point.reason]
    if timed := any(point.milliseconds is not None for point in found):
        found = [point for point in found if point.milliseconds is not None]
    goals = [goal for goal in GOALS if goal != "macs"][: None if timed else -1]

    def draw(figure: Figure) -> None:
        for axes, goal in zip(figure.subplots(1, len(goals)), goals, strict=True):
            _draw(axes, goal, found)
        figure.suptitle(f"{name}, Pareto front ({', '.join(points[0].values)})")

    return saved((3.8 * len(goals), 3.6), format, draw)


def _draw(axes: Axes, goal: str, points: Sequence[Point]) -> None:
    """Draw one goal against the multiply-adds; points on the front say their values."""
    across = unit(max((point.macs for point in points), default=0))
    up = unit(max((getattr(point, goal) for point in points), default=0))
    for front, colour, size in ((False, "#999999", 12), (True, "#D55E00", 24)):
        shown = [point for point in points if point.on_front is front]
        xs = [point.macs / across[0] for point in shown]
        ys = [getattr(point, goal) / up[0] for point in shown]
        axes.scatter(xs, ys, s=size, color=colour, zorder=2 + front)
        if front and len(shown) <= _LABELLED:
            for x, y, point in zip(xs, ys, shown, strict=True):
                label = ", ".join(f"{value:g}" for value in point.values.values())
                axes.annotate(label, (x, y), (3, 3), textcoords="offset points", fontsize=6)
    axes.set_xlabel(scaled("MACs", across[1]))
    axes.set_ylabel(scaled(_HEADINGS[goal], up[1]))
    axes.spines[["top", "right"]].set_visible(False)


_LABELLED = 40
