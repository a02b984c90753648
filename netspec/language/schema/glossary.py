"""What each argument of an op and each key of the language means, in one line."""

from __future__ import annotations

ARGUMENTS = {
    "affine": "whether a learnt scale and shift follow the normalisation",
    "align_corners": "whether the corner elements keep their values",
    "alpha": "the scale of the negative part, or the weight of the neighbours' squares",
    "approximate": "`tanh` for the faster approximation of GELU",
    "beta": "the steepness, or the exponent of the normalisation",
    "bias": "whether a learnt bias is added",
    "ceil_mode": "round the output's size up, so that the last window may overhang",
    "chunks": "into how many equal pieces",
    "count_include_pad": "whether the padding counts in the mean",
    "dilation": "the step between the elements of the window",
    "dim": "the dimension; 0 is the batch, 1 the channels",
    "dims": "the dimensions in their new order; 0 is the batch",
    "divisor_override": "what the sum of a window is divided by, in place of its size",
    "downscale_factor": "how much smaller height and width become",
    "elementwise_affine": "whether a learnt scale follows the normalisation",
    "end_dim": "the last dimension to fold; -1 is the last one there is",
    "eps": "what is added to the variance for stability",
    "factor": "what every element is multiplied by",
    "groups": "into how many groups the channels are split",
    "init": "the slope that training starts at",
    "inplace": "overwrite the input",
    "k": "what is added to the sum of squares",
    "keepdim": "whether the dimensions stay, with the size 1",
    "kernel_size": "the size of the window, one number or one for each spatial dimension",
    "length": "how many elements are kept",
    "mode": "how values between or beyond the elements are made",
    "momentum": "how fast the running statistics follow; null: a plain average",
    "negative_slope": "the slope for negative values",
    "normalized_shape": "the sizes of the last dimensions, over which is normalised",
    "num_groups": "into how many groups the channels are split",
    "num_parameters": "1, or one learnt slope for each channel",
    "out_channels": "how many feature maps come out",
    "out_features": "how many numbers come out",
    "output_padding": "what is added to one side of the output's size",
    "output_size": "the size of the output, one number or one for each spatial dimension",
    "p": "the probability of dropping",
    "pad": "how much is added at each end, the last dimension first",
    "padding": "how much is added around the input",
    "padding_mode": "what the padding holds",
    "scale_factor": "how much larger height and width become",
    "size": "a size: of the window over channels, of the output, or of the new shape",
    "split_size_or_sections": "the size of each piece, or the list of their sizes",
    "start_dim": "the first dimension to fold; 0 is the batch",
    "start": "the first element that is kept; negative: counted from the end",
    "stride": "the step of the window",
    "threshold": "above it the function is the identity",
    "track_running_stats": "whether running statistics are kept for inference",
    "upscale_factor": "how much larger height and width become",
    "value": "what a constant padding holds",
}

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
