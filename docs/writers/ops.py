"""One page for each op, from its class, and a network that uses it."""

from __future__ import annotations

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
        yield f"ops/{name}.md", _page(cls, spec(*examples[name]))


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


def _page(cls: type[Op], text: str) -> str:
    call = f"{cls.op_name}: [{signature(cls)}]" if cls.model_fields else cls.op_name
    where = link(cls)
    module = f"[`{cls.module}`]({where})" if where else code(cls.module)
    about = [escape(" ".join(each.split())) for each in describe(cls).split("\n\n")]
    return page(
        code(cls.op_name),
        *about,
        fence(call, "yaml"),
        f"In PyTorch: {module}. [All ops](index.md).",
        *_arguments(cls),
        "## Shape",
        fence("\n".join(shape_rule(cls))),
        *_work(cls),
        "## Example",
        specimen(text),
        *_result(text),
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


def _work(cls: type[Op]) -> list[str]:
    lines = work(cls)
    title = "## Tensors, and work for one image"
    return [title, fence("\n".join(lines))] if lines else []


def _result(text: str) -> list[str]:
    """Say what comes out of an example, as the program counts it."""
    network = netspec.loads(text).network
    rows = []
    for node in network.graph.nodes.values():
        cost = network.costs[node.id]
        rows.append(
            (
                code(path(node.id)),
                code(node.call.op.op_name),
                times(network.shapes[node.id]),
                f"{cost.params:,}",
                f"{cost.macs:,}",
            )
        )
    return [table(("layer", "op", "shape", "parameters", "multiply-adds"), rows)]
