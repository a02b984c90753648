"""The gallery: every spec with its figure, its counts, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import netspec
from docs.writers.markdown import escape, fence, page, table, zoo
from netspec.emit.zoo import paper
from netspec.language.shipped import file_of, names, origin

FIGURES = Path(__file__).parents[2] / "examples/figures"


def pages() -> Iterator[tuple[str, str]]:
    """Yield the paths and texts of the pages."""
    nets = {name: netspec.load(file_of(name)) for name in names()}
    yield "gallery.md", _index(nets)
    for name, net in nets.items():
        yield f"gallery/{name}.md", _page(file_of(name), net)


def _index(nets: dict[str, netspec.Net]) -> str:
    intro = (
        f"{len(nets)} published networks, and variants of them. They come with netspec: "
        "`netspec build googlenet -o model.py` writes one as PyTorch, `netspec list` lists them."
    )
    cards = "".join(_card(name, net) for name, net in nets.items())
    return page("Gallery", intro, f'<div class="gallery" markdown>\n\n{cards}</div>')


def _card(name: str, net: netspec.Net) -> str:
    shown, target = net.network.spec.name, f"gallery/{name}.md"
    authors, year, _ = paper(net.network)
    parts = [
        f"[![{shown}](assets/figures/{name}.svg){{ loading=lazy }}]({target})",
        f"**[{shown}]({target})**, {escape(authors)} {year}",
        _counts(net),
        _sentence(origin(net.network.spec.doc)[1]),
    ]
    body = "\n\n".join(part for part in parts if part)
    return f'<div class="card" markdown>\n\n{body}\n\n</div>\n\n'


def _sentence(text: str) -> str:
    return f"{escape(text[:1].upper() + text[1:])}."


def _counts(net: netspec.Net) -> str:
    cost = net.network.totals.inference
    return f"{cost.params:,} parameters, {cost.macs:,} multiply-adds"


def _page(path: Path, net: netspec.Net) -> str:
    totals, name = net.network.totals, net.network.spec.name
    source, special = map(_sentence, origin(net.network.spec.doc))
    text, picture = path.read_text(encoding="utf-8"), f"../assets/figures/{path.stem}.svg"
    is_page = (FIGURES / f"{path.stem}.html").is_file()
    rows = [("parameters", f"{totals.inference.params:,}")]
    rows += [("multiply-adds of one image", f"{totals.inference.macs:,}")]
    if totals.heads.params:
        rows += [("parameters in training, with heads", f"{totals.training.params:,}")]
    rows += [("lines of the spec", str(len(text.splitlines())))]
    return page(
        name,
        f"{source} {special}",
        table(("what", "how many"), rows),
        f"[![{name}]({picture})]({picture})",
        f"[The same as a page to explore]({picture.replace('.svg', '.html')})" if is_page else "",
        "## Spec",
        f"{fence(text, 'yaml', path.name)}\n\n{zoo(path.name)}",
        fence(f"netspec build {path.stem} -o model.py\nnetspec report {path.stem}", "sh"),
        "[The whole gallery](../gallery.md)",
    )
