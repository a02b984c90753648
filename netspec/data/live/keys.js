// The page's own keys, and what tells them.
import { byId, element } from "./dom.js";

const EDITOR = [
  ["Ctrl-Space", "complete"],
  ["F8", "next mistake"],
  ["Ctrl-.", "to the fix of the mistake at the cursor"],
  ["Alt-+ Alt-−", "step the number at the cursor"],
  ["F2", "rename"],
  ["F12 Shift-F12", "definition, references"],
  ["Shift-Alt-F", "format"],
  ["Ctrl-S", "save, and keep this state to compare with"],
  ["Ctrl-F", "find"],
  ["Escape Tab", "leave the editor"],
];
const PAGE = [
  ["Alt-0", "files"],
  ["Alt-1 … Alt-5", "spec, figure, report, code, changes"],
  ["Arrows", "from box to box, row to row, file to file"],
  ["Enter", "to the line of the spec of a box, a row, a line of code"],
];

/** Opens the list of keys with its button, and moves between panels. */
export function keys(layout) {
  const dialog = byId("keys");
  const rows = [...EDITOR, ...PAGE].flatMap(([key, text]) => [element("dt", {}, key), element("dd", {}, text)]);
  dialog.querySelector("dl").append(...rows);
  byId("help").addEventListener("click", () => dialog.showModal());
  document.addEventListener("keydown", (event) => {
    const digit = /^Digit([0-5])$/.exec(event.code)?.[1];
    if (!event.altKey || event.ctrlKey || event.metaKey || !digit) return;
    event.preventDefault();
    if (digit === "0") layout.focusFiles();
    else layout.show(["spec", "figure", "report", "code", "changes"][digit - 1]);
  });
}
