"""The gallery: every spec with its figure, its counts, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import netspec
from docs.writers.markdown import escape, fence, page, table, zoo

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "specs").glob("*.yaml"))
FIGURES = "examples/figures"


def pages() -> Iterator[tuple[str, str]]:
    """Yield the paths and texts of the pages."""
    nets = {path.stem: netspec.load(path) for path in SPECS}
    yield "gallery.md", _index(nets)
    for path in SPECS:
        yield f"gallery/{path.stem}.md", _page(path, nets[path.stem])


def _index(nets: dict[str, netspec.Net]) -> str:
    intro = (
        f"{len(nets)} networks as their papers describe them. They come with the program: "
        "`netspec build googlenet -o model.py` writes one as PyTorch, `netspec list` lists them."
    )
    cards = "".join(_card(name, net) for name, net in nets.items())
    return page("Gallery", intro, f'<div class="gallery" markdown>\n\n{cards}</div>')


def _card(name: str, net: netspec.Net) -> str:
    shown, target = net.network.spec.name, f"gallery/{name}.md"
    parts = [
        f"[![{shown}](assets/figures/{name}.svg){{ loading=lazy }}]({target})",
        f"**[{shown}]({target})**",
        _counts(net),
        escape(origin(net)[1]),
    ]
    body = "\n\n".join(part for part in parts if part)
    return f'<div class="card" markdown>\n\n{body}\n\n</div>\n\n'


def origin(net: netspec.Net) -> tuple[str, str]:
    """Return the paper that a spec names, and what is special about it."""
    paper, _, special = " ".join(net.network.spec.doc.split()).partition("; ")
    return paper, special[:1].upper() + special[1:]


def _counts(net: netspec.Net) -> str:
    cost = net.network.totals.inference
    return f"{cost.params:,} parameters, {cost.macs:,} multiply-adds"


def _page(path: Path, net: netspec.Net) -> str:
    totals, name = net.network.totals, net.network.spec.name
    paper, special = origin(net)
    text = path.read_text(encoding="utf-8")
    rows = [("parameters", f"{totals.inference.params:,}")]
    rows += [("multiply-adds of one image", f"{totals.inference.macs:,}")]
    if totals.heads.params:
        rows += [("parameters in training, with heads", f"{totals.training.params:,}")]
    rows += [("lines of the spec", str(len(text.splitlines())))]
    return page(
        name,
        f"{escape(paper)}.",
        f"{escape(special)}." if special else "",
        table(("what", "how many"), rows),
        f"[![{name}](../assets/figures/{path.stem}.svg)](../assets/figures/{path.stem}.svg)",
        "## Spec",
        f"{fence(text, 'yaml', path.name)}\n\n{zoo(path.name)}",
        fence(f"netspec build {path.stem} -o model.py\nnetspec report {path.stem}", "sh"),
        "[The whole gallery](../gallery.md)",
    )
