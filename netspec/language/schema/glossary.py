"""What each key of the language means, in one line."""

from __future__ import annotations

SECTIONS = {
    "netspec": "the version of the language",
    "name": "the network's name, capitalised; the generated class gets it",
    "doc": "what the network is, for people",
    "params": "the numbers that `--set` and constructor arguments can change, used as `$name`",
    "inputs": "the inputs, each with its shape without the batch, channels first",
    "init": "how the tensors of each op are filled at the start, by functions of torch.nn.init",
    "blocks": "the blocks of this file, capitalised, used like ops",
    "graph": "the layers; each reads the line above unless it says `from:`",
    "outputs": "the results: the name of a layer, or a head with `from:`",
    "expect": "what must hold of the whole network, checked at compile time",
}

VARIANT = {
    "netspec": SECTIONS["netspec"],
    "extends": "the spec that this one patches, a path relative to this file",
    "name": "the variant's own name",
    "doc": "what the variant is, for people",
    "params": "other values for parameters of the extended spec",
    "init": "how the tensors of each op are filled, in place of the extended spec's `init`",
    "change": "layers that replace others: graph.NAME, blocks.BLOCK.NAME or outputs.NAME",
    "insert": "new layers, each `after:` or `before:` another one",
    "remove": "the paths of layers that go",
    "expect": "what must hold of the variant",
}

LAYER = {
    "from": "what the layer reads in place of the line above: a name, or a list of names",
    "shape": "the output's shape without the batch, checked at compile time; null is any size",
    "when": "`train`: runs only in training; or a condition for being there, `$stride != 1`",
    "weight": "the weight of the output in the total loss",
    "repeat": "how many copies stand one behind the other",
    "first": "arguments that the first of the copies gets in place of the others'",
    "init": "how the layer's tensors are filled: `zeros_`, `{bias: {constant_: 0.2}}`",
    "share": "another layer of the same chain, whose weights this call uses too",
    "doc": "what the layer is, for people",
}

BLOCK = {
    "doc": "what the block is, for people",
    "params": "the block's parameters: `[out, kernel, stride=1]`",
    "inputs": "the names of the inputs, if there is more than one",
    "outputs": "the layers that a use of the block can be read for, as `use.layer`",
    "chain": "layers one after the other",
    "parallel": "chains that all start at the block's input",
    "join": "how the ends of `parallel` come together",
}

METRICS = {
    "params": "learnt parameters in inference",
    "macs": "multiply-adds for one input in inference",
    "depth": "the most layers with parameters on a path",
    "train_params": "learnt parameters with the training-only heads",
    "train_macs": "multiply-adds with the training-only heads",
}

PLACE = {
    "after": "the layer that the new one follows",
    "before": "the layer that the new one precedes",
}
