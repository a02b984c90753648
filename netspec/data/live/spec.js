// The spec's editor: one view, which keeps the state (and so the undo history) of every file it had.
import {
  Compartment, EditorSelection, EditorState, EditorView, Prec, Transaction, basicSetup, classHighlighter,
  formatKeymap, hoverTooltips, indentService, indentWithTab, jumpToDefinitionKeymap, keymap,
  serverCompletion, setDiagnostics, signatureHelp, syntaxHighlighting, yaml,
} from "./editor.js";
import { marks, setHints, setLit, setSteps, steps } from "./marks.js";
import { change } from "./places.js";

/** What asks the language server, where one is connected. */
const LANGUAGE = [
  serverCompletion(),
  hoverTooltips(),
  signatureHelp(),
  keymap.of([...formatKeymap, ...jumpToDefinitionKeymap]),
];

/** The user event of a number that was stepped; as typing, so that undo takes back a whole drag. */
export const STEPPED = "input.type.step";

// What CodeMirror makes of YAML puts the line below an aligned table somewhere under its columns.
const INDENT = indentService.of((context, at) => {
  const { text, from } = context.lineAt(at, -1);
  const before = context.simulatedBreak == null ? "" : text.slice(0, at - from);
  const opens = /:\s*(#.*)?$|[[{]\s*$/.test(before);
  return /^ */.exec(text)[0].length + (opens ? context.unit : 0);
});

export class Spec {
  /** `events`: changed(whether a number was stepped), moved(); `keys`: more key bindings. */
  constructor(parent, events, keys) {
    this.states = new Map();
    this.server = new Compartment();
    this.file = null;
    this.extensions = [
      Prec.high(keymap.of(keys)), basicSetup, keymap.of([indentWithTab]), yaml(), INDENT,
      syntaxHighlighting(classHighlighter), marks, LANGUAGE, this.server.of([]),
      EditorView.contentAttributes.of({ "aria-label": "text of the spec" }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) events.changed(update.transactions.some((item) => item.isUserEvent(STEPPED)));
        else if (update.selectionSet) events.moved();
      }),
    ];
    this.view = new EditorView({ parent, state: this.#fresh("") });
  }

  #fresh(text) {
    return EditorState.create({ doc: text, extensions: this.extensions });
  }

  get uri() {
    return this.file?.uri;
  }

  /** The text, with the file's own ends of lines. */
  get text() {
    return this.view.state.doc.toString().replaceAll("\n", this.file.ending);
  }

  get doc() {
    return this.view.state.doc;
  }

  get steps() {
    return this.view.state.field(steps);
  }

  /** Puts a file into the editor: with its earlier state where it had one, brought up to this text. */
  open(file, text, client) {
    this.detach();
    if (this.file) this.states.set(this.uri, this.view.state);
    this.file = { ...file, ending: text.includes("\r\n") ? "\r\n" : "\n" };
    this.view.setState(this.states.get(file.uri) ?? this.#fresh(text));
    this.view.dispatch(setDiagnostics(this.view.state, []));
    this.replace(text);
    this.attach(client);
  }

  /** Speaks to a server about the file that is open. */
  attach(client) {
    if (this.file && client) this.#serve(client.plugin(this.uri, "yaml"));
  }

  detach() {
    this.#serve([]);
  }

  #serve(extension) {
    this.view.dispatch({ effects: this.server.reconfigure(extension) });
  }

  /** Makes the text this one, by one change that undo takes back. */
  replace(text) {
    const changes = change(this.doc.toString(), text.replaceAll(/\r\n?/g, "\n"));
    if (changes) this.view.dispatch({ changes, annotations: Transaction.userEvent.of("input.replace") });
  }

  /** Applies edits of offsets, as one step of undo. */
  edit(changes, event = "input.fix") {
    this.view.dispatch({ changes, annotations: Transaction.userEvent.of(event) });
  }

  /** The lines (0-based) of the selection. */
  lines() {
    const { from, to } = this.view.state.selection.main;
    return [this.doc.lineAt(from).number - 1, this.doc.lineAt(to).number - 1];
  }

  /** Lights lines, and shows one of them (0-based; null: none). */
  light(ranges, shown) {
    const effects = [setLit.of(ranges)];
    const at = shown === null || shown >= this.doc.lines ? null : this.doc.line(shown + 1).from;
    if (at !== null && !this.#sees(at)) effects.push(EditorView.scrollIntoView(at, { y: "center" }));
    this.view.dispatch({ effects });
  }

  #sees(at) {
    const { top, bottom } = this.view.scrollDOM.getBoundingClientRect();
    const place = this.view.coordsAtPos(at);
    return place && place.top >= top && place.bottom <= bottom;
  }

  /** Takes the numbers that can be stepped, and the shapes and uses that stand beside the text. */
  step(found) {
    this.view.dispatch({ effects: setSteps.of(found) });
  }

  hint(inlays, lenses) {
    this.view.dispatch({ effects: setHints.of({ inlays, lenses }) });
  }

  /** Keeps the cursor in view, where what stands below the text has grown. */
  stay() {
    if (this.view.hasFocus) this.view.dispatch({ effects: EditorView.scrollIntoView(this.view.state.selection.main.head) });
  }

  /** Moves the cursor to an offset, and the focus with it. */
  go(at) {
    this.view.dispatch({
      selection: EditorSelection.cursor(at),
      effects: EditorView.scrollIntoView(at, { y: "center" }),
    });
    this.view.focus();
  }
}
