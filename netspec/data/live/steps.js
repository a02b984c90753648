// Numbers that can be stepped: a slider and two buttons for each one on the line of the cursor.
import { byId, element } from "./dom.js";
import { STEPPED } from "./spec.js";

const MOST = 12;

export class Steps {
  constructor(spec) {
    this.spec = spec;
    this.panel = byId("steps");
    this.keys = null;
  }

  /** Shows the numbers of these lines (0-based), or else those of the selected layers, of their own line first. */
  show(lines, lit) {
    const { doc, steps, uri } = this.spec;
    const numbered = steps.map((step, index) => ({ ...step, index })).filter((step) => step.from < step.to);
    const on = ([first, last]) => ({ from }) => {
      const line = doc.lineAt(from).number - 1;
      return line >= first && line <= last;
    };
    if (lines) return this.#fill(numbered.filter(on(lines)));
    const use = lit.use(uri) ?? -1;
    const own = numbered.filter(on([use, use]));
    const others = numbered.filter((step) => !own.includes(step) && step.layers.some((path) => lit.share(path)));
    return this.#fill([...own, ...others]);
  }

  #fill(all) {
    const found = all.slice(0, MOST);
    const keys = found.map((step) => `${step.index} ${step.name}`).join("\n");
    if (keys !== this.keys) {
      this.keys = keys;
      this.panel.replaceChildren(...found.map((step) => this.#control(step)));
      if (!found.length) this.panel.append("no number to step on this line");
      this.spec.stay();
    }
    found.forEach((step, index) => refresh(this.panel.children[index], step, this.#value(step)));
  }

  #value({ from, to }) {
    return Number(this.spec.doc.sliceString(from, to));
  }

  #control({ name, index }) {
    const change = (pick) => () => this.#set(index, pick);
    const slider = element("input", {
      type: "range", "aria-label": name, oninput: () => this.#set(index, () => slider.valueAsNumber),
    });
    return element("div", { class: "step" },
      element("span", { class: "name" }, name),
      element("button", { "aria-label": `${name}: less`, onclick: change((value, step) => value - step) }, "−"),
      slider,
      element("button", { "aria-label": `${name}: more`, onclick: change((value, step) => value + step) }, "+"),
      element("output"));
  }

  /** Puts a number into the text, where it can be. */
  #set(index, pick) {
    const step = this.spec.steps[index];
    if (!step) return;
    const value = rounded(step, pick(this.#value(step), step.step));
    if (value !== this.#value(step)) {
      this.spec.edit([{ from: step.from, to: step.to, insert: String(value) }], STEPPED);
    }
  }

  /** Steps the number at the cursor. */
  nudge(direction) {
    const { head } = this.spec.view.state.selection.main;
    const at = this.spec.steps.findIndex((step) => step.from <= head && head <= step.to);
    if (at >= 0) this.#set(at, (value, step) => value + direction * step);
    return at >= 0;
  }
}

function refresh(control, step, value) {
  const slider = control.querySelector("input");
  control.querySelector("output").textContent = value;
  if (document.activeElement !== slider || !slider.max) limit(slider, step, value);
  slider.value = value;
}

/** What the slider reaches: it counts from its least value, so this is some steps below the number. */
function limit(slider, { min, max, step }, value) {
  const least = min ?? Math.min(0, 2 * value);
  slider.step = step;
  slider.min = value - Math.floor((value - least) / step) * step;
  slider.max = max !== null && max <= 4 * value ? max : Math.max(8 * step, 2 * value);
}

/** A number within its bounds, with no more decimals than its step. */
function rounded({ min, max, step }, value) {
  const decimals = /e-(\d+)$|\.(\d+)$/.exec(String(step));
  const found = Math.min(Math.max(value, min ?? -Infinity), max ?? Infinity);
  return Number(found.toFixed(decimals ? Number(decimals[1] ?? decimals[2].length) : 0));
}
