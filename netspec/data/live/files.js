// The list of files: those of a folder below its name.
import { byId, element, roving } from "./dom.js";

export class Files {
  /** `open(path)`: a file was chosen. */
  constructor(open) {
    this.list = byId("files").querySelector("ul");
    this.filter = byId("filter");
    this.all = [];
    this.list.addEventListener("click", (event) => {
      const path = event.target.closest("button")?.dataset.path;
      if (path) open(path);
    });
    this.filter.addEventListener("input", () => this.#draw());
    roving(this.list, () => [...this.list.querySelectorAll("button")]);
  }

  show(files) {
    this.all = files;
    this.#draw();
  }

  /** Marks the file that is open. */
  current(path) {
    this.path = path;
    this.#draw();
  }

  #draw() {
    const wanted = this.filter.value.trim().toLowerCase();
    const focused = this.list.contains(document.activeElement) ? document.activeElement.dataset.path : null;
    const shown = this.all.filter(({ path }) => path.toLowerCase().includes(wanted));
    let folder = "";
    const rows = shown.flatMap(({ path }) => {
      const [, parent, name] = /^(.*\/)?([^/]*)$/.exec(path);
      const heading = parent && parent !== folder ? [element("li", { class: "folder" }, parent)] : [];
      folder = parent;
      return [...heading, element("li", {}, this.#button(path, name))];
    });
    this.list.replaceChildren(...rows);
    const buttons = [...this.list.querySelectorAll("button")];
    (buttons.find((button) => button.dataset.path === this.path) ?? buttons[0])?.setAttribute("tabindex", "0");
    buttons.find((button) => button.dataset.path === focused)?.focus();
  }

  #button(path, name) {
    const current = path === this.path ? "true" : null;
    return element("button", { "data-path": path, title: path, tabindex: "-1", "aria-current": current }, name);
  }
}
