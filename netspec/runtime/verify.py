"""Run a generated module in a fresh process and compare it with what the compiler inferred.

The parent imports no torch. The child runs this file: it reads the source and the inputs from
standard input, runs the module on the meta device with two images (batch normalization of a 1×1
map refuses one in training), and prints what it measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from netspec.analysis.network import Network
from netspec.graph.model import GraphOutput, path
from netspec.ops.base import INTEGER, REAL
from netspec.runtime.installed import require

Measured = dict[str, Any]


def verify(network: Network, source: str) -> list[str]:
    """Return each way in which a generated module differs from the network, as a line of text.

    Raises NotInstalledError where torch is not installed.
    """
    require("the verification", ["torch"])
    # Isolated (-I): neither the user's modules nor variables change what is measured.
    child = subprocess.run(
        [sys.executable, "-I", "-c", CHILD],
        input=order(network, source),
        capture_output=True,
        text=True,
    )
    if child.returncode:
        return child.stderr.strip().splitlines()[-3:] or ["the module does not run"]
    return differences(network, json.loads(child.stdout))


def order(network: Network, source: str) -> str:
    """Return what the child reads: the module, and the inputs to run it with."""
    integers = network.graph.integers
    inputs = [
        [list(shape), INTEGER if name in integers else REAL]
        for name, shape in network.graph.inputs.items()
    ]
    # What the user let it import stands where this process finds it.
    places = sys.path if network.spec.ops else []
    said = {"source": source, "model": network.spec.name, "inputs": inputs, "path": places}
    return json.dumps(said | {"layers": [*_own(network)]})


def differences(network: Network, found: Measured) -> list[str]:
    """Return what was measured otherwise than inferred, as lines of text."""
    wanted = expected(network)
    return [
        f"  {key}: inferred {wanted[key]}, measured {found[key]}"
        for key in wanted
        if wanted[key] != found[key]
    ]


def expected(network: Network) -> Measured:
    """Return what the compiler inferred, in the form in which the child measures it."""
    inference = [o for o in network.graph.outputs if not o.train_only]
    return {
        "outputs": [_shape(network, output) for output in inference],
        "training outputs": [_shape(network, output) for output in network.graph.outputs],
        "parameters": network.totals.training.params,
        "macs": network.totals.inference.macs,
        "macs with heads": network.totals.training.macs,
        "state_dict": state(network),
        "layers": _own(network),
    }


def _own(network: Network) -> dict[str, list[int]]:
    """Return what modules of the user's own give, of which only a spec or its ops say the shape."""
    classes = (*network.spec.ops.values(),)
    nodes = [x for x in network.graph.nodes.values() if isinstance(x.op, classes)]
    return {path(x.owner): list(network.shapes[x.id]) for x in nodes if x.op.is_module}


def _shape(network: Network, output: GraphOutput) -> list[int]:
    return list(network.shapes[output.node])


def state(network: Network) -> Measured:
    """Return the tensors of the state_dict: key → shape, sorted by key."""
    return {key: list(shape) for key, shape in sorted(network.tensors().items())}


CHILD = """
import json, sys, warnings
warnings.simplefilter("ignore")
import torch
from torch.utils.flop_counter import FlopCounterMode
order = json.load(sys.stdin)
sys.path += order["path"]
scope = {"__name__": "generated"}
exec(compile(order["source"], "<generated>", "exec"), scope)
with torch.device("meta"):
    model = scope[order["model"]]()
    inputs = [
        torch.empty(2, *shape, dtype=getattr(torch, dtype)) for shape, dtype in order["inputs"]
    ]
layers = {}
def watch(name):
    def note(module, given, result):
        layers[name] = list(result.shape[1:])
    model.get_submodule(name).register_forward_hook(note)
for name in order["layers"]:
    watch(name)
def run(training):
    model.train(training)
    with FlopCounterMode(display=False) as counter:
        result = model(*inputs)
    tensors = [result] if isinstance(result, torch.Tensor) else [t for t in result if t is not None]
    return [list(t.shape[1:]) for t in tensors], counter.get_total_flops() // 4
outputs, macs = run(False)
training_outputs, training_macs = run(True)
print(json.dumps({
    "outputs": outputs,
    "training outputs": training_outputs,
    "parameters": sum(p.numel() for p in model.parameters()),
    "macs": macs,
    "macs with heads": training_macs,
    "layers": layers,
    "state_dict": {k: list(v.shape) for k, v in sorted(model.state_dict().items())},
}))
"""
