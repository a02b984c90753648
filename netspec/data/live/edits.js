// Edits that the language server proposes: of the open file, and of files that are not open.
import { byId } from "./dom.js";
import { Text } from "./editor.js";
import { position, span } from "./places.js";

/** Applies a workspace edit; a file that is not open is read, changed and saved. */
export async function applied(page, { changes = {} }) {
  for (const [uri, edits] of Object.entries(changes)) {
    if (uri === page.spec.uri) page.spec.edit(converted(page.spec.doc, edits));
    else await elsewhere(page.session, uri, edits);
  }
}

function converted(doc, edits) {
  return edits.map((edit) => ({ ...span(doc, edit.range), insert: edit.newText }));
}

async function elsewhere(session, uri, edits) {
  const { text, stamp } = await session.request("netspec/read", { uri });
  const ending = text.includes("\r\n") ? "\r\n" : "\n";
  const doc = Text.of(text.split(/\r\n?|\n/));
  const ordered = converted(doc, edits).sort((a, b) => b.from - a.from);
  const after = ordered.reduce(
    (now, { from, to, insert }) => now.slice(0, from) + insert + now.slice(to), doc.toString(),
  );
  const answer = await session.request("netspec/save", { uri, text: after.replaceAll("\n", ending), stamp });
  if (!answer.saved) throw new Error(`${uri} has changed on disk: it was left as it is`);
}

/** Asks for a new name of what stands at the cursor, and renames it in all files. */
export function rename(page) {
  const { view } = page.spec;
  const word = view.state.wordAt(view.state.selection.main.head);
  if (!word || !page.session.can("renameProvider")) return false;
  const dialog = byId("rename");
  const input = dialog.querySelector("input");
  dialog.returnValue = "";
  byId("rename-title").textContent = `Rename ${view.state.sliceDoc(word.from, word.to)}`;
  input.value = view.state.sliceDoc(word.from, word.to);
  dialog.onclose = () => {
    view.focus();
    if (dialog.returnValue) renamed(page, word.from, input.value);
  };
  dialog.showModal();
  input.select();
  return true;
}

async function renamed(page, at, newName) {
  const { doc } = page.spec;
  page.send();
  try {
    const textDocument = { uri: page.spec.uri };
    const edit = await page.session.request("textDocument/rename", { textDocument, position: position(doc, at), newName });
    if (edit && doc === page.spec.doc) await applied(page, edit);
  } catch (error) {
    page.notice(error.message);
  }
}
