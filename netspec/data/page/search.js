// Search: in names, labels, ops, arguments and lines of the spec, inside closed blocks too, which it opens.

const search = document.getElementById("search"), counter = document.getElementById("count");
const OPENED = 200;  // more matches than that are opened one by one
let found = [], matches = new Set(), around = new Set(), at = -1, former = null;

function wordsOf(item) {
  if (item.words === undefined) {
    const written = (values) => Object.entries(values).map((pair) => pair.join(" "));
    const ops = opsOf(item).flatMap(([name, op, label, ...all]) => [name, op, label, ...all.flatMap(written)]);
    const words = [item.path, item.label, item.block, data.kinds[item.kind], ...ops, item.out, item.yaml];
    item.words = words.filter(Boolean).join("\n").toLowerCase();
  }
  return item.words;
}
// `kernel_size: 5` and `kernel_size=5` are `kernel_size 5`, 5x5 is 5×5 too, and 5 is no part of 15.
function pattern(query) {
  const text = query.toLowerCase().replace(/\s*[:=]\s*|\s+/g, " ");
  const escaped = text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll(" ", "[ :=]+").replace(/(?<=\d)x(?=\d)/g, "[x×]");
  return new RegExp(`${/^\d/.test(text) ? "(?<![\\d×])" : ""}${escaped}${/\d$/.test(text) ? "(?!\\d)" : ""}`);
}
// Whether a closed block has matches inside.
function hides(item) { return around.has(item) && !isOpen(item); }

function look() {
  const query = search.value.trim();
  if (query && !former) former = { open: [...open], view: { ...view }, limits, isFitted, selected };
  if (!query) return restore();
  const wanted = pattern(query);
  found = items.filter((item) => wanted.test(wordsOf(item)));
  matches = new Set(found);
  around = new Set(found.flatMap(owners));
  at = found.length ? 0 : -1;
  const opened = found.length > OPENED ? found.slice(0, 1) : found;
  const before = open.size;
  for (const item of opened) for (const owner of owners(item)) open.add(owner);
  if (open.size !== before) draw();
  return arrive();
}
function step(by) {
  if (!found.length) return;
  at = (at + by + found.length) % found.length;
  reveal(found[at]);
  arrive();
}
function arrive() {
  mark();
  counter.textContent = found.length ? `${at + 1}/${found.length}` : "0/0";
  if (found.length) {
    show(found[at]);
    light(found[at]);
  }
}
// What was open, seen and selected before the search is so again.
function restore() {
  search.value = "";
  counter.textContent = "";
  found = [];
  matches = new Set();
  around = new Set();
  at = -1;
  if (!former) return mark();
  open.clear();
  for (const item of former.open) open.add(item);
  ({ view, limits, isFitted } = former);
  draw();
  move();
  select(former.selected);
  former = null;
  return undefined;
}
search.addEventListener("input", look);
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
  else if (event.key === "Escape") {
    search.blur();
    restore();
  } else return;
  event.preventDefault();
});
