// Places of the language server (lines and UTF-16 columns) in the editor's documents.

/** The offset of a position; beyond the text, its nearest end. */
export function offset(doc, { line, character }) {
  if (line >= doc.lines) return doc.length;
  const found = doc.line(line + 1);
  return Math.min(found.from + character, found.to);
}

/** The offsets of a range. */
export function span(doc, range) {
  const from = offset(doc, range.start);
  return { from, to: Math.max(from, offset(doc, range.end)) };
}

/** The position of an offset. */
export function position(doc, at) {
  const line = doc.lineAt(at);
  return { line: line.number - 1, character: at - line.from };
}

/** The smallest change that makes the second text of the first; null where they are the same. */
export function change(before, after) {
  if (before === after) return null;
  const room = Math.min(before.length, after.length);
  let start = 0;
  while (start < room && before[start] === after[start]) start++;
  let end = 0;
  while (end < room - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  return { from: start, to: before.length - end, insert: after.slice(start, after.length - end) };
}
