// Mistakes: in the text, and as a list with their fixes.
import { byId, element } from "./dom.js";
import { setDiagnostics } from "./editor.js";
import { applied } from "./edits.js";
import { offset, span } from "./places.js";

const SEVERITIES = ["", "error", "warning", "info", "hint"];
const MOST = 50;

export class Problems {
  /** `visit(uri, range)` shows a place of another file. */
  constructor(page, visit) {
    Object.assign(this, { page, visit });
    this.list = byId("problems");
    this.found = new Map();
  }

  /** Takes what the server says of a file. */
  publish({ uri, version, diagnostics }) {
    if (uri === this.page.spec.uri) {
      if (version != null && version !== this.page.version) return;
      this.#mark(diagnostics.map((item) => this.#placed(item)));
    } else {
      this.found.set(uri, diagnostics.map((item) => ({ item, uri, fixes: [] })));
    }
    this.show();
  }

  clear() {
    this.found.clear();
    this.show();
  }

  #placed(item) {
    const { uri, doc } = this.page.spec;
    return { item, uri, fixes: [], doc, ...span(doc, item.range) };
  }

  #mark(problems) {
    this.found.set(this.page.spec.uri, problems);
    this.#draw(problems);
    if (this.page.session.can("codeActionProvider")) this.#fixes(problems.slice(0, MOST));
  }

  #draw(problems) {
    const { view } = this.page.spec;
    view.dispatch(setDiagnostics(view.state, problems.map((problem) => ({
      from: problem.from,
      to: problem.to,
      severity: SEVERITIES[problem.item.severity ?? 1],
      source: problem.item.code == null ? undefined : String(problem.item.code),
      message: problem.item.message,
      actions: problem.fixes.map((fix) => ({ name: fix.title, apply: () => this.#apply(problem, fix) })),
    }))));
  }

  /** Asks for the fixes of all problems, and shows them where the text is still the same. */
  async #fixes(problems) {
    const asked = problems.map((problem) => this.page.session.request("textDocument/codeAction", {
      textDocument: { uri: problem.uri },
      range: problem.item.range,
      context: { diagnostics: [problem.item], only: ["quickfix"], triggerKind: 1 },
    }));
    const answers = await Promise.all(asked.map((answer) => answer.catch(() => null)));
    if (!problems.length || problems[0].doc !== this.page.spec.doc) return;
    answers.forEach((answer, index) => {
      problems[index].fixes = (answer ?? []).filter((fix) => fix.edit);
    });
    this.#draw(this.found.get(this.page.spec.uri));
    this.show();
  }

  async #apply(problem, fix) {
    if (problem.doc !== this.page.spec.doc) return;
    try {
      await applied(this.page, fix.edit);
    } catch (error) {
      this.page.notice(error.message);
    }
    this.page.spec.view.focus();
  }

  /** Lists them, those of the open file by their lines. */
  show() {
    const problems = [...this.found.values()].flat();
    const focused = this.list.contains(document.activeElement);
    this.list.hidden = !problems.length;
    this.list.replaceChildren(...problems.map((problem) => this.#row(problem)));
    if (focused && !problems.length) this.page.spec.view.focus();
  }

  #row(problem) {
    const { item, uri } = problem;
    const line = item.range.start.line + 1;
    const place = uri === this.page.spec.uri ? `line ${line}` : `${this.page.path(uri)}:${line}`;
    const fixes = problem.fixes.map((fix) => element(
      "button", { class: "fix", onclick: () => this.#apply(problem, fix) }, fix.title,
    ));
    const go = element("button", { class: "place", onclick: () => this.#go(problem) }, place);
    const text = element("span", { class: "message" }, item.message);
    return element("li", { class: SEVERITIES[item.severity ?? 1] }, go, text, ...fixes);
  }

  #go({ item, uri }) {
    const { spec } = this.page;
    if (uri === spec.uri) spec.go(offset(spec.doc, item.range.start));
    else this.visit(uri, item.range);
  }

  /** Moves the focus to the fix of the mistake at the cursor, or to the first one. */
  focusFix() {
    const { main } = this.page.spec.view.state.selection;
    const own = this.found.get(this.page.spec.uri) ?? [];
    const at = own.findIndex((problem) => problem.from <= main.to && problem.to >= main.from);
    const rows = [...this.list.children];
    const button = rows[at]?.querySelector(".fix") ?? this.list.querySelector(".fix");
    button?.focus();
    return Boolean(button);
  }
}
