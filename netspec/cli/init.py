"""`netspec init`: write a first spec."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path

from netspec.cli import outputs
from netspec.cli.arguments import add_force
from netspec.cli.exits import Exit, Failure
from netspec.language.names import check_name
from netspec.text.diagnostics import Sink, Source, Span

_TEMPLATE = """\
# A first spec: `netspec check {file}` says what is wrong with it,
# `netspec build {file} -o {stem}.py` writes it as a PyTorch module,
# and `netspec ops` lists what a layer can be. For completion in an editor, run
# `netspec schema > netspec.language.schema.json`, and begin this file with the comment
# `yaml-language-server: $schema=netspec.language.schema.json`.
netspec: 1
name: {name}
params: {{classes: 10}}                 # what may differ, used as $classes; `--set classes=100`
inputs: {{image: [3, 32, 32]}}          # without the batch, channels first

blocks:                               # Capitalised: defined here. lower_case: built in.
  ConvBN:
    params: [out, stride=1]
    chain:
      conv: {{conv2d: [$out, 3], stride: $stride, padding: 1, bias: false}}
      norm: batch_norm2d
      relu: relu

graph:                                # a layer reads the line above unless it says `from:`
  stem:  {{ConvBN: 32}}
  down1: {{ConvBN: [64, 2],  shape: [64, 16, 16]}}  # `shape:` is checked, never needed
  body:  {{ConvBN: 64}}
  skip:  {{add: [], from: [body, down1]}}
  down2: {{ConvBN: [128, 2], shape: [128, 8, 8]}}
  pool:  {{adaptive_avg_pool2d: 1}}
  flat:  flatten
  fc:    {{linear: $classes}}

outputs:
  logits: fc

expect: {{params: <=200K, macs: <=25M}}  # what must hold of the whole network
"""


def _named(stem: str) -> tuple[str, str]:
    """Return the name of the network in a file, and what is wrong with it, nothing if it is fit."""
    name, sink = "".join(part[:1].upper() + part[1:] for part in stem.split("_")), Sink()
    check_name(sink, name, Span(Source("", ""), 0, 0), "network")
    return name, next((item.message for item in sink.items), "")


def _better(stem: str) -> str:
    """Return a stem whose network can have its name, as near to another as can be."""
    from netspec.importer.naming import legal

    found = legal(stem, "net")
    return f"{found}_net" if _named(found)[1] else found


def add(parser: ArgumentParser) -> None:
    parser.add_argument(
        "name", help="the network's name; the file is NAME.yaml, and is never replaced unasked"
    )
    add_force(parser)


def run(options: Namespace) -> int:
    path = Path(options.name.removesuffix(".yaml") + ".yaml")
    name, fault = _named(path.stem)
    if fault:
        better = path.with_name(_better(path.stem))
        way = f"`netspec init {shlex.quote(str(better))}` writes {better}.yaml"
        raise Failure(f"{fault}; {way}", Exit.USAGE)
    text = _TEMPLATE.format(name=name, file=path.name, stem=path.stem)
    outputs.write([outputs.Output(str(path), "yaml", text.encode(), name)], force=options.force)
    return 0
