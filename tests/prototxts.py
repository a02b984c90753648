"""Caffe networks by their published structure, printed in the shapes that real files have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

OLD = {
    "Convolution": "CONVOLUTION",
    "InnerProduct": "INNER_PRODUCT",
    "Pooling": "POOLING",
    "ReLU": "RELU",
    "LRN": "LRN",
    "Dropout": "DROPOUT",
    "Concat": "CONCAT",
    "Softmax": "SOFTMAX",
    "SoftmaxWithLoss": "SOFTMAX_LOSS",
    "Accuracy": "ACCURACY",
    "Data": "DATA",
}
"""Layer types as files from before 2014's change write them."""
XAVIER = {
    "weight_filler": {"type": "xavier", "std": 0.1},
    "bias_filler": {"type": "constant", "value": 0.2},
}
RATES = [{"lr_mult": 1, "decay_mult": 1}, {"lr_mult": 2, "decay_mult": 0}]


class Word(str):
    """A word without quotes."""


def written(fields: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """Yield the lines of a message's fields."""
    space = "  " * depth
    for key, value in fields.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping):
                yield f"{space}{key} {{"
                yield from written(item, depth + 1)
                yield f"{space}}}"
            elif isinstance(item, bool):
                yield f"{space}{key}: {str(item).lower()}"
            elif isinstance(item, str) and not isinstance(item, Word):
                yield f'{space}{key}: "{item}"'
            else:
                yield f"{space}{key}: {item}"


class Prototxt:
    """Layers that read the one above unless they say what."""

    def __init__(self, name: str, is_old: bool = False) -> None:
        self.is_old = is_old
        self.lines = [f'name: "{name}"']
        self.top = "data"

    def __str__(self) -> str:
        return "\n".join(self.lines) + "\n"

    def input(self, *sizes: int) -> None:
        """Write an input of a batch of 10, as old or as new files do."""
        if self.is_old:
            self.lines += ['input: "data"', *(f"input_dim: {size}" for size in (10, *sizes))]
            return
        shape = {"shape": {"dim": [10, *sizes]}}
        self.add("data", "Input", bottom=[], input_param=shape)

    def data(self, crop: int, mean: Sequence[int] = (104, 117, 123)) -> None:
        """Write the data layers of training and of validation."""
        for phase in ("TRAIN", "TEST"):
            change = {"mirror": phase == "TRAIN", "crop_size": crop, "mean_value": [*mean]}
            source = {
                "source": f"examples/imagenet/{phase}",
                "batch_size": 32,
                "backend": Word("LMDB"),
            }
            self.add(
                "data",
                "Data",
                bottom=[],
                top=["data", "label"],
                include={"phase": Word(phase)},
                transform_param=change,
                data_param=source,
            )
        self.top = "data"

    def add(
        self,
        name: str,
        type: str,
        bottom: str | Sequence[str] | None = None,
        top: str | Sequence[str] | None = None,
        **said: Any,
    ) -> str:
        """Write a layer, and return its first top."""
        bottoms = (
            [self.top] if bottom is None else [bottom] if isinstance(bottom, str) else [*bottom]
        )
        tops = [name] if top is None else [top] if isinstance(top, str) else [*top]
        kind = {"type": Word(OLD[type]) if self.is_old else type}
        names = {"bottom": bottoms, "top": tops}
        order = {**names, "name": name, **kind} if self.is_old else {"name": name, **kind, **names}
        self.lines += written({"layers" if self.is_old else "layer": {**order, **said}})
        self.top = tops[0]
        return tops[0]

    def conv(self, name: str, out: int, kernel: Any, bottom: str | None = None, **said: Any) -> str:
        """Write a convolution; a pair of kernels is `kernel_h` and `kernel_w`."""
        sides = {"kernel_size": kernel}
        if isinstance(kernel, tuple):
            sides = {"kernel_h": kernel[0], "kernel_w": kernel[1]}
        rates: dict[str, Any] = {"param": RATES[: 1 + said.get("bias_term", True)]}
        if self.is_old:
            rates = {"blobs_lr": [1, 2], "weight_decay": [1, 0]}
        own = {"num_output": out, **sides, **said}
        return self.add(name, "Convolution", bottom, **rates, convolution_param=own)

    def relu(self, name: str) -> str:
        """Write a ReLU in place."""
        return self.add(name, "ReLU", self.top, self.top)

    def pool(
        self, name: str, kernel: int, stride: int = 1, bottom: str | None = None, **said: Any
    ) -> str:
        own = {"pool": Word("MAX"), "kernel_size": kernel, "stride": stride, **said}
        return self.add(name, "Pooling", bottom, pooling_param=own)

    def mean(
        self, name: str, kernel: int, stride: int = 1, bottom: str | None = None, **said: Any
    ) -> str:
        return self.pool(name, kernel, stride, bottom, pool=Word("AVE"), **said)

    def norm(self, name: str) -> str:
        own = {"local_size": 5, "alpha": 0.0001, "beta": 0.75}
        return self.add(name, "LRN", lrn_param=own)

    def linear(self, name: str, out: int, **said: Any) -> str:
        return (
            self.add(
                name, "InnerProduct", param=RATES, inner_product_param={"num_output": out, **said}
            )
            if not self.is_old
            else self.add(name, "InnerProduct", inner_product_param={"num_output": out, **said})
        )

    def dropout(self, name: str, ratio: float = 0.5) -> str:
        return self.add(name, "Dropout", self.top, self.top, dropout_param={"dropout_ratio": ratio})

    def concat(self, name: str, *bottoms: str) -> str:
        return self.add(name, "Concat", bottoms)

    def prob(self) -> str:
        return self.add("prob", "Softmax")

    def loss(self, name: str, weight: float = 1, bottom: str | None = None) -> None:
        """Write a loss, and the accuracy in validation."""
        read = [bottom or self.top, "label"]
        self.add(name, "SoftmaxWithLoss", read, loss_weight=weight)
        self.add(f"{name}/top-1", "Accuracy", read, include={"phase": Word("TEST")})


# ------------------------------------------------------------------ GoogLeNet

MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
POOLS = {"3b": "pool3/3x3_s2", "4e": "pool4/3x3_s2"}
HEADS = {"4a": "loss1", "4d": "loss2"}


def _inception(net: Prototxt, name: str, widths: Sequence[int]) -> None:
    above, prefix = net.top, f"inception_{name}"

    def unit(part: str, out: int, kernel: int, bottom: str) -> str:
        pad = {"pad": kernel // 2} if kernel > 1 else {}
        net.conv(f"{prefix}/{part}", out, kernel, bottom, **pad, **XAVIER)
        return net.relu(f"{prefix}/relu_{part}")

    ends = [unit("1x1", widths[0], 1, above)]
    ends += [unit("3x3", widths[2], 3, unit("3x3_reduce", widths[1], 1, above))]
    ends += [unit("5x5", widths[4], 5, unit("5x5_reduce", widths[3], 1, above))]
    ends += [unit("pool_proj", widths[5], 1, net.pool(f"{prefix}/pool", 3, 1, above, pad=1))]
    net.concat(f"{prefix}/output", *ends)


def _head(net: Prototxt, name: str) -> None:
    """Write an auxiliary classifier behind the layer above, and go on there."""
    above = net.top
    net.mean(f"{name}/ave_pool", 5, 3)
    net.conv(f"{name}/conv", 128, 1, **XAVIER)
    net.relu(f"{name}/relu_conv")
    net.linear(f"{name}/fc", 1024, **XAVIER)
    net.relu(f"{name}/relu_fc")
    net.dropout(f"{name}/drop_fc", 0.7)
    net.linear(
        f"{name}/classifier",
        1000,
        weight_filler={"type": "xavier"},
        bias_filler={"type": "constant", "value": 0},
    )
    net.loss(f"{name}/loss", 0.3)
    net.top = above


def googlenet(is_deploy: bool = True) -> str:
    """Return BVLC GoogLeNet's deploy.prototxt or train_val.prototxt."""
    net = Prototxt("GoogleNet")
    net.input(3, 224, 224) if is_deploy else net.data(224)
    net.conv("conv1/7x7_s2", 64, 7, pad=3, stride=2, **XAVIER)
    net.relu("conv1/relu_7x7")
    net.pool("pool1/3x3_s2", 3, 2)
    net.norm("pool1/norm1")
    net.conv("conv2/3x3_reduce", 64, 1, **XAVIER)
    net.relu("conv2/relu_3x3_reduce")
    net.conv("conv2/3x3", 192, 3, pad=1, **XAVIER)
    net.relu("conv2/relu_3x3")
    net.norm("conv2/norm2")
    net.pool("pool2/3x3_s2", 3, 2)
    for name, widths in MODULES.items():
        _inception(net, name, widths)
        if name in POOLS:
            net.pool(POOLS[name], 3, 2)
        if name in HEADS and not is_deploy:
            _head(net, HEADS[name])
    net.mean("pool5/7x7_s1", 7)
    net.dropout("pool5/drop_7x7_s1", 0.4)
    net.linear(
        "loss3/classifier",
        1000,
        weight_filler={"type": "xavier"},
        bias_filler={"type": "constant", "value": 0},
    )
    net.prob() if is_deploy else net.loss("loss3/loss3")
    return str(net)


# ------------------------------------------------------------------ others


def alexnet(is_caffenet: bool = False, is_old: bool = False) -> str:
    """Return BVLC AlexNet's deploy.prototxt, or CaffeNet's, which pools before it normalises."""
    net = Prototxt("CaffeNet" if is_caffenet else "AlexNet", is_old)
    net.input(3, 227, 227)
    for number, (out, kernel, said) in enumerate(
        [
            (96, 11, {"stride": 4}),
            (256, 5, {"pad": 2, "group": 2}),
            (384, 3, {"pad": 1}),
            (384, 3, {"pad": 1, "group": 2}),
            (256, 3, {"pad": 1, "group": 2}),
        ],
        1,
    ):
        net.conv(f"conv{number}", out, kernel, **said)
        net.relu(f"relu{number}")
        if number < 3 and not is_caffenet:
            net.norm(f"norm{number}")
        if number in (1, 2, 5):
            net.pool(f"pool{number}", 3, 2)
        if number < 3 and is_caffenet:
            net.norm(f"norm{number}")
    for number in (6, 7):
        net.linear(f"fc{number}", 4096)
        net.relu(f"relu{number}")
        net.dropout(f"drop{number}")
    net.linear("fc8", 1000)
    net.prob()
    return str(net)


FIRES = {2: 16, 3: 16, 4: 32, 5: 32, 6: 48, 7: 48, 8: 64, 9: 64}


def squeezenet(version: str = "1.0") -> str:
    """Return SqueezeNet's deploy.prototxt."""
    net = Prototxt("SqueezeNet")
    is_first = version == "1.0"
    net.input(3, 227, 227)
    filler = {"weight_filler": {"type": "xavier"}}
    net.conv("conv1", 96 if is_first else 64, 7 if is_first else 3, stride=2, **filler)
    net.relu("relu_conv1")
    net.pool("pool1", 3, 2)
    pools = (4, 8) if is_first else (3, 5)
    for number, squeeze in FIRES.items():
        name = f"fire{number}"
        net.conv(f"{name}/squeeze1x1", squeeze, 1, **filler)
        above = net.relu(f"{name}/relu_squeeze1x1")
        net.conv(f"{name}/expand1x1", 4 * squeeze, 1, above, **filler)
        left = net.relu(f"{name}/relu_expand1x1")
        net.conv(f"{name}/expand3x3", 4 * squeeze, 3, above, pad=1, **filler)
        right = net.relu(f"{name}/relu_expand3x3")
        net.concat(f"{name}/concat", left, right)
        if number in pools:
            net.pool(f"pool{number}", 3, 2)
    net.dropout("drop9")
    gaussian = {"type": "gaussian", "mean": 0.0, "std": 0.01}
    net.conv("conv10", 1000, 1, weight_filler=gaussian)
    net.relu("relu_conv10")
    net.add("pool10", "Pooling", pooling_param={"pool": Word("AVE"), "global_pooling": True})
    net.prob()
    return str(net)


def _normed(net: Prototxt, conv: str, names: tuple[str, str], eps: float = 1e-5) -> str:
    """Write the batch normalisation behind a convolution, and the scale and shift behind it."""
    own: dict[str, Any] = {"use_global_stats": True}
    if eps != 1e-5:
        own["eps"] = eps
    net.add(names[0], "BatchNorm", conv, conv, batch_norm_param=own)
    return net.add(names[1], "Scale", conv, conv, scale_param={"bias_term": True})


def resnet(depth: int = 50) -> str:
    """Return ResNet's deploy.prototxt, whose stages stride in their first 1x1 convolution."""
    net = Prototxt(f"ResNet-{depth}")
    net.lines += [
        'input: "data"',
        "input_dim: 1",
        "input_dim: 3",
        "input_dim: 224",
        "input_dim: 224",
    ]
    net.conv("conv1", 64, 7, pad=3, stride=2, **({} if depth == 50 else {"bias_term": False}))
    _normed(net, "conv1", ("bn_conv1", "scale_conv1"))
    net.relu("conv1_relu")
    net.pool("pool1", 3, 2)
    counts = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}[depth]
    for stage, count in enumerate(counts):
        for item in range(count):
            letter = (
                "abcdefgh"[item]
                if depth == 50 or stage in (0, 3)
                else ("a" if not item else f"b{item}")
            )
            _bottleneck(
                net, f"{stage + 2}{letter}", 64 << stage, item == 0, 1 + (stage > 0 and not item)
            )
    net.mean("pool5", 7)
    net.linear("fc1000", 1000)
    net.prob()
    return str(net)


def _bottleneck(net: Prototxt, name: str, width: int, projects: bool, stride: int) -> None:
    above = shortcut = net.top

    def unit(branch: str, out: int, kernel: int, bottom: str, stride: int = 1) -> str:
        said = {"pad": kernel // 2, "stride": stride, "bias_term": False}
        conv = net.conv(f"res{name}_{branch}", out, kernel, bottom, **said)
        return _normed(net, conv, (f"bn{name}_{branch}", f"scale{name}_{branch}"))

    if projects:
        shortcut = unit("branch1", 4 * width, 1, above, stride)
    unit("branch2a", width, 1, above, stride)
    net.relu(f"res{name}_branch2a_relu")
    unit("branch2b", width, 3, net.top)
    net.relu(f"res{name}_branch2b_relu")
    end = unit("branch2c", 4 * width, 1, net.top)
    net.add(f"res{name}", "Eltwise", [shortcut, end])
    net.relu(f"res{name}_relu")


def nin() -> str:
    """Return NIN's prototxt for ImageNet in the form of 2014."""
    net = Prototxt("nin_imagenet", is_old=True)
    net.input(3, 224, 224)
    widths = [
        (96, 11, {"stride": 4}),
        (256, 5, {"pad": 2}),
        (384, 3, {"pad": 1}),
        (1024, 3, {"pad": 1}),
    ]
    relus = iter(range(20))
    for number, (out, kernel, said) in enumerate(widths, 1):
        names = {f"conv{number}" if number < 4 else "conv4-1024": (out, kernel, said)}
        for part in (2 * number - 1, 2 * number):
            last = 1000 if part == 8 else out
            names[f"cccp{part}" if part < 7 else f"cccp{part}-1024"] = (last, 1, {})
        for name, (width, size, more) in names.items():
            net.conv(name, width, size, **more)
            net.relu(f"relu{next(relus)}")
        if number < 4:
            net.pool(f"pool{number}" if number else "", 3, 2)
        if number == 3:
            net.dropout("drop")
    net.mean("pool4", 6)
    net.prob()
    return str(net)


# ------------------------------------------------------------------ Inception-v3


def inception_v3() -> str:
    """Return Inception-v3's deploy.prototxt."""
    net = Prototxt("Inception_v3")
    net.input(3, 299, 299)

    def unit(name: str, out: int, kernel: Any, bottom: str | None = None, **said: Any) -> str:
        if isinstance(kernel, tuple):
            said = {"pad_h": kernel[0] // 2, "pad_w": kernel[1] // 2, **said}
        conv = net.conv(name, out, kernel, bottom, bias_term=False, **said)
        _normed(net, conv, (f"{name}_bn", f"{name}_scale"), 0.001)
        return net.relu(f"{name}_relu")

    unit("conv1_3x3_s2", 32, 3, stride=2)
    unit("conv2_3x3_s1", 32, 3)
    unit("conv3_3x3_s1", 64, 3, pad=1)
    net.pool("pool1_3x3_s2", 3, 2)
    unit("conv4_3x3_reduce", 80, 1)
    unit("conv4_3x3", 192, 3)
    above = net.pool("pool2_3x3_s2", 3, 2)
    for number, width in enumerate((32, 64, 64), 1):
        p = f"inception_a{number}"
        ends = [unit(f"{p}_1x1_2", 64, 1, above)]
        unit(f"{p}_5x5_reduce", 48, 1, above)
        ends += [unit(f"{p}_5x5", 64, 5, pad=2)]
        unit(f"{p}_3x3_reduce", 64, 1, above)
        unit(f"{p}_3x3_1", 96, 3, pad=1)
        ends += [unit(f"{p}_3x3_2", 96, 3, pad=1)]
        net.mean(f"{p}_pool", 3, 1, above, pad=1)
        ends += [unit(f"{p}_1x1", width, 1)]
        above = net.concat(f"{p}_concat", *ends)
    left = unit("reduction_a_3x3", 384, 3, above, stride=2)
    unit("reduction_a_3x3_2_reduce", 64, 1, above)
    unit("reduction_a_3x3_2", 96, 3, pad=1)
    right = unit("reduction_a_3x3_3", 96, 3, stride=2)
    pool = net.pool("reduction_a_pool", 3, 2, above)
    above = net.concat("reduction_a_concat", left, right, pool)
    for number, width in enumerate((128, 160, 160, 192), 1):
        p = f"inception_b{number}"
        ends = [unit(f"{p}_1x1_2", 192, 1, above)]
        unit(f"{p}_1x7_reduce", width, 1, above)
        unit(f"{p}_1x7", width, (1, 7))
        ends += [unit(f"{p}_7x1", 192, (7, 1))]
        unit(f"{p}_7x1_reduce", width, 1, above)
        unit(f"{p}_7x1_2", width, (7, 1))
        unit(f"{p}_1x7_2", width, (1, 7))
        unit(f"{p}_7x1_3", width, (7, 1))
        ends += [unit(f"{p}_1x7_3", 192, (1, 7))]
        net.mean(f"{p}_pool_ave", 3, 1, above, pad=1)
        ends += [unit(f"{p}_1x1", 192, 1)]
        above = net.concat(f"{p}_concat", *ends)
    unit("reduction_b_3x3_reduce", 192, 1, above)
    left = unit("reduction_b_3x3", 320, 3, stride=2)
    unit("reduction_b_1x7_reduce", 192, 1, above)
    unit("reduction_b_1x7", 192, (1, 7))
    unit("reduction_b_7x1", 192, (7, 1))
    right = unit("reduction_b_3x3_2", 192, 3, stride=2)
    pool = net.pool("reduction_b_pool", 3, 2, above)
    above = net.concat("reduction_b_concat", left, right, pool)
    for number in (1, 2):
        p = f"inception_c{number}"
        ends = [unit(f"{p}_1x1_2", 320, 1, above)]
        fork = unit(f"{p}_1x3_reduce", 384, 1, above)
        ends += [unit(f"{p}_1x3", 384, (1, 3), fork), unit(f"{p}_3x1", 384, (3, 1), fork)]
        unit(f"{p}_3x3_reduce", 448, 1, above)
        fork = unit(f"{p}_3x3", 384, 3, pad=1)
        ends += [unit(f"{p}_1x3_2", 384, (1, 3), fork), unit(f"{p}_3x1_2", 384, (3, 1), fork)]
        net.mean(f"{p}_pool", 3, 1, above, pad=1)
        ends += [unit(f"{p}_1x1", 192, 1)]
        above = net.concat(f"{p}_concat", *ends)
    net.mean("pool_8x8_s1", 8)
    net.dropout("pool_8x8_s1_drop", 0.2)
    net.linear("classifier", 1000)
    net.prob()
    return str(net)
