// The figure: a picture that is imported as XML, whose boxes name their layers.
import { byId, reveal, roving } from "./dom.js";
import { figure as imported } from "./markup.js";

const STEP = 1.25;

export class Figure {
  /** `chosen(paths)`: a box was chosen; `entered()`: its line is asked for. */
  constructor(chosen, entered) {
    this.panel = byId("figure");
    this.body = this.panel.querySelector(".body");
    this.note = this.panel.querySelector(".note");
    this.zoom = 1;
    this.boxes = [];
    const choose = (box) => chosen(layers(box));
    this.body.addEventListener("click", (event) => {
      const box = event.target.closest("[data-layers]");
      if (box) choose(box);
    });
    this.body.addEventListener("dblclick", (event) => event.target.closest("[data-layers]") && entered());
    this.body.addEventListener("focusin", (event) => event.target.matches("[data-layers]:focus-visible") && choose(event.target));
    roving(this.body, () => this.boxes, entered);
    this.#zooming();
  }

  #zooming() {
    for (const button of this.panel.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => this.#scale(Number(button.dataset.zoom)));
    }
    this.body.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.#scale(-Math.sign(event.deltaY));
    }, { passive: false });
  }

  #scale(direction) {
    this.zoom = direction ? Math.min(Math.max(this.zoom * STEP ** direction, 1), 40) : 1;
    this.#fit();
  }

  #fit() {
    const svg = this.body.querySelector("svg");
    if (!svg) return;
    svg.style.width = svg.style.height = `${100 * this.zoom}%`;
  }

  /** Draws the figure, its boxes in the order of layers; null leaves what is there. */
  draw(text, order, problem, stale) {
    this.note.textContent = problem ?? (stale ? "the last state without mistakes" : "");
    if (problem && !stale) this.clear();
    if (!text || text === this.text) return;
    try {
      this.#show(imported(text), order);
      this.text = text;
    } catch (error) {
      this.note.textContent = error.message;
    }
  }

  #show(svg, order) {
    const focused = this.body.contains(document.activeElement) ? document.activeElement.dataset.layers : null;
    svg.removeAttribute("width");
    svg.removeAttribute("height");
    svg.setAttribute("role", "group");
    const first = new Map([...svg.querySelectorAll("[data-layers]")].map((box) => [box, order.get(layers(box)[0]) ?? 0]));
    this.boxes = [...first.keys()].sort((a, b) => first.get(a) - first.get(b));
    this.boxes.forEach((box, index) => {
      box.setAttribute("role", "button");
      box.setAttribute("tabindex", index ? "-1" : "0");
      box.setAttribute("aria-label", box.dataset.layers);
    });
    this.body.replaceChildren(svg);
    this.#fit();
    if (focused) this.boxes.find((box) => box.dataset.layers === focused)?.focus();
  }

  /** Forgets the picture: another file's follows. */
  clear() {
    this.text = null;
    this.boxes = [];
    this.body.replaceChildren();
  }

  /** Lights the boxes of the selected layers. */
  light(lit, scroll) {
    const found = [];
    for (const box of this.boxes) {
      const shares = layers(box).map((path) => lit.share(path));
      const all = shares.includes("all");
      box.classList.toggle("lit", all);
      box.classList.toggle("part", !all && shares.includes("some"));
      box.setAttribute("aria-pressed", all);
      if (all) found.push(box);
    }
    if (scroll) reveal(this.body, found);
  }
}

function layers(box) {
  return box.dataset.layers.split(" ");
}
