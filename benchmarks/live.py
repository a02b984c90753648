"""How fast the live page is: from a key to the figure that shows it, in headless Chromium.

    python benchmarks/live.py

A digit of GoogLeNet is typed over once the page is at rest: from the key to the frame that shows
the new figure, in `netspec serve` and in the playground, beside the goals. The playground is built
from what `make playground` has fetched. Without a GPU, as on a small machine.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT)]

from playwright.sync_api import Browser, sync_playwright  # noqa: E402

from tests.browser import PROGRAM, REASON  # noqa: E402
from tests.live import Serve, Tab  # noqa: E402
from tests.playground import IS_FETCHED, build, served  # noqa: E402
from tests.playground import REASON as UNFETCHED  # noqa: E402

RUNS = 15
REST = 2000
"""Milliseconds after which all that a key has started is done."""
GOALS = {"serve": 150, "playground": 400}
LINE, NUMBER = "{dropout: 0.4}", "0.4"
KEY = """new Promise((done) => {
  const figure = document.getElementById("figure");
  const before = figure.dataset.version;
  let start;
  const look = () => {
    const { version } = figure.dataset;
    const drawn = version !== before && version === document.body.dataset.version;
    // The frame that shows it has been made when the next one begins.
    requestAnimationFrame(drawn ? () => done(performance.now() - start) : look);
  };
  const begin = () => { start = performance.now(); look(); };
  addEventListener("keydown", begin, { once: true, capture: true });
})"""


@contextmanager
def homes(folder: Path) -> Iterator[dict[str, str]]:
    """Give the addresses of the page in its homes, each with the zoo."""
    shutil.copytree(ROOT / "specs", folder / "specs", ignore=shutil.ignore_patterns("*.md"))
    server = Serve(folder / "specs")
    try:
        if not IS_FETCHED:
            print(UNFETCHED)
            yield {"serve": server.url}
            return
        build(folder / "site")
        with served(folder / "site") as address:
            yield {"serve": server.url, "playground": address}
    finally:
        server.kill()


def loaded(browser: Browser, url: str, spec: str) -> tuple[Tab, float]:
    """Open the page with a spec; return it, and the seconds until its figure."""
    tab = Tab(browser.new_page(viewport={"width": 1400, "height": 900}))
    tab.page.set_default_timeout(120_000)
    start = time.perf_counter()
    tab.open(f"{url}#{spec}.yaml")
    return tab, time.perf_counter() - start


def keys(tab: Tab) -> list[float]:
    """Return the milliseconds of each key."""
    tab.change(LINE, NUMBER, NUMBER)
    times = []
    for run in range(RUNS):
        tab.page.keyboard.press("Shift+ArrowLeft")
        tab.page.wait_for_timeout(REST)
        tab.page.evaluate(f"() => {{ window.measured = {KEY}; }}")
        tab.page.keyboard.press(str(1 + run % 9))
        times.append(float(tab.page.evaluate("() => window.measured")))
    return times


def main() -> None:
    if PROGRAM is None:
        sys.exit(REASON)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=PROGRAM)
        with homes(Path(folder)) as found:
            for home, url in found.items():
                tab, seconds = loaded(browser, url, "googlenet")
                times = keys(tab)
                middle, worst = statistics.median(times), max(times)
                print(
                    f"{home:<11} googlenet   loaded in {seconds:>4.1f} s"
                    f"   key to figure {middle:>4.0f} ms, at most {worst:>4.0f} ms"
                    f"   goal {GOALS[home]} ms",
                    flush=True,
                )
        browser.close()


if __name__ == "__main__":
    main()
