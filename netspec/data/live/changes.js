// What distinguishes the open spec from another one, or from the state that was kept.
import { byId, element, latest } from "./dom.js";
import { number, signed, tendency } from "./numbers.js";

const KEPT = "";
const TOTALS = ["layers", "params", "macs", "depth", "train_params", "train_macs"];
const LABELS = ["layers", "parameters", "multiply-adds", "depth", "parameters with heads", "multiply-adds with heads"];

export class Changes {
  /** `chosen(paths)`: a layer was chosen. */
  constructor(page, chosen) {
    Object.assign(this, { page, chosen });
    this.body = byId("changes").querySelector(".body");
    this.other = byId("other");
    this.other.addEventListener("change", () => this.draw());
    this.draw = latest(() => this.#draw());
  }

  /** Lists what can be compared with. */
  list(files) {
    const before = this.other.value;
    const options = files.map(({ uri, path }) => element("option", { value: uri }, path));
    this.other.replaceChildren(element("option", { value: KEPT }, "the kept state"), ...options);
    this.other.value = files.some(({ uri }) => uri === before) ? before : KEPT;
  }

  async #draw() {
    if (byId("changes").hidden || !this.page.spec.file) return;
    const { uri, kept } = { uri: this.page.spec.uri, kept: this.page.kept };
    const other = this.other.value ? { uri: this.other.value } : { text: kept };
    try {
      const { diff, problem } = await this.page.session.request("netspec/compare", { uri, with: other });
      if (uri !== this.page.spec.uri) return;
      byId("changes").classList.toggle("stale", !diff);
      const titles = this.other.value ? [diff?.before.name, diff?.after.name] : ["kept", "now"];
      if (diff) this.body.replaceChildren(...this.#drawn(diff, titles));
      else this.body.replaceChildren(element("p", { class: "note" }, problem));
    } catch (error) {
      this.body.replaceChildren(element("p", { class: "note" }, error.message));
    }
  }

  #drawn(diff, titles) {
    const { layers, weights } = diff;
    const lost = [...Object.keys(weights.removed), ...Object.keys(weights.changed)].length;
    const load = `${weights.kept} of ${weights.kept + lost} weights still load`;
    return [
      totals(diff, titles),
      element("p", { class: "loads" }, load),
      ...["params", "inputs", "outputs"].flatMap((key) => pairs(key, diff[key])),
      ...sections("layers", layers, (path) => this.#path(path)),
      ...sections("weights", weights, (key) => element("code", {}, key)),
    ];
  }

  #path(path) {
    return element("button", { class: "link", onclick: () => this.chosen([path]) }, path);
  }
}

function totals({ before, after }, names) {
  const rows = TOTALS.map((key, index) => element("tr", {},
    element("th", { scope: "row" }, LABELS[index]),
    ...[before[key], after[key], after[key] - before[key]].map((value, column) => element(
      "td", { class: column === 2 ? `right ${tendency(value)}` : "right" }, column === 2 ? signed(value) : number(value),
    ))));
  const head = ["", ...names, "change"].map((text) => element("th", { scope: "col" }, text));
  return element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
}

function pairs(title, values) {
  return listed(title, Object.entries(values).map(([key, [old, now]]) => [element("b", {}, key), ` ${old} → ${now}`]));
}

function sections(title, { added, removed, changed }, named) {
  return [["added", "+", added], ["removed", "−", removed], ["changed", "~", changed]].flatMap(([word, mark, found]) => listed(
    `${title} ${word}`, Object.entries(found).map(([key, text]) => [`${mark} `, named(key), ` ${text}`]),
  ));
}

function listed(title, items) {
  if (!items.length) return [];
  const list = element("ul", {}, ...items.map((parts) => element("li", {}, ...parts)));
  return [element("h3", {}, `${title} (${items.length})`), list];
}
