"""One page for each op, from its class, and a network that uses it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path

import yaml

import netspec
from docs.writers.markdown import code, escape, fence, page, specimen, table
from netspec.emit.opsdoc import argument, shape_rule, work
from netspec.graph.model import path
from netspec.language.schema.ops import describe, link, signature
from netspec.ops.base import REGISTRY, Op
from netspec.ops.window import times

EXAMPLES = Path(__file__).parents[1] / "op_examples.yaml"


def pages() -> Iterator[tuple[str, str]]:
    """Yield the paths and texts of the pages."""
    examples = yaml.safe_load(EXAMPLES.read_text(encoding="utf-8"))
    yield "ops/index.md", _index()
    for name, cls in REGISTRY.items():
        text = spec(*examples[name])
        net = netspec.loads(text)
        picture = ""
        if any(len(node.inputs) > 1 for node in net.network.graph.nodes.values()):
            yield f"assets/ops/{name}.svg", net.to_svg(page="none")
            picture = f"![The network of the example](../assets/ops/{name}.svg){{ .small }}"
        yield f"ops/{name}.md", _page(cls, text, net, picture)


def spec(inputs: str, *layers: str) -> str:
    """Return the spec of an example: its inputs, and its layers."""
    output = layers[-1].partition(":")[0]
    graph = "".join(f"  {layer}\n" for layer in layers)
    head = f"netspec: 1\nname: Net\ninputs: {{{inputs}}}\n"
    return f"{head}graph:\n{graph}outputs: {{y: {output}}}\n"


def _index() -> str:
    kinds: dict[str, list[type[Op]]] = {}
    for cls in REGISTRY.values():
        kinds.setdefault(cls.style, []).append(cls)
    parts = []
    for kind, classes in kinds.items():
        rows = [(f"[`{cls.op_name}`]({cls.op_name}.md)", _summary(cls)) for cls in classes]
        parts += [f"## {kind.capitalize()}", table(("op", "what it does"), rows)]
    intro = (
        f"The {len(REGISTRY)} ops that are built in. They have the names, the arguments and the "
        "defaults of PyTorch. `netspec ops` prints this list, and `netspec ops conv2d` one page. "
        "An op of your own needs [one class](../howto/own_ops.md)."
    )
    return page("Ops", intro, *parts)


def _summary(cls: type[Op]) -> str:
    return escape(describe(cls).partition("\n")[0])


def _page(cls: type[Op], text: str, net: netspec.Net, picture: str) -> str:
    call = f"{cls.op_name}: [{signature(cls)}]" if cls.model_fields else cls.op_name
    where = link(cls)
    module = f"[`{cls.module}`]({where})" if where else code(cls.module)
    about = [escape(" ".join(each.split())) for each in describe(cls).split("\n\n")]
    return page(
        code(cls.op_name),
        *about,
        fence(textwrap.fill(call, 76, subsequent_indent=" " * (len(cls.op_name) + 3)), "yaml"),
        f"In PyTorch: {module}. [All ops](index.md).",
        *_arguments(cls),
        *_lines("## Shape", shape_rule(cls)),
        *_lines("## Tensors, and work for one image", work(cls)),
        "## Example",
        specimen(text),
        picture,
        _result(net),
    )


def _arguments(cls: type[Op]) -> list[str]:
    if not cls.model_fields:
        return []
    rows = []
    for name, field in cls.model_fields.items():
        what, wanted, default = argument(field).rsplit("; ", 2)
        default = default.removeprefix("default ")
        rows.append((code(name), escape(what), escape(wanted), escape(default)))
    return ["## Arguments", table(("argument", "what it is", "takes", "default"), rows)]


def _lines(title: str, lines: list[str]) -> list[str]:
    """Write a section of lines, unless there is nothing that the page has not said yet."""
    return [title, fence("\n".join(lines))] if lines not in ([], ["see above"]) else []


def _result(net: netspec.Net) -> str:
    """Say what comes out of an example, as the program counts it."""
    rows = []
    for node in net.network.graph.nodes.values():
        cost, shape = net.network.costs[node.id], times(net.network.shapes[node.id])
        called = (code(path(node.id)), code(node.call.op.op_name))
        rows.append((*called, shape, f"{cost.params:,}", f"{cost.macs:,}"))
    return table(("layer", "op", "shape", "parameters", "multiply-adds"), rows)
