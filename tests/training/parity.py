"""Print what a network with batch normalisation comes to, by how many processes train it.

    python tests/training/parity.py [EPOCHS]

Each has the same seed, images and crops, and no dropout, whose masks differ from process to
process. Statistics are of 16 images with --sync-bn, else of a process's own.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.training.support import EXAMPLES, run, state

OPTIONS = ("--spec", EXAMPLES / "small_bn.yaml", "--set", "dropout=0.0", "--batch", 16)
RECIPE = ("--lr", 0.02, "--scale", 0.0157, "--crop-area", 0.5, 1, "--flip", 0)
WAYS = (("--sync-bn",), ("--sync-bn", "--fsdp"), ("--no-sync-bn",))


def main() -> None:
    epochs = sys.argv[1] if len(sys.argv) > 1 else 6
    print("processes  batch norm   weights   raw      averaged  averaged loss")
    for processes, ways in ((1, WAYS[:1]), (2, WAYS), (4, WAYS[::2])):
        for flags in ways:
            last = trained(processes, "--epochs", epochs, *flags)
            kind = "synchronised" if "--sync-bn" in flags else "by process"
            weights = "sharded" if "--fsdp" in flags else "copied"
            scores = f"{last['raw accuracy']:7.2%}  {last['averaged accuracy']:8.2%}"
            print(f"{processes:9}  {kind:12} {weights:8} {scores}  {last['averaged loss']:13.4f}")


def trained(processes: int, *options: object) -> dict:
    """The last evaluation of a run."""
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", processes)
    with tempfile.TemporaryDirectory() as out:
        every = ("--evaluate-every", 10**6)
        run(*launcher, EXAMPLES / "train.py", *OPTIONS, *RECIPE, *every, *options, "--out", out)
        return state(Path(out))["history"][-1]


if __name__ == "__main__":
    main()
