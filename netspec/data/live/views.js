// What is seen of the open spec, and what links it: a selection in one view lights all others.
import { Code } from "./code.js";
import { byId, element } from "./dom.js";
import { Figure } from "./figure.js";
import { Links } from "./links.js";
import { number, signed, tendency } from "./numbers.js";
import { Report } from "./report.js";
import { Steps } from "./steps.js";

export class Views {
  /** `visit(uri, range)` shows a place of another file. */
  constructor(page, visit) {
    Object.assign(this, { page, visit });
    const entered = () => this.#enter();
    this.figure = new Figure((paths) => this.choose(paths, "figure"), entered);
    this.report = new Report((paths) => this.choose(paths, "report"), entered);
    this.code = new Code((first, last) => this.choose(this.links?.inCode(first, last) ?? [], "code"), entered);
    this.steps = new Steps(page.spec);
    this.clear();
  }

  /** Forgets everything: another file follows. */
  clear() {
    Object.assign(this, { network: null, links: null, chosen: null, kept: null });
    this.figure.clear();
    this.report.draw({ columns: [], rows: [], totals: [], notes: [] });
    this.code.draw("");
    this.steps.show([-1, -1], null);
    for (const panel of ["figure", "report", "code"]) delete byId(panel).dataset.version;
    byId("name").textContent = "netspec";
    byId("totals").replaceChildren();
  }

  /** Draws the parts that a view of the server has; what is of an older text is greyed. */
  draw({ version, network, stale }) {
    const { figure, report, code, problem = {} } = network ?? {};
    const old = stale || !network;
    this.isStale = old;
    for (const [panel, drawn] of [["figure", figure], ["report", report], ["code", code]]) {
      if (drawn || old) byId(panel).dataset.version = version;
      byId(panel).classList.toggle("stale", old);
    }
    if (!network) return this.figure.draw(null, null, "there is no state without mistakes yet", true);
    this.network = network;
    this.links = new Links(network);
    this.figure.draw(figure, this.links.order, problem.figure, stale);
    if (report) this.report.draw(report);
    if (code || problem.code) this.code.draw(code ?? `# ${problem.code}`);
    // While a mistake stands, the numbers stay where they were and move with the text.
    if (!stale || !this.page.spec.steps.length) this.page.spec.step(network.steps);
    if (!stale) this.kept ??= network.totals;
    this.#totals(network);
    this.light("");
  }

  /** Keeps the totals to compare with. */
  keep() {
    this.kept = this.network?.totals ?? null;
    if (this.network) this.#totals(this.network);
  }

  #totals({ name, totals }) {
    byId("name").textContent = name;
    document.title = `${name} · netspec`;
    const kept = new Map((this.kept ?? []).map(({ key, value }) => [key, value]));
    const own = totals.filter(({ key }) => !key.startsWith("train_"));
    byId("totals").replaceChildren(...own.map(({ key, label, value, text }) => {
      const change = value - (kept.get(key) ?? value);
      const told = change ? [element("span", { class: tendency(change) }, ` ${signed(change)}`)] : [];
      return element("li", { "data-key": key }, element("b", {}, text ?? number(value)), ` ${label}`, ...told);
    }));
  }

  /** Selects layers from one of the views; null: those of the cursor's lines. */
  choose(paths, origin) {
    this.chosen = paths;
    this.light(origin);
  }

  /** Lights what is selected; all but the view where it was selected show it. */
  light(origin) {
    if (!this.links) return;
    const { spec } = this.page;
    const lines = spec.lines();
    const paths = this.chosen ? this.links.below(this.chosen) : this.links.onLines(spec.uri, ...lines);
    this.lit = this.links.lit(paths);
    for (const view of ["figure", "report", "code"]) this[view].light(this.lit, origin && origin !== view);
    if (this.chosen) spec.light(this.lit.lines(spec.uri), origin ? this.lit.use(spec.uri) : null);
    else spec.light([], null);
    this.steps.show(this.chosen ? null : lines, this.lit);
  }

  /** Goes to the line of the selected layer. */
  #enter() {
    const { spec } = this.page;
    const line = this.lit?.use(spec.uri);
    const place = this.lit?.place();
    if (line != null) spec.go(spec.doc.line(line + 1).from);
    else if (place) this.visit(place.uri, place.range);
  }
}
