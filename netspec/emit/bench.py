"""What was measured of engines, as a report and as a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from netspec.emit.plot import saved
from netspec.emit.report.table import RANGE, Cell, Column, Table
from netspec.emit.report.written import Report
from netspec.runtime.bench import Limits, Measurement
from netspec.text.diagnostics import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BARS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")  # Okabe and Ito's, which all can tell apart

COLUMNS = (
    Column("network", "network", "text"),
    Column("engine", "engine", "text"),
    Column("dtype", "type", "text"),
    Column("threads", "threads"),
    Column("batch", "batch"),
    Column("milliseconds", "ms"),
    Column("low", "quartiles"),
    Column("high", "high", glue=RANGE),
    Column("times", "× first"),
    Column("peak", "sgemm", "percent"),
    Column("bandwidth", "memory", "percent"),
    Column("accuracy", "accuracy", "percent"),
    Column("difference", "differs by", extra=True),
)
LIMITS = (
    Column("threads", "threads"),
    Column("gflops", "sgemm peak", unit="GFLOP/s"),
    Column("gigabytes", "memory", unit="GB/s"),
)
RULE = (
    "The median of {rounds}, each a sample of every row in turn, and its quartiles. × first: how "
    "often as fast as the first row of the same threads and batch, round by round. sgemm: two "
    "operations a multiply-add, beside what a product of two 1024×1024 matrices does. memory: "
    "weights, inputs and outputs, each moved once, beside what a copy of 256 MiB does. differs by: "
    "from eager, as a share of the largest output."
)

Cells = dict[str, Cell]
Found = Sequence[Measurement]


def bench_report(found: Found, limits: Mapping[int, Limits], skipped: Mapping[str, str]) -> Report:
    """Return the measurements as a report; `skipped` says why engines are not in it."""
    cells = [_cells(this, _first(this, found), limits) for this in found]
    columns = [column for column in COLUMNS if _is_told(column, cells)]
    rows = tuple(tuple(row.get(column.key) for column in columns) for row in cells)
    main = Table("measurements", "measurements", tuple(columns), rows)
    machine = [
        (threads, _digits(limit.flops / 1e9), _digits(limit.bytes / 1e9))
        for threads, limit in sorted(limits.items())
    ]
    tables = (main, Table("limits", "the machine", LIMITS, tuple(machine)))
    rounds = max((len(this.seconds) for this in found), default=0)
    names = dict.fromkeys(this.case.subject.name for this in found)
    notes = [f"{engine} {reason}" for engine, reason in skipped.items()]
    notes += [f"{describe(this)}: {why}" for this in found if (why := failing(this))]
    rule = RULE.format(rounds=counted(rounds, "round"))
    return Report(", ".join(names), (), tables, (*notes, rule))


def failing(this: Measurement) -> str:
    """Return why a case was not timed, or nothing."""
    if this.is_wrong:
        return f"its outputs differ from eager by {this.difference:.1e} of the largest"
    return this.error


def describe(this: Measurement) -> str:
    """Name a case in words."""
    case = this.case
    where = f"{counted(case.threads, 'thread')}, batch {case.batch}, {case.dtype}"
    return f"{case.subject.name} by {case.engine}, {where}"


def _first(this: Measurement, found: Found) -> Measurement | None:
    """Return the first case with the same threads and batch that ran."""
    key = (this.case.threads, this.case.batch)
    alike = (other for other in found if (other.case.threads, other.case.batch) == key)
    return next((other for other in alike if other.seconds), None)


def _is_told(column: Column, rows: Sequence[Cells]) -> bool:
    """Tell whether a column says more than the title does."""
    values = {row.get(column.key) for row in rows}
    return len(values) > 1 or (
        values != {None} if column.key == "accuracy" else column.key not in ("network", "dtype")
    )


def _cells(this: Measurement, first: Measurement | None, limits: Mapping[int, Limits]) -> Cells:
    case = this.case
    cells: Cells = {
        "network": case.subject.name,
        "engine": case.engine,
        "dtype": case.dtype,
        "threads": case.threads,
        "batch": case.batch,
        "difference": None if this.difference is None else float(f"{this.difference:.1e}"),
    }
    cells["accuracy"] = None if this.accuracy is None else round(100 * this.accuracy, 1)
    if this.seconds and first and len(first.seconds) == len(this.seconds):
        cells["times"] = _digits(this.times_as_fast_as(first))
    if this.seconds:
        low, high = this.quartiles
        cells |= {"low": _digits(low), "high": _digits(high)}
        cells["milliseconds"] = _digits(this.milliseconds)
    if this.seconds and case.threads in limits:
        limit = limits[case.threads]
        cells["peak"] = round(100 * this.peak_share(limit), 1)
        cells["bandwidth"] = round(100 * this.bandwidth_share(limit), 1)
    return cells


def _digits(value: float) -> float:
    """Return a value with as many digits as a measurement has."""
    return float(f"{value:.3g}")


def bench_plot(found: Found, format: str = "svg") -> bytes:
    """Return bars of the medians with their quartiles, a panel for each threads and batch."""
    ran = [this for this in found if this.seconds]
    panels: dict[tuple[int, int], list[Measurement]] = {}
    for this in ran:
        panels.setdefault((this.case.threads, this.case.batch), []).append(this)
    most = max(map(len, panels.values()), default=1)
    several = len({this.case.subject.name for this in ran}) > 1

    def draw(figure: Figure) -> None:
        grid = figure.subplots(1, max(len(panels), 1), squeeze=False)[0]
        for axes, ((threads, batch), rows) in zip(grid, panels.items(), strict=False):
            _panel(axes, rows, several)
            axes.set_title(f"{counted(threads, 'thread')}, batch {batch}", fontsize=9)
        figure.suptitle(", ".join(dict.fromkeys(this.case.subject.name for this in ran)))

    return saved((3.6 * max(len(panels), 1) + 0.4, 1.4 + 0.3 * most), format, draw)


def _panel(axes: Axes, rows: Found, several: bool) -> None:
    """Draw one panel: a bar a case, from the first down, a colour a network."""
    names = list(dict.fromkeys(this.case.subject.name for this in rows))
    places, times = range(len(rows)), [this.milliseconds for this in rows]
    colours = [_BARS[names.index(this.case.subject.name) % len(_BARS)] for this in rows]
    axes.barh(places, times, color=colours, height=0.7)
    for place, this in zip(places, rows, strict=True):
        low, high = this.quartiles
        axes.plot([low, high], [place, place], color="#111111", linewidth=1)
        axes.text(high + 0.02 * max(times), place, f"{_digits(this.milliseconds):g}", va="center")
    types = {this.case.dtype for this in rows}
    labels = [
        " ".join(
            [this.case.engine]
            + [this.case.dtype] * (len(types) > 1)
            + [this.case.subject.name] * several
        )
        for this in rows
    ]
    axes.set_yticks(places, labels)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 1.25 * max(times))
    axes.set_xlabel("milliseconds, median and quartiles")
    axes.spines[["top", "right"]].set_visible(False)
