"""How fast a network's page is in headless Chromium, beside the goals.

    python benchmarks/page.py

For networks of 1,000 and 5,000 layers, ResNet-152 and GoogLeNet: from the start of its loading to
the first paint, from opening all blocks to the frame that shows them, and the frames a second while
the drawing is moved and while it is zoomed, all blocks open. Without a GPU, as on a small machine.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT)]

from netspec import Net, load, loads  # noqa: E402
from netspec.emit.html import to_html  # noqa: E402
from tests.browser import PROGRAM, REASON, Tab, browser  # noqa: E402

RUNS = 5
GOALS = "goals for 1,000 layers: open all in under 500 ms; 30 frames a second or more"
BLOCK = """\
  Residual:
    chain:
      conv1: {conv2d: [64, 3], padding: 1, bias: false}
      norm1: batch_norm2d
      relu1: relu
      conv2: {conv2d: [64, 3], padding: 1, bias: false}
      norm2: batch_norm2d
      sum: {add: [], from: [norm2, input]}
      relu2: relu
"""
OPEN = """(async () => {
  every(false);
  await new Promise((done) => setTimeout(done, 300));
  const start = performance.now();
  every(true);
  // The frame that shows them has been made when the next one begins.
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now() - start;
})()"""
FRAMES = """(async () => {
  await new Promise((done) => setTimeout(done, 500));
  const start = performance.now();
  let count = 0, now = start;
  for (; now - start < 3000; count++) {
    (%s)(count);
    now = await new Promise(requestAnimationFrame);
  }
  return (1000 * count) / (now - start);
})()"""
PAN = "(i) => pan(15 * Math.sin(i / 7), 10 * Math.cos(i / 9))"
ZOOM = "(i) => zoom(i % 40 < 20 ? 1.06 : 1 / 1.06, 640, 400)"


def residual(layers: int) -> Net:
    """Return a network of residual blocks, seven layers each."""
    head = f"netspec: 1\nname: Deep\ninputs: {{image: [64, 56, 56]}}\nblocks:\n{BLOCK}"
    graph = f"graph:\n  body: {{Residual: [], repeat: {layers // 7 + 1}}}\n"
    return loads(f"{head}{graph}outputs: {{out: body}}\n")


def flat(layers: int) -> Net:
    """Return a network without blocks."""
    lines = "".join(f"  l{i}: {{conv2d: [8, 3], padding: 1}}\n" for i in range(layers))
    head = "netspec: 1\nname: Flat\ninputs: {image: [8, 16, 16]}\ngraph:\n"
    return loads(f"{head}{lines}outputs: {{out: l{layers - 1}}}\n")


def measured(tab: Tab, name: str, net: Net, file: Path) -> str:
    """Return a line of a network's figures."""
    page = to_html(net.network)
    file.write_text(page)
    tab.open(file.as_uri())
    tab.wait("performance.getEntriesByType('paint').length > 0")
    paint = tab.run("performance.getEntriesByType('paint')[0].startTime")
    opened = statistics.median(tab.run(OPEN) for _ in range(RUNS))
    pan, zoom = (tab.run(FRAMES % way) for way in (PAN, ZOOM))
    layers, size = len(net.network.graph.nodes), len(page.encode()) / 1000
    return (
        f"{name:<14} {layers:>5,} layers {size:>6,.0f} kB"
        f"   first paint {paint:>4.0f} ms   open all {opened:>5.0f} ms"
        f"   {pan:>3.0f} frames a second moving, {zoom:>3.0f} zooming"
    )


def main() -> None:
    if PROGRAM is None:
        sys.exit(REASON)
    networks = {
        "googlenet": load(ROOT / "specs" / "googlenet.yaml"),
        "resnet152": load(ROOT / "specs" / "resnet152.yaml"),
        "504, no blocks": flat(504),
        "1,000 layers": residual(1000),
        "5,000 layers": residual(5000),
    }
    print(GOALS)
    temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with temporary as folder, browser(Path(folder) / "profile") as tab:
        tab.size(1280, 800)
        for name, net in networks.items():
            print(measured(tab, name, net, Path(folder) / "page.html"), flush=True)


if __name__ == "__main__":
    main()
