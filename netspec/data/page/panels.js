// What is told of an item: a word at the pointer, all of it in the details, and the legend. Texts are only texts.

const about = document.getElementById("about"), details = document.getElementById("details"), legend = document.getElementById("legend");
let selected = null;

function make(parent, name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  parent.appendChild(made);
  return made;
}

// ---------------------------------------------------------------- at the pointer

let hovered = null;
function hover(event) {
  const item = event.target.item || null;
  if (item) tell(item, event.clientX, event.clientY);
  else hide();
}
function tell(item, x, y) {
  if (hovered !== item) {
    hovered = item;
    light(item);
    about.replaceChildren();
    if (item.path) make(about, "strong", item.path);
    make(about, "div", [...(item.path.endsWith(item.label) ? [] : [item.label]), ...facts(item)].join("\n"));
    if (item.yaml) make(about, "code", item.yaml);
  }
  about.style.display = "block";
  about.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - about.offsetWidth - 8))}px`;
  about.style.top = `${Math.max(4, Math.min(y + 14, innerHeight - about.offsetHeight - 8))}px`;
}
function hide() {
  about.style.display = "none";
  if (hovered) light(selected);
  hovered = null;
}

// ---------------------------------------------------------------- the details of what is selected

function select(item, isLinked = true) {
  selected = item;
  hide();
  light(item);
  mark();
  details.hidden = !item;
  details.replaceChildren();
  if (item) describe(item);
  if (item && boxes.has(item) && document.activeElement !== search) focus(boxes.get(item));
  if (!isLinked) return;
  try {
    history.replaceState(null, "", `#${encodeURIComponent(item ? item.path : "")}`);
  } catch { /* a page inside of another document has no links */ }
}
function describe(item) {
  const head = make(details, "div", undefined, "head");
  make(head, "h2", item.path || item.label);
  const close = make(head, "button", "×");
  close.setAttribute("aria-label", "close the details");
  close.addEventListener("click", () => select(null));
  const list = make(details, "dl");
  const row = (name, ...values) => {
    make(list, "dt", name);
    for (const value of values) make(list, "dd", value);
  };
  const use = item.block && `use of ${item.block}`, many = item.count && `${item.count} in a row`;
  row("kind", [data.kinds[item.kind], use, many].filter(Boolean).join(", "));
  if (item.head) row("when", "only in training");
  if (item.in) row("in", ...item.in);
  row("out", item.out);
  const each = item.count ? " each" : "";
  if (item.params !== undefined) {
    row("parameters", item.lender ? `weights of ${item.lender}` : grouped(item.params) + each);
    row("MACs", `${grouped(item.macs)}${each}, for one image`);
  }
  if (item.field) row("field", item.field);
  links(list, "reads", sources(item));
  links(list, "read by", readers(item));
  opsOf(item).forEach((op) => argumentsOf(item, op));
  lines([...owners(item), item].filter((one) => one.yaml).reverse());
  code(item);
}
function links(list, name, others) {
  if (!others.length) return;
  make(list, "dt", name);
  const place = make(list, "dd");
  for (const other of others.slice(0, 12)) {
    const link = make(place, "button", other.path || other.label, "link");
    link.addEventListener("click", () => visit(other));
  }
  if (others.length > 12) make(place, "span", `and ${others.length - 12} more`);
}
function argumentsOf(item, [name, op, , given, inferred, defaults]) {
  make(details, "h3", name && item.ops.length > 1 ? `${name}: ${op}` : op);
  const table = make(details, "table");
  for (const [values, remark] of [[inferred, "from the input"], [given, ""], [defaults, "default"]]) {
    for (const key in values) {
      const row = make(table, "tr", undefined, remark ? "faint" : "");
      for (const text of [key, values[key], remark]) make(row, "td", text);
    }
  }
}
function lines(from) {
  if (!from.length) return;
  make(details, "h3", "spec");
  make(details, "pre", [...new Set(from.map((one) => one.yaml))].join("\n"));
}
function code(item) {
  const owner = [item, ...owners(item).reverse()].find((one) => data.code[one.block]);
  if (!owner) return;
  make(details, "h3", owner === item ? "code" : `code of ${owner.block}`);
  make(details, "pre", data.code[owner.block]);
}

// ---------------------------------------------------------------- a link to an item

function reveal(item) {
  const closed = owners(item).filter((owner) => !isOpen(owner));
  if (closed.length) keeping(closed[0], () => closed.forEach((owner) => open.add(owner)));
}
function visit(item, isLinked = true) {
  reveal(item);
  select(item, isLinked);
  show(item);
}
function follow() {
  let path = location.hash.slice(1);
  try { path = decodeURIComponent(path); } catch { /* what is no code for anything stands for itself */ }
  const item = itemAt(path);
  if (item && item !== selected) visit(item, false);
  else if (!item && selected) select(null, false);
}
addEventListener("hashchange", follow);

// ---------------------------------------------------------------- the legend

function listKinds() {
  legend.replaceChildren();
  const row = (text, kind, path) => {
    const line = make(legend, "div"), sample = element(line, "svg", { width: 26, height: 14, "aria-hidden": "true" });
    if (path) element(sample, "path", { d: path, class: kind });
    else element(sample, "rect", { x: 1, y: 1, width: 24, height: 12, rx: 3, class: `box ${kind}` });
    make(line, "span", text);
  };
  if (colour === "kind") for (const key in data.kinds) row(data.kinds[key], key);
  else for (const [step, text] of [[0, "no"], [data.heat - 1, "the most"]]) row(`${text} ${COLOURS[colour]}`, `heat${step}`);
  if (items.some((item) => item.head)) row("only in training", "head");
  if (items.some((item) => item.bar)) row("MACs, the full width for the most of a box", "bar", "M3 7h20v2h-20Z");
  for (const note of data.notes) make(legend, "div", note);
  if (scene.tags.length) row("goes on at the same number", "tag", "M6 1h14a6 6 0 0 1 0 12h-14a6 6 0 0 1 0 -12Z");
}
function showLegend(isShown) {
  legend.hidden = !isShown;
  document.querySelector("[data-key=l]").setAttribute("aria-pressed", isShown);
}
