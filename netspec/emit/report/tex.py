"""Reports as LaTeX: tables in the manner of booktabs that are no wider than the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from netspec.emit.report.table import Cell, Column, Content, Table, columnwise, grid
from netspec.text.diagnostics import escape

_TEXT_WIDTH = 340.0
"""In points: a little less than an article's in 10 pt on letter paper. Few classes have less."""
_SIZES = {"small": 4.63, "footnotesize": 4.25, "scriptsize": 3.99}
"""The fonts that are tried, and the widths of their digits in points."""
_GAP = 6.0
_NARROW, _SPLIT = 80.0, 140.0
"""What a wrapped column has at least, in points, of a table that is split more."""
_WIDTHS = {
    **dict.fromkeys("ijl.,:;'!/ ·", 0.56),
    **dict.fromkeys("frstI()[]-|", 0.79),
    **dict.fromkeys("cez", 0.89),
    **dict.fromkeys("w_", 1.45),
    **dict.fromkeys("mMW%@×#&<>+=", 1.68),
}
"""How wide characters of Computer Modern are, beside a digit; all others are below 1.56."""
_HEADING = 14.0
"""How many digits a heading may be wider than its numbers before it is wrapped."""
_MOST_ROWS = 45
"""More would not fit onto a page, and break over pages instead."""
_LONG_WORD = 12.0
"""How many digits a word may be wider than before it may break."""


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: `cells` from the first row to the last total, as texts; `width` in digits.

    `form` is its type in LaTeX: text, wrapped text, or numbers, which siunitx writes.
    """

    heading: str
    cells: Sequence[str]
    form: str
    width: float
    extra: bool = False

    def written(self) -> Sequence[str]:
        """Return the cells as LaTeX."""
        is_wrapped = self.form.endswith("pt}")
        return self.cells if self.form[0] == "S" else [tex(x, is_wrapped) for x in self.cells]

    def lines(self) -> Sequence[int]:
        """Return in about how many lines the cells are written."""
        return [1 + int(1.2 * _width(cell) / self.width) for cell in self.cells]


def latex(report: Content) -> str:
    """Return a report as LaTeX tables, which need booktabs and siunitx, and longtable if long."""
    parts: list[str] = []
    for table in report.tables:
        parts += _tables(f"{report.title}, {table.title}", _label(report, table), table)
    packages = "booktabs,siunitx" + ",longtable" * any("{longtable}" in part for part in parts)
    facts = "; ".join(report.sentences())
    notes = tex(" ".join([*([f"{facts}."] if facts else []), *report.remarks()]))
    lines = (r"\begin{sloppypar}", rf"\noindent\footnotesize {notes}", r"\end{sloppypar}")
    return "\n\n".join((rf"% needs \usepackage{{{packages}}}", *parts, "\n".join(lines))) + "\n"


def _label(report: Content, table: Table) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", report.title.lower())[:32].strip("-")
    return f"tab:{words}-{table.key}"


# ------------------------------------------------------------------ columns


def _columns(table: Table) -> list[_Column]:
    """Return the columns, glued ones behind the one on their left; numbers are siunitx's."""
    cells = columnwise(table.columns, (*table.rows, *table.totals))
    glued = [*(column.glue for column in table.columns[1:]), ""]
    starts = [i for i, column in enumerate(table.columns) if not column.glue]
    found = []
    for i, (title, *texts) in zip(starts, grid(table, escape).columns(), strict=True):
        column = table.columns[i]
        numeric = "" if glued[i] else _numeric(column, cells[i])
        form = numeric or ("l" if column.left else "r")
        if numeric:
            written = ["" if cell is None else str(cell) for cell in cells[i]]
            title += " (%)" * (column.kind == "percent")
        else:
            written = texts
        widest, most = max(map(_width, texts), default=0.0), _width(title)
        width = max(widest, most if form == "l" else min(most, _HEADING))
        heading = tex(title) if form == "l" else _heading(title, width)
        found.append(_Column(heading, written, form, width, column.extra))
    return found


def _heading(title: str, width: float) -> str:
    """Return the heading of numbers, in several lines where it is wider than they are."""
    if _width(title) <= width:
        return f"{{{tex(title)}}}"
    return rf"{{\parbox[b]{{{width / 2:.1f}em}}{{\raggedleft {tex(title)}\strut}}}}"


def _numeric(column: Column, cells: Sequence[Cell]) -> str:
    """Return the column type of siunitx for numbers without exponents, else nothing."""
    texts = [str(cell) for cell in cells if cell is not None]
    if column.kind not in ("number", "percent") or not texts:
        return ""
    if not all(re.fullmatch(r"-?\d+(\.\d+)?", text) for text in texts):
        return ""
    parts = [text.lstrip("-").partition(".") for text in texts]
    sign = "-" * any(text.startswith("-") for text in texts)
    digits = max(len(whole) for whole, _, _ in parts), max(len(rest) for _, _, rest in parts)
    return f"S[table-format={sign}{digits[0]}.{digits[1]}]"


def _width(text: str) -> float:
    """Return how many digits are about as wide as a text."""
    return sum(map(_of_one, text))


def _of_one(char: str) -> float:
    if char in _WIDTHS:
        return _WIDTHS[char]
    return 1.56 if char.isupper() else 1.11 if char.isascii() or char in _TEX else 7.0


# ------------------------------------------------------------------ what fits


def _tables(caption: str, label: str, table: Table) -> Iterator[str]:
    """Yield a table, or where its columns are too many several that begin with the first one."""
    size, panels = _fitted(_columns(table))
    for i, columns in enumerate(panels, 1):
        ending = "" if i == 1 else f" ({i} of {len(panels)})"
        head = rf"\caption{{{tex(caption + ending)}}}\label{{{label}{f'-{i}' * (i > 1)}}}"
        yield "\n".join(_written(head, size, columns, len(table.rows)))


def _fitted(columns: Sequence[_Column]) -> tuple[str, list[list[_Column]]]:
    """Return the largest font in which the columns fit, if need be without those that are extra.

    Where no font is small enough, the texts are wrapped, and then the table is split.
    """
    fewer = [column for column in columns if not column.extra]
    small, middle, least = _SIZES
    for chosen, size in ((columns, small), (columns, middle), *((fewer, x) for x in _SIZES)):
        if _total(chosen, size) <= _TEXT_WIDTH:
            return size, [list(chosen)]
    if _total(wrapped := _wrapped(fewer, least, _NARROW), least) <= _TEXT_WIDTH:
        return least, [wrapped]
    return middle, _split(_wrapped(fewer, middle, _SPLIT), middle)


def _split(columns: Sequence[_Column], size: str) -> list[list[_Column]]:
    """Return as few parts as fit, each with the first column, and of about the same width."""
    found = _parts(columns, size, _TEXT_WIDTH)
    for width in range(int(_TEXT_WIDTH), 0, -5):
        narrower = _parts(columns, size, width)
        if len(narrower) > len(found):
            break
        found = narrower
    return found


def _parts(columns: Sequence[_Column], size: str, width: float) -> list[list[_Column]]:
    first, *others = columns
    parts = [[first]]
    for column in others:
        if len(parts[-1]) > 1 and _total([*parts[-1], column], size) > width:
            parts.append([first])
        parts[-1].append(column)
    return parts


def _total(columns: Sequence[_Column], size: str) -> float:
    return sum(_points(column, size) for column in columns) + _GAP * (len(columns) - 1)


def _points(column: _Column, size: str) -> float:
    return column.width * _SIZES[size]


def _wrapped(columns: Sequence[_Column], size: str, least: float) -> list[_Column]:
    """Return the columns, the widest texts in as narrow a column as is needed."""
    widths = [_points(column, size) for column in columns]
    texts = [i for i, column in enumerate(columns) if column.form == "l"]
    room = _TEXT_WIDTH - _GAP * (len(columns) - 1) - sum(widths)
    cap = max([widths[i] for i in texts], default=0.0)
    while room < 0 and cap > least:
        cap -= 1
        room += sum(widths[i] - cap for i in texts if widths[i] > cap)
        widths = [min(width, cap) if i in texts else width for i, width in enumerate(widths)]
    found = list(columns)
    for i in texts:
        if widths[i] < _points(columns[i], size):
            form = rf">{{\raggedright\arraybackslash}}p{{{widths[i]:.0f}pt}}"
            found[i] = replace(columns[i], form=form, width=widths[i] / _SIZES[size])
    return found


# ------------------------------------------------------------------ writing


def _written(head: str, size: str, columns: Sequence[_Column], count: int) -> Iterator[str]:
    """Yield the lines of a table; `count` rows stand before the totals."""
    forms = "".join(column.form for column in columns)
    heading = _row([column.heading for column in columns])
    cells = [*zip(*(column.written() for column in columns), strict=True)]
    rows = [*map(_row, cells[:count])]
    totals = [_row(row) for row in cells[count:] if any(row[1:])]
    wrapped = [column.lines() for column in columns if column.form.endswith("pt}")]
    lines = [max(found, default=1) for found in zip(*wrapped, strict=True)] or [1] * len(cells)
    body = [*rows, *([r"\midrule", *totals] if totals else [])]
    setup = rf"\{size}\setlength{{\tabcolsep}}{{{_GAP / 2:g}pt}}"
    setup += r"\sisetup{group-separator={,},group-minimum-digits=4}"
    if sum(lines) > _MOST_ROWS:
        yield from ("{" + setup, r"\setlength{\LTleft}{0pt}\setlength{\LTright}{0pt}")
        yield rf"\begin{{longtable}}{{@{{\extracolsep{{\fill}}}}{forms}@{{}}}}"
        yield from (head + r" \\", r"\toprule", heading, r"\midrule", r"\endfirsthead")
        yield from (r"\toprule", heading, r"\midrule", r"\endhead", r"\bottomrule", r"\endfoot")
        yield from (*body, r"\end{longtable}", "}")
        return
    is_wide = _total(columns, size) > 0.7 * _TEXT_WIDTH
    name, width = ("tabular*", r"{\textwidth}") if is_wide else ("tabular", "")
    fill = r"@{\extracolsep{\fill}}" if is_wide else "@{}"
    yield from (r"\begin{table*}", r"\centering", setup, head)
    yield from (rf"\begin{{{name}}}{width}{{{fill}{forms}@{{}}}}", r"\toprule", heading)
    yield from (r"\midrule", *body, r"\bottomrule", rf"\end{{{name}}}", r"\end{table*}")


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


_TEX = {
    **{char: f"\\{char}" for char in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "`": r"\textasciigrave{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{char: f"{{{char}}}" for char in "[]*"},
    "×": r"$\times$",
    "÷": r"$\div$",
    "≤": r"$\leq$",
    "·": r"$\cdot$",
    "–": "--",
    "\0": "{}",
    "−": "$-$",
    "…": r"\ldots{}",
    "“": "``",
    '"': "''",
}


def tex(text: str, may_break: bool = True) -> str:
    """Escape what LaTeX reads as markup, and let long words break.

    What its fonts may lack is written as the number of the character.
    """
    quoted = re.sub(r'(^|[\s(])"', r"\1“", escape(text))
    return "".join(_word(word, may_break) for word in re.split(r"(\s+)", quoted))


def _word(text: str, may_break: bool) -> str:
    parts = [re.sub("-(?=-)", "-\0", text)]
    if may_break and _width(text) > _LONG_WORD:
        parts = re.findall(r"[A-Za-z0-9]{1,8}[^A-Za-z0-9]?|.", parts[0])
    return r"\allowbreak{}".join("".join(map(_character, part)) for part in parts)


def _character(char: str) -> str:
    if char in _TEX or char.isascii():
        return _TEX.get(char, char)
    return rf"\textbackslash{{}}u{ord(char):04x}"
