// The report: a table with a row for each layer.
import { byId, element, reveal, roving } from "./dom.js";

export class Report {
  constructor(chosen, entered) {
    this.body = byId("report").querySelector(".body");
    this.parts = [new Rows("thead", "th"), new Rows("tbody", "td"), new Rows("tfoot", "td")];
    this.table = element("table", {}, ...this.parts.map(({ part }) => part));
    this.notes = element("div", { class: "notes" });
    this.body.append(this.table, this.notes);
    const choose = (row) => row?.dataset.layer && chosen([row.dataset.layer]);
    this.table.addEventListener("click", (event) => choose(event.target.closest("tr")));
    this.table.addEventListener("dblclick", entered);
    this.table.addEventListener("focusin", (event) => {
      if (event.target.matches("tr:focus-visible")) choose(event.target);
    });
    roving(this.table, () => this.#layers(), entered);
  }

  /** Draws the table. */
  draw({ columns, rows, totals, notes }) {
    const sides = columns.map((column) => column.align);
    const [head, body, foot] = this.parts;
    head.fill([{ cells: columns.map((column) => column.title) }], sides);
    body.fill(rows, sides);
    foot.fill(totals, sides);
    const layers = this.#layers();
    if (!layers.some((row) => row.tabIndex === 0)) layers[0]?.setAttribute("tabindex", "0");
    this.notes.replaceChildren(...notes.map((note) => element("p", {}, note)));
  }

  #layers() {
    return this.parts[1].rows.filter((row) => row.dataset.layer);
  }

  /** Lights the rows of the selected layers. */
  light(lit, scroll) {
    const found = [];
    for (const row of this.#layers()) {
      const share = lit.share(row.dataset.layer);
      if (row.classList.toggle("lit", share !== "")) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
      if (share) found.push(row);
    }
    if (scroll) reveal(this.body, found);
  }
}

/** The rows of a part of the table; one that says the same as before is left alone. */
class Rows {
  constructor(part, tag) {
    this.part = element(part);
    this.tag = tag;
    this.rows = [];
    this.said = [];
  }

  fill(rows, sides) {
    for (const row of this.rows.splice(rows.length)) row.remove();
    const added = rows.slice(this.rows.length).map(() => element("tr"));
    this.part.append(...added);
    this.rows.push(...added);
    const said = rows.map((row) => JSON.stringify([row, sides]));
    rows.forEach((row, index) => said[index] === this.said[index] || this.#write(this.rows[index], row, sides));
    this.said = said;
  }

  #write(made, { layer, cells }, sides) {
    if (layer) {
      made.dataset.layer = layer;
      if (!made.hasAttribute("tabindex")) made.setAttribute("tabindex", "-1");
    } else {
      delete made.dataset.layer;
      made.removeAttribute("tabindex");
    }
    made.replaceChildren(...cells.map((text, index) => {
      const cell = document.createElement(this.tag);
      cell.textContent = text;
      if (sides[index] === "right") cell.className = "right";
      return cell;
    }));
  }
}
