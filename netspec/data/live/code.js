// The generated code, to be read: lines and layers belong together.
import { EditorState, EditorView, basicSetup, classHighlighter, keymap, python, syntaxHighlighting } from "./editor.js";
import { byId } from "./dom.js";
import { marks, setLit } from "./marks.js";
import { change } from "./places.js";

export class Code {
  /** `chosen(first, last)`: lines were chosen; `entered()`: their line of the spec is asked for. */
  constructor(chosen, entered) {
    this.view = new EditorView({
      parent: byId("code").querySelector(".body"),
      extensions: [
        keymap.of([{ key: "Enter", run: () => (entered(), true) }]),
        basicSetup, python(), syntaxHighlighting(classHighlighter), marks,
        EditorState.readOnly.of(true),
        EditorView.contentAttributes.of({ "aria-label": "generated code", "aria-readonly": "true" }),
        EditorView.updateListener.of((update) => {
          if (update.selectionSet && update.transactions.some((item) => item.isUserEvent("select"))) {
            chosen(...this.#lines());
          }
        }),
      ],
    });
  }

  #lines() {
    const { doc, selection: { main: { from, to } } } = this.view.state;
    return [doc.lineAt(from).number - 1, doc.lineAt(to).number - 1];
  }

  /** Shows a text. */
  draw(text) {
    const changes = change(this.view.state.doc.toString(), text);
    if (changes) this.view.dispatch({ changes });
  }

  /** Lights the lines of the selected layers. */
  light(lit, scroll) {
    const { doc } = this.view.state;
    const ranges = lit.code().filter(([first]) => first < doc.lines);
    const effects = [setLit.of(ranges)];
    if (scroll && ranges.length && !ranges.some(([first]) => this.#sees(first))) {
      const first = Math.min(...ranges.map((range) => range[0]));
      effects.push(EditorView.scrollIntoView(doc.line(first + 1).from, { y: "center" }));
    }
    this.view.dispatch({ effects });
  }

  #sees(line) {
    const { top, bottom } = this.view.scrollDOM.getBoundingClientRect();
    const place = this.view.coordsAtPos(this.view.state.doc.line(line + 1).from);
    return place && place.top >= top && place.bottom <= bottom;
  }
}
