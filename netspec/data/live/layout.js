// Which panels are seen: beside each other where there is room, one at a time where there is not.
import { byId } from "./dom.js";

const PANELS = ["spec", "figure", "report", "code", "changes"];
const NARROW = matchMedia("(max-width: 800px)");

export class Layout {
  /** `changed()`: other panels are seen than before. */
  constructor(changed) {
    this.changed = changed;
    this.shown = new Set(["spec", "figure", "report"]);
    this.front = "spec";
    this.files = !NARROW.matches;
    this.buttons = [...document.querySelectorAll("[data-panel]")];
    for (const button of this.buttons) button.addEventListener("click", () => this.#toggle(button.dataset.panel));
    byId("show-files").addEventListener("click", () => this.showFiles(!this.files));
    NARROW.addEventListener("change", () => this.showFiles(!NARROW.matches));
    this.#apply();
    this.#theme();
  }

  sees(panel) {
    return NARROW.matches ? this.front === panel : panel === "spec" || this.shown.has(panel);
  }

  #toggle(panel) {
    if (panel === "spec" || !this.shown.delete(panel)) this.shown.add(panel);
    this.front = panel;
    if (NARROW.matches) this.files = false;
    this.#apply();
  }

  /** Shows a panel, and gives it the focus. */
  show(panel) {
    this.shown.add(panel);
    this.front = panel;
    this.#apply();
    const stops = ['.cm-content', '.body [tabindex="0"]', "select, button"];
    stops.map((stop) => byId(panel).querySelector(stop)).find((found) => found)?.focus();
  }

  /** A file was chosen: where there is room for one panel, that is its text. */
  chosen() {
    if (!NARROW.matches) return;
    Object.assign(this, { files: false, front: "spec" });
    this.#apply();
  }

  showFiles(shown) {
    this.files = shown;
    this.#apply();
  }

  focusFiles() {
    this.showFiles(true);
    byId("files").querySelector('[tabindex="0"]')?.focus();
  }

  #apply() {
    for (const panel of PANELS) byId(panel).hidden = !this.sees(panel);
    for (const button of this.buttons) button.setAttribute("aria-pressed", this.sees(button.dataset.panel));
    byId("files").hidden = !this.files;
    byId("show-files").setAttribute("aria-expanded", this.files);
    document.body.classList.toggle("alone", !PANELS.some((panel) => panel !== "spec" && this.sees(panel)));
    this.changed();
  }

  #theme() {
    const root = document.documentElement;
    const night = matchMedia("(prefers-color-scheme: dark)");
    const use = (theme) => { root.dataset.theme = theme; this.changed(); };
    root.dataset.theme = night.matches ? "dark" : "light";
    night.addEventListener("change", () => use(night.matches ? "dark" : "light"));
    byId("theme").addEventListener("click", () => use(root.dataset.theme === "dark" ? "light" : "dark"));
  }
}
