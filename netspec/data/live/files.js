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
    // The files of the folder itself stand first: below a folder's name are its own.
    const folders = Map.groupBy(shown, ({ path }) => path.slice(0, path.lastIndexOf("/") + 1));
    const rows = [...folders].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([folder, files]) => [
      ...(folder ? [element("li", { class: "folder" }, folder)] : []),
      ...files.map(({ path }) => element("li", {}, this.#button(path, path.slice(folder.length)))),
    ]);
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
