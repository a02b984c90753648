// Where a name is used, in all files.
import { byId, element, roving } from "./dom.js";
import { Text } from "./editor.js";
import { position, span } from "./places.js";

export class References {
  /** `visit(uri, range)` shows a place. */
  constructor(page, visit) {
    Object.assign(this, { page, visit });
    this.dialog = byId("references");
    this.list = this.dialog.querySelector("ul");
    this.dialog.addEventListener("close", () => page.spec.view.focus());
    roving(this.list, () => [...this.list.querySelectorAll("button")]);
  }

  /** Lists the uses of what stands at the cursor. */
  async show() {
    const { spec, session } = this.page;
    const textDocument = { uri: spec.uri };
    const at = position(spec.doc, spec.view.state.selection.main.head);
    try {
      const asked = { textDocument, position: at, context: { includeDeclaration: true } };
      const found = (await session.request("textDocument/references", asked)) ?? [];
      const texts = await this.#texts(new Set(found.map(({ uri }) => uri)));
      this.list.replaceChildren(...found.map((place) => this.#row(place, texts.get(place.uri))));
      if (found.length) this.dialog.showModal();
      else this.page.say("nothing here is used elsewhere");
    } catch (error) {
      this.page.notice(error.message);
    }
  }

  async #texts(uris) {
    const { spec, session } = this.page;
    const read = async (uri) => Text.of((await session.request("netspec/read", { uri })).text.split(/\r\n?|\n/));
    return new Map(await Promise.all([...uris].map(async (uri) => [uri, uri === spec.uri ? spec.doc : await read(uri)])));
  }

  #row({ uri, range }, doc) {
    const { from, to } = span(doc, range);
    const line = doc.lineAt(from);
    const text = [
      line.text.slice(0, from - line.from).trimStart(),
      element("b", {}, doc.sliceString(from, to)),
      line.text.slice(to - line.from),
    ];
    const place = element("span", { class: "note" }, `${this.page.path(uri)}:${line.number}`);
    const go = () => {
      this.dialog.close();
      this.visit(uri, range);
    };
    return element("li", {}, element("button", { class: "use", onclick: go }, place, element("code", {}, ...text)));
  }
}
