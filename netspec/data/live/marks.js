// What stands in the editor beside the text: lines that are lit, numbers that can be stepped, shapes, uses of blocks.
import { Decoration, EditorView, StateEffect, StateField, WidgetType } from "./editor.js";
import { offset, span } from "./places.js";

const LIT = Decoration.line({ class: "lit" });
const STEP = Decoration.mark({ class: "step" });

/** Lights these lines ([first, last], 0-based), and no others. */
export const setLit = StateEffect.define();
/** The numbers that can be stepped, as the view has them. */
export const setSteps = StateEffect.define();
/** The inlay hints and code lenses of the whole text. */
export const setHints = StateEffect.define();

const lit = decorations(setLit, (doc, ranges) => {
  const lines = new Set(ranges.flatMap(([first, last]) => numbers(first, Math.min(last, doc.lines - 1))));
  return [...lines].sort((a, b) => a - b).map((line) => LIT.range(doc.line(line + 1).from));
});

const hints = decorations(setHints, (doc, { inlays, lenses }) => [
  ...inlays.map((hint) => inlay(hint).range(offset(doc, hint.position))),
  ...lenses.map((lens) => above(doc, lens)),
]);

/** The steps, each with its offsets in the text as it is now. */
export const steps = StateField.define({
  create: () => [],
  update(value, transaction) {
    for (const effect of transaction.effects) {
      if (effect.is(setSteps)) return effect.value.map((step) => ({ ...step, ...span(transaction.newDoc, step.range) }));
    }
    return transaction.docChanged ? value.map((step) => moved(step, transaction.changes)) : value;
  },
  provide: (field) => EditorView.decorations.from(field, (value) => Decoration.set(
    value.filter((step) => step.from < step.to).map((step) => STEP.range(step.from, step.to)), true,
  )),
});

/** All marks, as one extension. */
export const marks = [lit, steps, hints];

function decorations(effect, drawn) {
  return StateField.define({
    create: () => Decoration.none,
    update(value, transaction) {
      for (const found of transaction.effects) {
        if (found.is(effect)) return Decoration.set(drawn(transaction.newDoc, found.value), true);
      }
      return value.map(transaction.changes);
    },
    provide: (field) => EditorView.decorations.from(field),
  });
}

function moved(step, changes) {
  return { ...step, from: changes.mapPos(step.from, -1), to: changes.mapPos(step.to, 1) };
}

function numbers(first, last) {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

class Note extends WidgetType {
  constructor(text, kind, indent) {
    super();
    Object.assign(this, { text, kind, indent });
  }

  eq(other) {
    return other.text === this.text && other.kind === this.kind && other.indent === this.indent;
  }

  toDOM() {
    const made = document.createElement(this.kind === "lens" ? "div" : "span");
    made.className = this.kind;
    made.textContent = " ".repeat(this.indent) + this.text;
    return made;
  }
}

function inlay(hint) {
  const label = typeof hint.label === "string" ? hint.label : hint.label.map((part) => part.value).join("");
  return Decoration.widget({ widget: new Note(label, "inlay", 0), side: 1 });
}

function above(doc, lens) {
  const line = doc.lineAt(offset(doc, lens.range.start));
  const indent = line.text.length - line.text.trimStart().length;
  const widget = new Note(lens.command.title, "lens", indent);
  return Decoration.widget({ widget, side: -1, block: true }).range(line.from);
}
