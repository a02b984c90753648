"""The network as one HTML file to explore offline: zoom, pan, open and close blocks, search.

`emit/outline.py` says what the page shows; the files of `data/page/` draw it. Nothing is fetched:
the policy allows this script and this style, by their digests, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import pkgutil
from collections.abc import Sequence
from html import escape

from netspec.analysis.network import Network
from netspec.emit.diagram.numbers import total_text
from netspec.emit.outline import HEAT, colours, outlined, whole
from netspec.emit.palette import Fill, mixed

SCRIPTS = ("model", "tiles", "series", "columns", "drawing", "view", "panels", "search", "export")
"""The files of the script, in the order in which they stand in the page; `start` ends it."""
HEAT_ENDS = {"light": ("#f4f6f8", "#e8590c"), "dark": ("#20262d", "#b8430a")}
"""From nothing to the most; the text is legible on either."""

_PAGE = """<!DOCTYPE html>
<html lang="en" data-theme="light" data-colour="kind">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" \
content="default-src 'none'; style-src {style_digest}; script-src {script_digest}">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{title}</h1><span class="totals">{totals}</span>
<span class="search"><input id="search" type="search" \
placeholder="search ( / )" aria-label="search names, ops, arguments and lines of the spec">
<span id="count" aria-live="polite"></span>
<button data-key="p" aria-label="previous match">↑</button>\
<button data-key="n" aria-label="next match">↓</button></span>
<span class="tools" role="toolbar" aria-label="view">
<button data-key="e">open all (e)</button><button data-key="c">close all (c)</button>
<button data-key="+" aria-label="zoom in">+</button>\
<button data-key="-" aria-label="zoom out">−</button><button data-key="f">fit (f)</button>
<button data-key="m" id="colour">colour: kind (m)</button>
<button data-key="l" aria-pressed="true">legend (l)</button>\
<button data-key="t">theme (t)</button>
<button data-key="s">SVG (s)</button><button data-key="g">PNG (g)</button></span>
</header>
<main id="stage"><svg role="tree" aria-label="{title}"></svg></main>
<aside id="legend" aria-label="legend" hidden></aside>
<aside id="details" aria-label="details" tabindex="-1" hidden></aside>
<div id="about" role="tooltip"></div>
<noscript>This page draws with JavaScript, which is switched off.</noscript>
<script type="application/json" id="network">{data}</script>
<script>{script}</script>
</body>
</html>
"""


def to_html(network: Network) -> str:
    """Return the network as a page that fetches nothing and opens offline."""
    root = whole(network)
    text = json.dumps(outlined(network, root), ensure_ascii=False, separators=(",", ":"))
    script, style = _script(), _style(colours(root))
    return _PAGE.format(
        title=escape(network.graph.name),
        totals=escape(total_text(network).partition(" · ")[2]),
        # Inside a script element only "<" can end it or open a comment.
        data=text.replace("<", "\\u003c"),
        style=style,
        style_digest=_digest(style),
        script=script,
        script_digest=_digest(script),
    )


def _digest(text: str) -> str:
    """Return how a policy names an inline script or style."""
    found = base64.b64encode(hashlib.sha256(text.encode()).digest())
    return f"'sha256-{found.decode()}'"


def _asset(name: str) -> str:
    data = pkgutil.get_data("netspec", f"data/page/{name}")
    assert data is not None
    return data.decode()


def _script() -> str:
    return '"use strict";\n' + "\n".join(_asset(f"{name}.js") for name in (*SCRIPTS, "start"))


def _style(fills: Sequence[Fill]) -> str:
    """Return the style, with these fills and that of each step of the scale of costs."""
    night = ':root[data-theme="dark"] svg'
    rules = [f"svg .{fill.key} {{ fill: {fill.light}; }}\n" for fill in fills]
    rules += [f"{night} .{fill.key} {{ fill: {fill.dark}; }}\n" for fill in fills]
    for theme, ends in HEAT_ENDS.items():
        scope = f':root[data-theme="{theme}"] svg'
        steps = [mixed(*ends, i / (HEAT - 1)) for i in range(HEAT)]
        rules += [f"{scope} .heat{i} {{ fill: {step}; }}\n" for i, step in enumerate(steps)]
    return _asset("style.css") + "".join(rules)
