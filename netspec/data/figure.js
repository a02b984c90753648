"use strict";
// Draws the tree in #network. A group's flow says what stands below what; only sizes are found here.
const data = JSON.parse(document.getElementById("network").textContent);
const svg = document.querySelector("svg");
const about = document.getElementById("about");
const search = document.getElementById("search");
const SPACE = "http://www.w3.org/2000/svg";
const ROW = 18, GAP = 16, LANE = 8, PAD = 8;
const open = new Set();
const parents = new Map();
let found = [], current = -1, view = { x: 0, y: 0, k: 1 }, canvas, extent, boxes = new Map();

const measure = document.createElement("canvas").getContext("2d");
function width(text, size, bold) {
  measure.font = `${bold ? "bold " : ""}${size}px Helvetica, Arial, sans-serif`;
  return measure.measureText(text).width;
}
function add(parent, name, attributes, text) {
  const element = document.createElementNS(SPACE, name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  parent.appendChild(element);
  return element;
}
function register(group) {
  for (const item of group.items) {
    parents.set(item, group);
    if (item.items) register(item);
  }
}

// ---------------------------------------------------------------- sizes: {left, right, height, draw(x, y)}

function leaf(item) {
  const lines = item.items ? [item.label, item.cost] : [item.label];
  const half = Math.max(46, width(lines[0], 10) + 14, lines[1] ? width(lines[1], 9) + 14 : 0) / 2;
  const height = ROW + 11 * (lines.length - 1);
  const draw = (x, y) => {
    box(item, x - half, y, 2 * half, height, item.items ? "block" : item.kind);
    lines.forEach((line, i) => add(canvas, "text", { x, y: y + 12 + 11 * i, "text-anchor": "middle", class: i ? "note" : "" }, line));
    if (item.bar > 0.02) add(canvas, "rect", { x: x - half + 3, y: y + height - 3, width: 40 * item.bar, height: 1.8, class: "bar" });
  };
  return { left: half, right: half, height, draw };
}
function group(item) {
  const inner = series(item, item.flow);
  const title = width(item.label, 10, true), note = width(item.cost, 9);
  const left = Math.max(inner.left + PAD, title + 12), right = Math.max(inner.right + PAD, note + 12);
  const height = inner.height + 18 + PAD;
  const draw = (x, y) => {
    box(item, x - left, y, left + right, height, "group");
    add(canvas, "text", { x: x - left + 6, y: y + 12, class: "title" }, item.label);
    add(canvas, "text", { x: x + right - 6, y: y + 12, class: "note", "text-anchor": "end" }, item.cost);
    if (item.single) line([[x, y], [x, y + 18]], item.head, false);
    inner.draw(x, y + 18);
    line([[x, y + 18 + inner.height], [x, y + height]], item.head, false);
  };
  return { left, right, height, draw };
}
function tag(text) {
  const half = (width(text, 9) + 10) / 2;
  const draw = (x, y) => {
    add(canvas, "rect", { x: x - half, y, width: 2 * half, height: 13, rx: 6, class: "tag" });
    add(canvas, "text", { x, y: y + 10, class: "note", "text-anchor": "middle" }, text);
  };
  return { left: half, right: half, height: 13, draw };
}
function part(owner, part, exits) {
  if (part.fan) return fan(owner, part.fan);
  if (part.port) return tag(part.port);
  const item = owner.items[part.item];
  const size = item.items && open.has(item) ? group(item) : leaf(item);
  const left = Math.max(size.left, 8 - Math.min(0, ...exits)), right = Math.max(size.right, 8 + Math.max(0, ...exits));
  if (item.kind !== "join" || item.items) return size;
  return { left, right, height: ROW, exits: [0], draw: (x, y) => {
    box(item, x - left, y, left + right, ROW, item.kind);
    add(canvas, "text", { x: x + (right - left) / 2, y: y + 12, "text-anchor": "middle" }, item.label);
  } };
}
function fan(owner, branches) {
  const sizes = branches.map((branch) => series(owner, branch));
  const total = sizes.reduce((sum, size) => sum + size.left + size.right + 8, -8);
  const height = Math.max(...sizes.map((size) => size.height)) + 6;
  const xs = [];
  let x = -total / 2;
  for (const size of sizes) { xs.push(x + size.left); x += size.left + size.right + 8; }
  const exits = branches.flatMap((branch, i) => (sizes[i].exits || [0]).map((exit) => exit + xs[i]));
  const draw = (x, y) => sizes.forEach((size, i) => {
    const top = branches[i].entry ? y + height - size.height : y + 6, head = branches[i].head;
    if (branches[i].entry) line([[x, y], [x, y + 6], [x + xs[i], y + 6], [x + xs[i], top]], head, false);
    size.draw(x + xs[i], top);
    for (const exit of size.exits || [0]) line([[x + xs[i] + exit, top + size.height], [x + xs[i] + exit, y + height]], head, false);
  });
  return { left: total / 2, right: total / 2, height, exits, draw };
}
function series(owner, flow) {
  const sizes = [], tops = [];
  const tapped = new Set((flow.sides || []).map((side) => side.after));
  let y = 0, left = 5, right = 5;
  flow.parts.forEach((piece, i) => {
    const exits = (i && sizes[i - 1].exits) || [0];
    sizes.push(part(owner, piece, exits));
    y += i || flow.entry ? GAP + (tapped.has(i - 1) ? 7 : 0) : 0;
    tops.push(y);
    y += sizes[i].height;
    left = Math.max(left, sizes[i].left);
    right = Math.max(right, sizes[i].right, 5 + width(piece.shape || "", 9));
  });
  const lanes = place(flow, sizes);
  for (const lane of lanes) lane.side < 0 ? (left = Math.max(left, lane.x + 2)) : (right = Math.max(right, lane.x + 2));
  const sides = (flow.sides || []).map((side) => ({ ...side, size: series(owner, side.flow) }));
  let height = y, edge = right;
  for (const side of [...sides].reverse()) {
    side.top = side.after < 0 ? 0 : tops[side.after] + sizes[side.after].height + 4;
    const beside = sides.filter((other) => other.x !== undefined && other.top < side.top + side.size.height);
    side.x = Math.max(edge, ...beside.map((other) => other.x + other.size.right)) + 12 + side.size.left;
    height = Math.max(height, side.top + side.size.height);
    right = Math.max(right, side.x + side.size.right);
  }
  const draw = (x, y) => {
    flow.parts.forEach((piece, i) => connect(flow, sizes, tops, i, x, y));
    flow.parts.forEach((piece, i) => sizes[i].draw(x, y + tops[i]));
    for (const lane of lanes) skip(lane, sizes, tops, x, y);
    for (const side of sides) {
      if (side.tap) line([[x, y + side.top - 4], [x, y + side.top], [x + side.x, y + side.top]], side.head, false);
      side.size.draw(x + side.x, y + side.top);
    }
  };
  const last = sizes[sizes.length - 1];
  return { left, right, height, exits: last && last.exits, draw, main: y };
}
function place(flow, sizes) {
  const lanes = [];
  for (const [start, end, side, head] of flow.skips) {
    let x = 5;
    for (let i = start + 1; i <= end; i++) {
      x = Math.max(x, side < 0 ? sizes[i].left : Math.max(sizes[i].right, 5 + width(flow.parts[i].shape || "", 9)));
    }
    for (const other of lanes) if (other.side === side && other.start < end && start < other.end) x = Math.max(x, other.x);
    lanes.push({ start, end, side, head, x: x + LANE });
  }
  for (const lane of lanes) {
    const same = lanes.filter((other) => other.end === lane.end && other.side === lane.side).sort((a, b) => b.start - a.start);
    lane.slot = (same.indexOf(lane) + 1) / (same.length + 1);
  }
  return lanes;
}
function connect(flow, sizes, tops, i, x, y) {
  const piece = flow.parts[i], below = y + tops[i];
  const above = i ? y + tops[i - 1] + sizes[i - 1].height : y;
  if (piece.linked) {
    for (const exit of (i && sizes[i - 1].exits) || [0]) {
      const goal = Math.max(8 - sizes[i].left, Math.min(exit, sizes[i].right - 8));
      const middle = below - 5;
      line([[x + exit, above], [x + exit, middle], [x + goal, middle], [x + goal, below]], piece.head, !piece.fan);
    }
    if (piece.shape) add(canvas, "text", { x: x + 4, y: below - 5, class: "note" }, piece.shape);
  }
  if (piece.out) {
    line([[x, above], [x, above + 3], [x + 9, above + 3]], false, false);
    tag(piece.out).draw(x + 14, above - 3);
  }
  if (piece.into) {
    const size = tag(piece.into);
    size.draw(x - sizes[i].left - 10 - size.right, below + 2);
    line([[x - sizes[i].left - 10, below + 8], [x - sizes[i].left, below + 8]], false, true);
  }
}
function skip(lane, sizes, tops, x, y) {
  const start = y + (lane.start < 0 ? 0 : tops[lane.start] + sizes[lane.start].height) + 3;
  const goal = y + tops[lane.end] + sizes[lane.end].height * lane.slot;
  const edge = lane.side < 0 ? -sizes[lane.end].left : sizes[lane.end].right;
  line([[x, start - 3], [x, start], [x + lane.side * lane.x, start], [x + lane.side * lane.x, goal], [x + edge, goal]], lane.head, true);
}

// ---------------------------------------------------------------- drawing

function line(points, head, arrow) {
  add(canvas, "polyline", { points: points.map((p) => p.join(",")).join(" "), class: head ? "line head" : "line" });
  if (!arrow) return;
  const [[a, b], [x, y]] = points.slice(-2), dx = Math.sign(x - a), dy = Math.sign(y - b);
  const corners = [[x, y], [x - 5 * dx - 2 * dy, y - 5 * dy - 2 * dx], [x - 5 * dx + 2 * dy, y - 5 * dy + 2 * dx]];
  add(canvas, "polygon", { points: corners.map((p) => p.join(",")).join(" "), class: "tip" });
}
function box(item, x, y, wide, high, kind) {
  const marked = found.includes(item) ? " found" : "";
  const element = add(canvas, "rect", { x, y, width: wide, height: high, rx: kind === "input" ? 8 : 3,
    class: `box ${kind}${item.head ? " head" : ""}${marked}`, tabindex: 0, role: item.items ? "button" : "img" });
  element.setAttribute("aria-label", `${item.path || item.label}: ${item.about}`);
  if (item.items) element.setAttribute("aria-expanded", open.has(item));
  element.item = item;
  boxes.set(item, element);
}
function draw() {
  const focused = document.activeElement && document.activeElement.item;
  if (canvas) canvas.remove();
  boxes = new Map();
  canvas = add(svg, "g", {});
  const size = series(data, data.flow);
  size.draw(size.left, 0);
  extent = { width: size.left + size.right, height: size.height };
  move();
  if (focused && boxes.has(focused)) boxes.get(focused).focus({ preventScroll: true });
}
function move() { canvas.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.k})`); }
function fit() {
  const top = document.querySelector("header").offsetHeight + 10;
  const k = Math.min((innerWidth - 20) / extent.width, (innerHeight - top - 10) / extent.height, 1.8);
  view = { k, x: (innerWidth - k * extent.width) / 2, y: top };
  move();
}
function zoom(factor, x, y) {
  const k = Math.min(8, Math.max(0.05, view.k * factor));
  view = { k, x: x - (x - view.x) * k / view.k, y: y - (y - view.y) * k / view.k };
  move();
}
function toggle(item) {
  if (!item.items) return;
  const before = boxes.get(item).getBoundingClientRect();
  open.has(item) ? open.delete(item) : open.add(item);
  draw();
  const after = boxes.get(item).getBoundingClientRect();
  view.x += before.left - after.left; view.y += before.top - after.top;
  move();
}
function every(doOpen) {
  open.clear();
  if (doOpen) for (const item of parents.keys()) if (item.items) open.add(item);
  draw(); fit();
}

// ---------------------------------------------------------------- mouse, keys, search

function tell(item, x, y) {
  about.textContent = item.path ? `${item.path}\n${item.about}` : item.about;
  if (item.yaml) {
    about.append("\n");
    about.appendChild(document.createElement("code")).textContent = item.yaml;
  }
  about.style.display = "block";
  about.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - about.offsetWidth - 8))}px`;
  about.style.top = `${Math.max(4, Math.min(y + 14, innerHeight - about.offsetHeight - 8))}px`;
}
function hide() { about.style.display = "none"; }
let grip = null;
svg.addEventListener("pointerdown", (event) => { grip = { x: event.clientX, y: event.clientY, moved: false }; });
addEventListener("pointermove", (event) => {
  if (grip && event.buttons) {
    const dx = event.clientX - grip.x, dy = event.clientY - grip.y;
    if (!grip.moved && Math.hypot(dx, dy) < 4) return;
    view.x += dx; view.y += dy;
    grip = { x: event.clientX, y: event.clientY, moved: true };
    move(); hide();
  } else if (event.target.item) tell(event.target.item, event.clientX, event.clientY);
  else hide();
});
svg.addEventListener("click", (event) => { if (!(grip && grip.moved) && event.target.item) toggle(event.target.item); grip = null; });
svg.addEventListener("wheel", (event) => { event.preventDefault(); zoom(Math.exp(-event.deltaY / 400), event.clientX, event.clientY); }, { passive: false });
svg.addEventListener("focusin", (event) => {
  if (!event.target.item || grip) return;
  const place = event.target.getBoundingClientRect();
  tell(event.target.item, place.right, place.top);
});
svg.addEventListener("focusout", hide);
function look(step) {
  const words = search.value.trim().toLowerCase();
  if (step && found.length) current = (current + step + found.length) % found.length;
  else {
    const matches = (item) => `${item.path} ${item.label} ${item.block || ""}`.toLowerCase().includes(words);
    found = words ? [...parents.keys()].filter(matches) : [];
    current = 0;
    for (const item of found.slice(0, 200)) for (let up = parents.get(item); up && up !== data; up = parents.get(up)) open.add(up);
    draw();
  }
  document.getElementById("count").textContent = words ? `${found.length ? current + 1 : 0}/${found.length}` : "";
  if (!found.length) return;
  const place = boxes.get(found[current]).getBoundingClientRect();
  view.x += innerWidth / 2 - (place.left + place.right) / 2; view.y += innerHeight / 2 - (place.top + place.bottom) / 2;
  move();
}
search.addEventListener("input", () => look(0));
search.addEventListener("keydown", (event) => { if (event.key === "Enter") look(event.shiftKey ? -1 : 1); if (event.key === "Escape") { search.value = ""; look(0); search.blur(); } });
function theme() { document.documentElement.dataset.theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark"; }
const keys = {
  "+": () => zoom(1.2, innerWidth / 2, innerHeight / 2), "=": () => zoom(1.2, innerWidth / 2, innerHeight / 2),
  "-": () => zoom(1 / 1.2, innerWidth / 2, innerHeight / 2), 0: fit, f: fit, e: () => every(true), c: () => every(false), t: theme,
  "/": () => search.focus(), ArrowLeft: () => { view.x += 60; move(); }, ArrowRight: () => { view.x -= 60; move(); },
  ArrowUp: () => { view.y += 60; move(); }, ArrowDown: () => { view.y -= 60; move(); }, Escape: hide,
};
addEventListener("keydown", (event) => {
  if (event.target === search || event.ctrlKey || event.metaKey || event.altKey) return;
  if ((event.key === "Enter" || event.key === " ") && event.target.item) { event.preventDefault(); toggle(event.target.item); }
  else if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
});
for (const button of document.querySelectorAll("button")) button.addEventListener("click", () => keys[button.dataset.key]());
if (matchMedia("(prefers-color-scheme: dark)").matches) theme();
register(data);
draw();
fit();
