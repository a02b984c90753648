// The scene: what stands where, and its elements. Lines of one look are one path, so that much stays few elements.

const SPACE = "http://www.w3.org/2000/svg";
const LINES = 250;  // in one path: what lies outside of the window is left out path by path
const svg = document.querySelector("svg");
let scene, extent = { width: 1, height: 1 }, boxes = new Map(), lit;

function addBox(item, x, y, wide, high, kind) { scene.boxes.push({ item, x, y, wide, high, kind }); }
function addText(item, x, y, text, role, anchor) { scene.texts.push({ item, x, y, text, role, anchor }); }
function addBar(x, y, wide) { scene.bars.push([x, y, wide]); }
function addTag(x, y, wide, text, ends) {
  scene.tags.push({ x, y, wide, ends });
  addText(null, x + wide / 2, y + 10, text, "note", "middle");
}
function addLine(points, from, to, head, arrow) {
  const kept = points.filter(([x, y], i) => !i || x !== points[i - 1][0] || y !== points[i - 1][1]);
  scene.lines.push({ points: kept, from, to, head, arrow: arrow && kept.length > 1 });  // one point only joins two ends
}

function layOut(tile) {
  scene = { boxes: [], texts: [], bars: [], lines: [], tags: [] };
  tile.draw(tile.left, 0);
  extent = { width: tile.left + tile.right, height: tile.height };
}
function draw(space) {
  const focused = document.activeElement.item;
  layOut(arranged());
  natural.clear();
  ends = null;
  // What is seen from far away has no texts, so the window on it is known before it is painted.
  if (space) fit(space);
  paint();
  if (focused && boxes.has(focused)) focus(boxes.get(focused));
}

// ---------------------------------------------------------------- elements

function element(parent, name, attributes, text) {
  const made = document.createElementNS(SPACE, name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  parent.appendChild(made);
  return made;
}
function round(number) { return Math.round(100 * number) / 100; }
function way(points) { return `M${points.map(([x, y]) => `${round(x)} ${round(y)}`).join("L")}`; }
function tip({ points }) {
  const [[a, b], [x, y]] = points.slice(-2), dx = Math.sign(x - a), dy = Math.sign(y - b);
  return `${way([[x, y], [x - 5 * dx - 2 * dy, y - 5 * dy - 2 * dx], [x - 5 * dx + 2 * dy, y - 5 * dy + 2 * dx]])}Z`;
}
function paths(parent, lines, kind) {
  for (let i = 0; i < lines.length; i += LINES) {
    const some = lines.slice(i, i + LINES), tips = some.filter((line) => line.arrow);
    element(parent, "path", { d: some.map((line) => way(line.points)).join(""), class: `line ${kind}` });
    if (tips.length) element(parent, "path", { d: tips.map(tip).join(""), class: `tip ${kind}` });
  }
}
function paint() {
  const canvas = document.createElementNS(SPACE, "g");
  boxes = new Map();
  for (const { item, x, y, wide, high, kind } of scene.boxes) {
    const made = element(canvas, "rect", {
      x: round(x), y: round(y), width: round(wide), height: round(high), rx: item.kind === "input" ? 8 : 3, tabindex: -1,
      role: "treeitem", "aria-level": item.level, "aria-label": [item.path || "output", item.label, ...facts(item)].join(", "),
    });
    if (item.items) made.setAttribute("aria-expanded", isOpen(item));
    made.item = item;
    made.kind = kind;
    boxes.set(item, made);
  }
  paths(canvas, scene.lines.filter((line) => !line.head), "");
  paths(canvas, scene.lines.filter((line) => line.head), "head");
  const bars = scene.bars.map(([x, y, wide]) => `M${round(x)} ${round(y)}h${round(wide)}v1.8h${-round(wide)}Z`);
  if (bars.length) element(canvas, "path", { d: bars.join(""), class: "bar" });
  for (const { x, y, wide } of scene.tags) {
    element(canvas, "rect", { x: round(x), y: round(y), width: round(wide), height: TAG, rx: 6, class: "tag" });
  }
  for (const { x, y, text, role, anchor } of scene.texts) {
    element(canvas, "text", { x: round(x), y: round(y), class: `${role} ${anchor}` }, text);
  }
  lit = element(canvas, "g", { class: "lit" });
  svg.replaceChildren(canvas);
  svg.setAttribute("width", Math.ceil(extent.width));
  svg.setAttribute("height", Math.ceil(extent.height));
  listKinds();
  mark();
}

// ---------------------------------------------------------------- colours and marks

const COLOURS = { kind: "kind", macs: "MACs", params: "parameters" };
let colour = "kind";
function heats() {
  // Open blocks are frames: what counts is in them.
  const costs = scene.boxes.filter(({ kind }) => kind !== "group").map(({ item }) => Number(item[colour] || 0));
  const most = Math.max(1, ...costs);
  return (item) => `heat${Math.round((data.heat - 1) * Math.sqrt(Number(item[colour] || 0) / most))}`;
}
function mark() {
  const heat = colour === "kind" ? null : heats(), current = found[at];
  const focusable = boxes.has(selected) ? selected : scene.boxes[0].item;
  for (const [item, box] of boxes) {
    const fill = heat && box.kind !== "group" ? heat(item) : box.kind, { classList } = box;
    classList.value = `box ${fill}`;
    classList.toggle("head", Boolean(item.head));
    classList.toggle("found", matches.has(item));
    classList.toggle("hides", hides(item));
    classList.toggle("current", item === current);
    classList.toggle("selected", item === selected);
    box.setAttribute("aria-selected", item === selected);
    box.tabIndex = item === focusable ? 0 : -1;
  }
}
function recolour() {
  const keys = Object.keys(COLOURS);
  colour = keys[(keys.indexOf(colour) + 1) % keys.length];
  document.getElementById("colour").textContent = `colour: ${COLOURS[colour]} (m)`;
  mark();
  listKinds();
}

// ---------------------------------------------------------------- lines of an item, through all that is between

let ends = null;
function joined() {
  if (ends) return ends;
  ends = { from: new Map(), to: new Map() };
  for (const line of scene.lines) {
    for (const side of ["from", "to"]) {
      if (!ends[side].has(line[side])) ends[side].set(line[side], []);
      ends[side].get(line[side]).push(line);
    }
  }
  return ends;
}
function linesOf(item) {
  const { from, to } = joined(), isFrame = item.items && isOpen(item);
  const isInput = (end) => end !== outputOf(item) && String(end).startsWith(inputOf(item, ""));
  const inputs = isFrame ? [...to.keys()].filter(isInput) : [item];
  return [...new Set([...reached([outputOf(item)], from, "to"), ...reached(inputs, to, "from")])];
}
// The lines from some ends on. What is no box is a place on the way: from there it goes on.
function reached(starts, near, far) {
  const found = new Set(), seen = new Set(), waiting = [...starts];
  while (waiting.length) {
    const end = waiting.pop(), goesOn = starts.includes(end) || typeof end === "string";
    if (seen.has(end)) continue;
    seen.add(end);
    for (const line of near.get(end) || []) {
      if (!goesOn && line.from !== line.to) continue;
      found.add(line);
      waiting.push(line[far]);
    }
  }
  return found;
}
function light(item) {
  if (!lit) return;
  lit.replaceChildren();
  if (item && boxes.has(item)) paths(lit, linesOf(item), "on");
}
