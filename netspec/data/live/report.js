// The report: a table with a row for each layer.
import { byId, element, reveal, roving } from "./dom.js";

export class Report {
  constructor(chosen, entered) {
    this.body = byId("report").querySelector(".body");
    this.table = element("table");
    this.notes = element("div", { class: "notes" });
    this.body.append(this.table, this.notes);
    const choose = (row) => row?.dataset.layer && chosen([row.dataset.layer]);
    this.table.addEventListener("click", (event) => choose(event.target.closest("tr")));
    this.table.addEventListener("dblclick", entered);
    this.table.addEventListener("focusin", (event) => {
      if (event.target.matches("tr:focus-visible")) choose(event.target);
    });
    roving(this.table, () => this.#rows(), entered);
  }

  /** Draws the table; rows that are as they were stay the same elements. */
  draw({ columns, rows, totals, notes }) {
    this.sides = columns.map((column) => column.align);
    const [head, body, foot] = this.#parts();
    this.#fill(head, [{ cells: columns.map((column) => column.title) }], "th");
    this.#fill(body, rows, "td");
    this.#fill(foot, totals, "td");
    const focusable = body.querySelector('tr[tabindex="0"]') ?? body.querySelector("tr[data-layer]");
    focusable?.setAttribute("tabindex", "0");
    this.notes.replaceChildren(...notes.map((note) => element("p", {}, note)));
  }

  #rows() {
    return [...this.table.querySelectorAll("tbody tr[data-layer]")];
  }

  #parts() {
    if (!this.table.tHead) this.table.append(...["thead", "tbody", "tfoot"].map((tag) => element(tag)));
    return [this.table.tHead, this.table.tBodies[0], this.table.tFoot];
  }

  #fill(part, rows, tag) {
    while (part.rows.length > rows.length) part.lastElementChild.remove();
    rows.forEach((row, index) => {
      const made = part.rows[index] ?? part.appendChild(element("tr"));
      if (row.layer) {
        made.dataset.layer = row.layer;
        if (!made.hasAttribute("tabindex")) made.setAttribute("tabindex", "-1");
      } else {
        delete made.dataset.layer;
        made.removeAttribute("tabindex");
      }
      this.#cells(made, row.cells, tag);
    });
  }

  #cells(row, cells, tag) {
    while (row.cells.length > cells.length) row.lastElementChild.remove();
    cells.forEach((text, index) => {
      const cell = row.cells[index] ?? row.appendChild(element(tag, index || tag === "th" ? {} : { class: "name" }));
      if (cell.textContent !== text) cell.textContent = text;
      cell.classList.toggle("right", this.sides[index] === "right");
    });
  }

  /** Lights the rows of the selected layers. */
  light(lit, scroll) {
    const found = [];
    for (const row of this.#rows()) {
      const share = lit.share(row.dataset.layer);
      if (row.classList.toggle("lit", share !== "")) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
      if (share) found.push(row);
    }
    if (scroll) reveal(this.body, found);
  }
}
