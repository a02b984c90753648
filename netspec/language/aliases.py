"""What other frameworks call an op or an argument → what it is called here."""

from __future__ import annotations

import re
from collections.abc import Iterable

from netspec.ops.base import REGISTRY

_OPS = {
    "linear": "fc dense innerproduct fullyconnected affine lineartransform gemm",
    "conv": "convolution depthwiseconv dwconv separableconv conv2dlayer",
    "convtranspose": "deconv deconvolution convtransposed transposedconv transposeconv upconv",
    "batchnorm": "bn batchnormalization batchnormalisation syncbatchnorm",
    "layernorm": "ln layernormalization layernormalisation",
    "groupnorm": "gn groupnormalization groupnormalisation",
    "instancenorm": "instancenormalization instancenormalisation",
    "localresponsenorm": "lrn localresponsenormalization crossmaplrn responsenorm",
    "maxpool": "maxpooling pool pooling",
    "avgpool": "averagepooling averagepool avgpooling meanpool meanpooling",
    "globalavgpool": "gap globalaveragepooling globalaveragepool globalpool globalavgpooling",
    "adaptiveavgpool": "adaptiveaveragepool adaptivepool",
    "adaptivemaxpool": "globalmaxpool globalmaxpooling",
    "concat": "concatenate cat merge route depthconcat filterconcat",
    "add": "sum plus eltwise elementwise residual shortcut addition",
    "mul": "multiply prod times product",
    "interpolate": "upsample upsampling resize unpool unpooling upsamplingnearest",
    "flatten": "squeeze ravel view",
    "reshape": "view unflatten",
    "permute": "transpose movedim swapaxes",
    "dropout": "drop spatialdropout",
    "stochasticdepth": "droppath dropconnect",
    "pad": "zeropad zeropadding padding constantpad",
    "identity": "noop none skip pass passthrough",
    "silu": "swish sigmoidlinearunit",
    "hardswish": "hswish",
    "hardsigmoid": "hsigmoid",
    "leakyrelu": "lrelu",
    "relu": "rectifier rectifiedlinear activation act nonlinearity",
    "pixelshuffle": "depthtospace",
    "pixelunshuffle": "spacetodepth",
    "channelshuffle": "shuffle",
    "narrow": "slice",
    "select": "index pick",
    "centercrop": "crop",
    "matmul": "bmm mm dot einsum",
    "multiheadattention": "attention mha selfattention multiheadattn multiheadselfattention",
    "scaleddotproductattention": "sdpa dotproductattention",
    "embedding": "embed lookup tokenembedding",
    "constant": "buffer registerbuffer tensor",
    "expand": "broadcast broadcastto tile repeatinterleave",
    "gather": "take indexselect",
    "sub": "subtract minus difference",
    "div": "divide quotient truediv",
    "neg": "negative negate",
    "clamp": "clip hardtanh",
    "pow": "power square",
    "normalize": "l2norm l2normalize lpnorm",
    "rmsnorm": "rms rmsnormalization",
    "parameter": "variable weight",
    "scale": "rescale multiplyby",
}
_MEANT: dict[str, list[str]] = {}
for _op, _words in _OPS.items():
    for _word in _words.split():
        _MEANT.setdefault(_word, []).append(_op)
_SYNONYMS = [
    set(words.split())
    for words in (
        "outchannels outfeatures filters numoutput nout out channels planes units features width "
        "cout outputs outplanes numfilters outdim output outputdim c n",
        "kernelsize kernel ksize k window poolsize kernelshape size filtersize",
        "stride strides s step subsample",
        "padding pad pads p border",
        "dilation dilations dilationrate",
        "groups group g numgroups",
        "bias usebias biasterm hasbias withbias",
        "p rate prob dropout ratio dropoutratio keepprob probability",
        "dim axis dimension",
        "eps epsilon",
        "negativeslope alpha slope",
        "scalefactor scale factor",
        "from input inputs bottom source sources reads parents inbound",
        "repeat repeats times copies count number",
        "shape outputshape outshape expect",
    )
]


def plain(name: str) -> str:
    """Return a name without its module, capitals and signs: `nn.Conv2d` is `conv2d`."""
    return re.sub(r"[^a-z0-9]", "", name.rpartition(".")[2].lower())


def ops_meant(name: str, rank: int | None) -> list[str]:
    """Return the ops that another framework calls so; `rank` is that of what they read, if known.

    Of several that differ in their dimensions it is the one that fits.
    """
    word = plain(name)
    stem = re.sub(r"layer$|[123]d$", "", word)
    for texts in ([word], _MEANT.get(word, []), [stem], _MEANT.get(stem, [])):
        if found := [op for text in texts for op in _called(text, word, rank)]:
            return found
    return []


def _called(text: str, word: str, rank: int | None) -> list[str]:
    """Return the ops that have a plain name, in the dimensions that a longer word ends with."""
    digits = re.search(r"[123]d$", word)
    wanted = [f"{text}{digits[0]}"] if digits else []
    found = [op for op in REGISTRY if plain(op) in (text, *wanted)]
    same = [op for op in REGISTRY if text and re.fullmatch(rf"{text}[123]d", plain(op))]
    fitting = [op for op in same if REGISTRY[op].rank == rank or op[-2:] == f"{(rank or 0) - 1}d"]
    return found[-1:] or fitting[:1] or same


def argument_meant(name: str, params: Iterable[str]) -> str:
    """Return the parameter that another name stands for, or nothing."""
    known = {plain(param): param for param in params}
    word = plain(name)
    if word in known:
        return known[word]
    groups = (group for group in _SYNONYMS if word in group)
    return next((known[text] for group in groups for text in known if text in group), "")
