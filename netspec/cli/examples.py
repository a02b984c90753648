"""Examples of each command, which its help shows; those of shipped specs run anywhere."""

from __future__ import annotations

EXAMPLES = {
    "check": (
        "netspec check net.yaml --fix",
        "netspec check specs --strict --format sarif -o netspec.sarif",
    ),
    "build": (
        "netspec build googlenet -o model.py --verify",
        "netspec build net.yaml -o net.py --set classes=10 --watch",
        "netspec build resnet50 -o backbone.py --features layer2,layer4",
    ),
    "render": (
        "netspec render googlenet -o googlenet.svg",
        "netspec render unet -o figure.pdf --width 3.5in --theme print",
        "netspec render googlenet -o inception.png --block Inception --dpi 600",
    ),
    "report": (
        "netspec report googlenet",
        "netspec report googlenet --by op --format markdown",
        "netspec report resnet50 -o costs.csv --table totals --batch 32 --memory 80GB",
    ),
    "compare": ("netspec compare googlenet resnet18 vgg16",),
    "list": ("netspec list", "netspec list googlenet -o net.yaml"),
    "optimize": (
        "netspec optimize googlenet -o fast.yaml",
        "netspec optimize net.yaml -o fast.yaml --weights net.pt --weights-out fast.pt",
    ),
    "sweep": (
        "netspec sweep googlenet_width --set width=0.5,0.75,1 --set size=160:256:32",
        "netspec sweep net.yaml --set width=0.25:2:0.25 --front +macs,params -o points.csv",
    ),
    "fit": ("netspec fit googlenet_width --to 'macs<=1.5G' --vary width --step 0.125",),
    "import": (
        "netspec import torch:torchvision.models:resnet18() -o resnet18.yaml",
        "netspec import model.onnx -o model.yaml --weights model.safetensors",
        "netspec import deploy.prototxt net.caffemodel -o net.yaml --weights net.pt",
    ),
    "weights": ("netspec weights net.yaml published.pt -o net.pt --match structure",),
    "export": (
        "netspec export net.yaml --weights net.pt -o net.onnx",
        "netspec export net.yaml --weights net.pt -o net.pt2 --batch dynamic",
    ),
    "bench": (
        "netspec bench googlenet --engines eager,compile",
        "netspec bench net.yaml fast.yaml --weights net.pt --weights fast.pt --same",
    ),
    "profile": (
        "netspec profile googlenet --by line",
        "netspec profile net.yaml -o times.json",
        "netspec render net.yaml -o times.svg --time times.json",
    ),
    "serve": ("netspec serve --open", "netspec serve net.yaml --port 0"),
    "explain": ("netspec explain NS053",),
    "diff": ("netspec diff googlenet googlenet_bn", "netspec diff old.yaml new.yaml -o diff.json"),
    "fmt": ("netspec fmt .", "netspec fmt specs --check"),
    "lsp": ("netspec lsp",),
    "ops": ("netspec ops conv2d",),
    "trust": ("netspec trust .", "netspec trust --list"),
    "init": ("netspec init my_net",),
    "completion": ("netspec completion bash -o netspec.bash",),
    "schema": ("netspec schema -o netspec-1.schema.json",),
}
