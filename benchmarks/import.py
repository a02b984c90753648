"""Import torchvision's classifiers, and timm's if it is installed: `python benchmarks/import.py`.

A line for each: whether it computes the same bit for bit, in inference for one image and three, and
in training under one seed; whether the keys of the state_dict are the same in the same order; how
long the spec is; its parameters and multiply-adds beside the published ones. `--only NAME …` picks
some, `--library` those of one, `--specs DIR` keeps the specs.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
from torch import Tensor, nn

import netspec
from tests.torchvision import declared, made

TIMM = (
    "resnet18",
    "resnet50d",
    "resnext50_32x4d",
    "seresnet50",
    "ecaresnet50d_pruned",
    "resnest14d",
    "wide_resnet50_2",
    "efficientnet_b0",
    "tf_efficientnet_b0",
    "efficientnetv2_rw_t",
    "mobilenetv2_100",
    "mobilenetv3_large_100",
    "mnasnet_100",
    "fbnetc_100",
    "mixnet_s",
    "ghostnet_100",
    "regnety_008",
    "repvgg_a0",
    "densenet121",
    "dla34",
    "hrnet_w18_small",
    "inception_v3",
    "xception41",
    "vgg11",
    "convnext_tiny",
    "convnextv2_tiny",
    "vit_tiny_patch16_224",
    "deit_tiny_patch16_224",
    "swin_tiny_patch4_window7_224",
    "mixer_s32_224",
)
"""One of each family that people download most."""
MOST = 90_000_000
"""Parameters of a network that is run; larger ones are only counted, without memory for them."""


class Case(NamedTuple):
    """A network to import: whose it is, the side of its image, and what is published of it."""

    name: str
    library: str
    side: int = 224
    params: int | None = None
    macs: float | None = None


def cases() -> Iterator[Case]:
    """Yield torchvision's classifiers with what it says of them, and timm's."""
    from torchvision import models

    for name in models.list_models(models):
        weights = models.get_model_weights(name)
        first = next(iter(weights))
        side = first.transforms().crop_size[0]
        yield Case(name, "torchvision", side, first.meta["num_params"], first.meta["_ops"])
    try:
        import timm
    except ImportError:
        return
    known = {*timm.list_models()}
    yield from (Case(name, "timm") for name in TIMM if name in known)


def module(case: Case) -> nn.Module:
    """Return a network; without memory for its weights if that is too much."""
    torch.manual_seed(0)
    large = (case.params or 0) > MOST
    with torch.device("meta") if large else nullcontext():
        if case.library == "torchvision":
            # A transformer over images of another size has another number of places.
            keywords = {"image_size": case.side} if case.name.startswith("vit") else {}
            return made(case.name, **keywords)
        import timm

        model: nn.Module = timm.create_model(case.name, pretrained=False)
        return model


def same(one: Any, two: Any) -> bool:
    """Tell whether two networks gave the same bits."""
    if isinstance(one, Tensor):
        return torch.equal(one, two)
    return len(one) == len(two) and all(map(same, one, two))


def compared(model: nn.Module, net: netspec.Net, side: int) -> str:
    """Return how what is built differs from what was imported."""
    built = net.build()
    found = [] if [*built.state_dict()] == [*model.state_dict()] else ["keys"]
    built.load_state_dict(model.state_dict())
    with torch.no_grad():
        for batch in (1, 3):
            x = torch.randn(batch, 3, side, side)
            if not same(model.eval()(x), built.eval()(x)):
                found.append(f"batch {batch}")
        x, given = torch.randn(2, 3, side, side), []
        for network in (model.train(), built.train()):
            torch.manual_seed(1)
            given.append(network(x))
    return ", ".join([*found, *([] if same(*given) else ["training"])]) or "equal"


def row(case: Case, specs: Path | None) -> str:
    """Return what becomes of one network."""
    start = time.perf_counter()
    try:
        model = module(case)
        x = torch.zeros(2, 3, case.side, case.side, device=next(model.parameters()).device)
        net = netspec.import_module(model, x)
        took = time.perf_counter() - start
        text = net.to_yaml()
        if specs:
            (specs / f"{case.library}_{case.name}.yaml").write_text(text)
        count = sum(bool(line.strip()) for line in text.splitlines())
        is_large = net.parameters > MOST
        result = "not run" if is_large else compared(model, net, case.side)
    except netspec.SpecError as error:
        first = error.diagnostics[0].message
        return f"{case.name:28}refused: {len(error.diagnostics)} of them, first {first}"
    except Exception as error:  # the table is to have a line for each
        return f"{case.name:28}{type(error).__name__}: {str(error).splitlines()[:1]}"
    published = ""
    if case.params is not None and case.macs is not None:
        trained = sum(p.numel() for p in model.parameters())
        params = net.parameters == case.params or trained == case.params
        gap = net.macs / 1e9 - case.macs
        published = f"{'params' if params else 'PARAMS'} {gap:+.4f}"
    return (
        f"{case.name:28}{result:10}{count:5} lines{took:7.1f} s  {net.parameters:>12,}"
        f"{net.macs / 1e9:9.3f} GMACs  {published}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--library", choices=("torchvision", "timm"))
    parser.add_argument("--specs", type=Path, metavar="DIR")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if options.specs:
        options.specs.mkdir(parents=True, exist_ok=True)
    with declared():
        for case in cases():
            is_library = options.library in (None, case.library)
            if is_library and (not options.only or case.name in options.only):
                print(row(case, options.specs), flush=True)
    print(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")


if __name__ == "__main__":
    main()
