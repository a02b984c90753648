// Tiles around a spine at x = 0: {left, right, height, ports, exits, draw(x, y)}. `ports` maps an input to where
// its line enters, `exits` a child to where its output leaves and to the end of lines that this is. Which links
// are lines, lanes or tags stands in the data; here are only sizes.

const ROW = 18, GAP = 14, LANE = 8, PAD = 8, HEADER = 18, FORK = 6, SPACING = 8, TURN = 6, SLOT = 8, TAG = 13;
const NONE = new Map();

const measure = document.createElement("canvas").getContext("2d");
const widths = new Map();
function width(text, size, bold) {
  const key = `${bold ? "b" : ""}${size} ${text}`;
  if (!widths.has(key)) {
    measure.font = `${bold ? "bold " : ""}${size}px Helvetica, Arial, sans-serif`;
    widths.set(key, measure.measureText(text).width);
  }
  return widths.get(key);
}

// Lines end at boxes, or at places that a way leads through: an input or the output of an open block, a tag.
function inputOf(group, port) { return `${group.path}|${port}`; }
function outputOf(item) { return item.items && isOpen(item) ? `${item.path}|out` : item; }
function sourceOf(owner, child) { return child < 0 ? inputOf(owner, -1 - child) : outputOf(owner.items[child]); }
function targetOf(item, port) { return item.items && isOpen(item) ? inputOf(item, port) : item; }

const numbers = new Map();
function numberOf(owner, text) {
  const node = text[0] === "/" ? text.slice(1) : owner.path ? `${owner.path}.${text}` : text;
  if (!numbers.has(node)) numbers.set(node, numbers.size + 1);
  return numbers.get(node);
}
function tagEnd(number) { return `#${number}`; }

function leaf(item, entering, slots, tags) {
  const lines = item.items && item.cost ? [item.label, item.cost] : [item.label];
  const half = Math.max(46, width(lines[0], 10) + 14, lines[1] ? width(lines[1], 9) + 14 : 0) / 2;
  // What enters from above comes straight down, so the box reaches below all of it.
  const left = Math.max(half, 8 - Math.min(...entering)), right = Math.max(half, 8 + Math.max(...entering));
  const text = ROW + 11 * (lines.length - 1), height = Math.max(text, Math.max(...slots) + 4), middle = (right - left) / 2;
  const mark = tags && tag(tags.map(([number]) => number));
  const draw = (x, y) => {
    addBox(item, x - left, y, left + right, height, item.kind);
    lines.forEach((line, i) => addText(item, x + middle, y + (height - text) / 2 + 12 + 11 * i, line, i ? "note" : "node", "middle"));
    if (item.bar > 0.02) addBar(x - left + 3, y + height - 3, (left + right - 6) * item.bar);
    if (!mark) return;
    const low = y + (height + slots[0]) / 2 - TAG / 2;
    mark.draw(x - left - 8 - mark.right, low - TAG / 2);
    for (const [number] of tags) addLine([[x - left - 8, low], [x - left, low]], tagEnd(number), item, item.head, true);
  };
  return { left: left + (mark ? 8 + 2 * mark.right : 0), right, height, edges: [left, right], ports: NONE, exits: NONE, draw };
}
// A frame that is not wrapped is the same whatever the height: while heights are tried it is made once.
const natural = new Map();
function frame(item, limit) {
  const known = natural.get(item);
  if (known && known.height <= limit) return known;
  const before = wraps, tile = framed(item, body(item, limit - HEADER - PAD));
  if (wraps === before) natural.set(item, tile);
  return tile;
}
function framed(item, inner) {
  const ports = inner.ports.size ? inner.ports : new Map([[0, [0, 0]]]), xs = [...ports.values()].map(([x]) => x);
  const cost = item.cost || "";
  // Lines come down through the header, so its texts stay to the left and right of them.
  const left = Math.max(inner.left + PAD, width(item.label, 10, true) + 12 - Math.min(...xs));
  const right = Math.max(inner.right + PAD, width(cost, 9) + 12 + Math.max(...xs));
  const height = HEADER + inner.height + PAD;
  const draw = (x, y) => {
    addBox(item, x - left, y, left + right, height, "group");
    addText(item, x - left + 6, y + 12, item.label, "title", "start");
    addText(item, x + right - 6, y + 12, cost, "note", "end");
    for (const [port, [px, py]] of ports) {
      addLine([[x + px, y], [x + px, y + HEADER + py]], inputOf(item, port), inputOf(item, port), item.head, false);
    }
    inner.draw(x, y + HEADER);
    const low = y + HEADER + inner.height;
    const points = [[x + inner.end, low], [x + inner.end, low + PAD / 2], [x, low + PAD / 2], [x, y + height]];
    addLine(points, inner.exit, outputOf(item), item.head, false);
  };
  return { left, right, height, ports, exits: NONE, isOpen: true, draw };
}
function tag(numbers) {
  const text = numbers.join(","), half = (width(text, 9) + 10) / 2;
  const draw = (x, y) => addTag(x - half, y, 2 * half, text, numbers.map(tagEnd));
  return { left: half, right: half, height: TAG, ports: NONE, exits: NONE, draw };
}

let forks = 0;
function isForked(branch) { return branch.entry !== null; }
function fan(owner, branches, limit, origin) {
  // Branches are told apart from each other: each is an end of its own, behind the one where all fork.
  const ends = branches.map(() => `fork${forks++}`);
  const tiles = branches.map((branch, i) => column(owner, branch, { limit, origin: isForked(branch) ? ends[i] : undefined }));
  const ports = new Map(), exits = new Map(), places = [];
  const isEntered = branches.some(isForked), fork = isEntered ? FORK : 0;
  const total = tiles.reduce((sum, tile) => sum + tile.left + tile.right + SPACING, -SPACING);
  const tall = Math.max(...tiles.map((tile) => tile.height));
  let x = -total / 2;
  tiles.forEach((tile, i) => {
    x += tile.left;
    const y = fork + (isEntered ? tall - tile.height : 0);  // ends stand on one row, ports on another
    places.push([x, y]);
    if (isForked(branches[i]) && !branches[i].parts.length) exits.set(branches[i].entry, [x, ends[i]]);
    for (const [key, [exit, end]] of tile.exits) exits.set(key, [x + exit, end]);
    for (const [key, [px, py]] of tile.ports) ports.set(key, [x + px, y + py]);
    x += tile.right + SPACING;
  });
  const draw = (x, y) => tiles.forEach((tile, i) => {
    const [dx, dy] = places[i], head = branches[i].head, low = y + fork + tall;
    if (isForked(branches[i])) {
      const bottom = branches[i].parts.length ? y + dy : low;
      addLine([[x, y], [x, y + FORK], [x + dx, y + FORK], [x + dx, bottom]], origin, ends[i], head, false);
    }
    tile.draw(x + dx, y + dy);
    for (const [exit, end] of tile.exits.values()) {
      addLine([[x + dx + exit, y + dy + tile.height], [x + dx + exit, low]], end, end, head, false);
    }
  });
  return { left: total / 2, right: total / 2, height: fork + tall, ports, exits, draw };
}
