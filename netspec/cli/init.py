"""`netspec init`: write a first spec."""

from __future__ import annotations

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


def add(parser: ArgumentParser) -> None:
    parser.add_argument(
        "name", help="the network's name; the file is NAME.yaml, and is never replaced unasked"
    )
    add_force(parser)


def run(options: Namespace) -> int:
    path = Path(options.name.removesuffix(".yaml") + ".yaml")
    name = "".join(part[:1].upper() + part[1:] for part in path.stem.split("_"))
    sink = Sink()
    if not check_name(sink, name, Span(Source("", ""), 0, 0), "network"):
        item = sink.items[0]
        raise Failure(f"{item.message}; {item.help}", Exit.USAGE)
    text = _TEMPLATE.format(name=name, file=path.name, stem=path.stem)
    outputs.write([outputs.Output(str(path), "yaml", text.encode(), name)], force=options.force)
    return 0
