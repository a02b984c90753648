"use strict";
// Draws the tree in #network, with the rules of the page figure: see html.py for what is decided there.
const data = JSON.parse(document.getElementById("network").textContent);
const svg = document.querySelector("svg");
const about = document.getElementById("about");
const search = document.getElementById("search");
const SPACE = "http://www.w3.org/2000/svg";
const ROW = 18, GAP = 14, LANE = 8, PAD = 8, HEADER = 18, FORK = 6, SPACING = 8, TURN = 6, SLOT = 8, TAG = 13;
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

// ---------------------------------------------------------------- tiles around a spine at x = 0
// {left, right, height, draw(x, y)}: `ports` maps an input to where its line enters, `exits` a child to the x
// at which its output leaves. Which links are lines, lanes or tags stands in the data; here are only sizes.

function leaf(item, entering, slots, tags) {
  const lines = item.items ? [item.label, item.cost] : [item.label];
  const half = Math.max(46, width(lines[0], 10) + 14, lines[1] ? width(lines[1], 9) + 14 : 0) / 2;
  // What enters from above comes straight down, so the box reaches below all of it.
  const left = Math.max(half, 8 - Math.min(...entering)), right = Math.max(half, 8 + Math.max(...entering));
  const text = ROW + 11 * (lines.length - 1), height = Math.max(text, Math.max(...slots) + 4), middle = (right - left) / 2;
  const label = tags && tag(tags.map(([number]) => number).join(","));
  const draw = (x, y) => {
    box(item, x - left, y, left + right, height, item.items ? "block" : item.kind);
    lines.forEach((line, i) => add(canvas, "text", { x: x + middle, y: y + (height - text) / 2 + 12 + 11 * i, "text-anchor": "middle", class: i ? "note" : "" }, line));
    if (item.bar > 0.02) add(canvas, "rect", { x: x - left + 3, y: y + height - 3, width: 40 * item.bar, height: 1.8, class: "bar" });
    if (!label) return;
    const low = y + (height + slots[0]) / 2 - TAG / 2;
    label.draw(x - left - 8 - label.right, low - TAG / 2);
    line([[x - left - 8, low], [x - left, low]], item.head, true);
  };
  return { left: left + (label ? 8 + 2 * label.right : 0), right, height, edges: [left, right], ports: new Map(), exits: new Map(), draw };
}
function group(item) {
  const inner = series(item, item.flow);
  const ports = inner.ports.size ? inner.ports : new Map([[0, [0, 0]]]), xs = [...ports.values()].map(([x]) => x);
  // Lines come down through the header, so its texts stay to the left and right of them.
  const left = Math.max(inner.left + PAD, width(item.label, 10, true) + 12 - Math.min(...xs));
  const right = Math.max(inner.right + PAD, width(item.cost, 9) + 12 + Math.max(...xs));
  const height = inner.height + HEADER + PAD;
  const draw = (x, y) => {
    box(item, x - left, y, left + right, height, "group");
    add(canvas, "text", { x: x - left + 6, y: y + 12, class: "title" }, item.label);
    add(canvas, "text", { x: x + right - 6, y: y + 12, class: "note", "text-anchor": "end" }, item.cost);
    for (const [px, py] of ports.values()) line([[x + px, y], [x + px, y + HEADER + py]], item.head, false);
    inner.draw(x, y + HEADER);
    line([[x, y + HEADER + inner.height], [x, y + height]], item.head, false);
  };
  return { left, right, height, ports, exits: new Map(), isOpen: true, draw };
}
function tag(text) {
  const half = (width(text, 9) + 10) / 2;
  const draw = (x, y) => {
    add(canvas, "rect", { x: x - half, y, width: 2 * half, height: TAG, rx: 6, class: "tag" });
    add(canvas, "text", { x, y: y + 10, class: "note", "text-anchor": "middle" }, text);
  };
  return { left: half, right: half, height: TAG, ports: new Map(), exits: new Map(), draw };
}
function isForked(branch) {
  return branch.entry !== null;
}
function fan(owner, branches) {
  const tiles = branches.map((branch) => series(owner, branch)), ports = new Map(), exits = new Map(), places = [];
  const isEntered = branches.some(isForked), fork = isEntered ? FORK : 0;
  const total = tiles.reduce((sum, tile) => sum + tile.left + tile.right + SPACING, -SPACING);
  const tall = Math.max(...tiles.map((tile) => tile.height));
  let x = -total / 2;
  tiles.forEach((tile, i) => {
    x += tile.left;
    const y = fork + (isEntered ? tall - tile.height : 0);  // ends stand on one row, ports on another
    places.push([x, y]);
    if (isForked(branches[i]) && !branches[i].parts.length) exits.set(branches[i].entry, x);
    for (const [key, exit] of tile.exits) exits.set(key, x + exit);
    for (const [key, [px, py]] of tile.ports) ports.set(key, [x + px, y + py]);
    x += tile.right + SPACING;
  });
  const draw = (x, y) => tiles.forEach((tile, i) => {
    const [dx, dy] = places[i], head = branches[i].head, end = y + fork + tall;
    if (isForked(branches[i])) line([[x, y], [x, y + FORK], [x + dx, y + FORK], [x + dx, branches[i].parts.length ? y + dy : end]], head, false);
    tile.draw(x + dx, y + dy);
    for (const exit of tile.exits.values()) line([[x + dx + exit, y + dy + tile.height], [x + dx + exit, end]], head, false);
  });
  return { left: total / 2, right: total / 2, height: fork + tall, ports, exits, draw };
}

// ---------------------------------------------------------------- a series: parts, the gaps between them, lanes beside them

function series(owner, flow) {
  const { parts, entry } = flow, tiles = [], gaps = [], taps = new Set((flow.sides || []).map((side) => side.after));
  const lanes = flow.skips.map(([start, end, side, port, head]) => ({ start, end, side, port, head }));
  const placed = { parts, entry, tiles, gaps, lanes };
  parts.forEach((part, i) => tiles.push(place(owner, part, i, tiles[i - 1], lanes)));
  let y = 0, left = 5, right = 5;
  parts.forEach((part, i) => {
    const isLeft = lanes.some((lane) => lane.start === i - 1) || taps.has(i - 1);
    gaps.push({ ...gap(placed, i, isLeft), top: y });
    y += gaps[i].height + tiles[i].height;
    left = Math.max(left, tiles[i].left);
    right = Math.max(right, tiles[i].right, gaps[i].right);
  });
  const tops = gaps.map((gap) => gap.top + gap.height);
  for (const lane of distances(placed)) lane.side < 0 ? (left = Math.max(left, lane.x)) : (right = Math.max(right, lane.x));
  const main = { y, right }, sides = [];
  // From the bottom up: the line to a higher one passes above all that hangs further in.
  for (const side of [...(flow.sides || [])].reverse()) {
    const tile = series(owner, side.flow), tap = side.after + 1 < parts.length ? gaps[side.after + 1].top + 4 : main.y;
    const beside = sides.filter((other) => other.end > tap - 6 && other.top < tap + 6 + tile.height);
    const x = Math.max(main.right, ...beside.map((other) => other.x + other.tile.right)) + 12 + tile.left;
    sides.push({ ...side, tile, top: tap, x, end: tap + 6 + tile.height });
    right = Math.max(right, x + tile.right);
    y = Math.max(y, tap + 6 + tile.height);
  }
  const draw = (x, y) => {
    parts.forEach((part, i) => connect(placed, i, x, y));
    parts.forEach((part, i) => tiles[i].draw(x, y + tops[i]));
    for (const lane of lanes) skip(placed, lane, x, y);
    for (const side of sides) {
      const high = y + side.top;
      if (side.tap) line([[x, high - 4], [x, high], [x + side.x, high], [x + side.x, high + 6]], side.head, false);
      side.tile.draw(x + side.x, high + 6);
    }
  };
  const last = parts[parts.length - 1];
  const exits = !last ? new Map() : last.fan ? tiles[parts.length - 1].exits : new Map([[last.port === undefined ? last.item : -1 - last.port, 0]]);
  return { left, right, height: y, ports: parts.length && parts[0].item === undefined ? tiles[0].ports : new Map(), exits, draw };
}
function place(owner, part, i, above, lanes) {
  if (part.fan) return fan(owner, part.fan);
  if (part.port !== undefined) {
    // An input at the top is a point where a line of the frame ends; further down only a tag tells it.
    return i ? tag(part.into[0][0]) : { left: 5, right: 5, height: 0, ports: new Map([[part.port, [0, 0]]]), exits: new Map(), draw: () => {} };
  }
  const item = owner.items[part.item];
  if (item.items && open.has(item)) return group(item);
  const entering = above && above.exits.size ? [...above.exits.values()] : [0];
  const slots = [-1, 1].map((side) => SLOT * ending(lanes, i, side).length + (side < 0 && part.into ? TAG : 0));
  return leaf(item, entering, slots, part.into);
}
function ending(lanes, i, side) { return lanes.filter((lane) => lane.end === i && lane.side === side).sort((a, b) => b.start - a.start); }
function tagged(part, tile) { return (tile.isOpen && part.into || []).filter(([, port]) => tile.ports.has(port)); }
function moves(part, i, tiles) {
  // From which x to which x the lines from the part above run.
  const exits = i ? tiles[i - 1].exits : new Map();
  return (part.lines || []).map(([source, port]) => {
    const start = exits.get(source) || 0;
    return [start, tiles[i].isOpen ? tiles[i].ports.get(port)[0] : start];
  });
}
function gap({ parts, entry, tiles, lanes }, i, isLeft) {
  // Three zones: for what leaves, for the shape, and for what turns to the inputs of an open block.
  const part = parts[i], tile = tiles[i];
  const out = (isLeft ? 6 : 0) + (part.out ? TAG + 2 : 0), text = part.shape ? 11 : 0;
  const isBent = tile.isOpen && lanes.some((lane) => lane.end === i);
  const arrivals = TURN * moves(part, i, tiles).filter(([start, end]) => start !== end).length + (isBent ? TURN : 0) + (tagged(part, tile).length ? TAG + 2 : 0);
  const right = Math.max(part.shape ? 5 + width(part.shape, 9) : 0, part.out ? 30 : 0);
  const isEntered = entry !== null && (part.fan || part.lines.length);
  if (!i && !isEntered && !(out || text || arrivals)) return { out, arrivals, right, height: 0 };
  const height = part.fan ? out + text + (text ? 2 : 0) : Math.max(GAP, out + text + arrivals + 4);
  return { out, arrivals, right, height };
}
function distances({ tiles, gaps, lanes }) {
  // Shorter lanes come first: one that spans another runs outside it, and never crosses it.
  const done = [];
  for (const lane of [...lanes].sort((a, b) => a.end - a.start - b.end + b.start || a.start - b.start)) {
    let x = 5;
    for (let i = lane.start + 1; i <= lane.end; i++) x = Math.max(x, lane.side < 0 ? tiles[i].left : Math.max(tiles[i].right, gaps[i].right));
    for (const other of done) if (other.side === lane.side && other.start < lane.end && lane.start < other.end) x = Math.max(x, other.x);
    lane.x = x + LANE;
    done.push(lane);
  }
  return lanes;
}
function connect({ parts, tiles, gaps }, i, x, y) {
  const part = parts[i], tile = tiles[i], above = y + gaps[i].top, below = above + gaps[i].height;
  if (part.shape) add(canvas, "text", { x: x + 4, y: above + gaps[i].out + 9, class: "note" }, part.shape);
  if (part.out) {
    const low = above + gaps[i].out - TAG / 2 - 1, label = tag(part.out);
    line([[x, above], [x, low], [x + 9, low]], false, false);
    label.draw(x + 9 + label.left, low - TAG / 2);
  }
  if (part.fan && part.fan.some(isForked)) line([[x, above], [x, below]], false, false);
  // Those to the right turn last to first, those to the left first to last: nothing crosses.
  const bent = moves(part, i, tiles), rights = bent.filter(([start, end]) => end > start).reverse();
  let row = below - gaps[i].arrivals - 2;
  for (const [start, end] of [...bent.filter(([start, end]) => end <= start), ...rights]) {
    if (start !== end) row += TURN;
    line([[x + start, above], [x + start, row], [x + end, row], [x + end, below]], part.head, !tile.isOpen);
  }
  for (const [number, port] of tagged(part, tile)) {
    const [px] = tile.ports.get(port);
    tag(number).draw(x + px, below - TAG - 2);
    line([[x + px, below - 2], [x + px, below]], part.head, false);
  }
}
function skip({ parts, tiles, gaps, lanes }, lane, x, y) {
  // Out of the gap under its source, down beside the parts, into its target: a box's side, or an input from above.
  const tile = tiles[lane.end], part = parts[lane.end], start = y + gaps[lane.start + 1].top;
  const top = y + gaps[lane.end].top + gaps[lane.end].height, far = x + lane.side * lane.x;
  const points = [[x, start], [x, start + 4], [far, start + 4]];
  if (tile.isOpen) {
    const low = top - 2 - (tagged(part, tile).length ? TAG + 2 : 0), end = x + tile.ports.get(lane.port)[0];
    points.push([far, low], [end, low], [end, top]);
  } else {
    const same = ending(lanes, lane.end, lane.side), taken = lane.side < 0 && part.into ? TAG : 0;
    const low = top + (tile.height - SLOT * same.length - taken) / 2 + SLOT * (same.indexOf(lane) + 0.5);
    points.push([far, low], [x + lane.side * tile.edges[lane.side < 0 ? 0 : 1], low]);
  }
  line(points, lane.head, !tile.isOpen);
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
