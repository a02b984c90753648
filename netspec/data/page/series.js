// A series: parts one below the other, the gaps between them, lanes beside them, and what hangs at the side.

// `start` to `stop` are the parts that stand here, `cuts` the skips that go on elsewhere behind a number, `origin`
// the end that lines from the part above the first one come from, where it is not that part itself.
function column(owner, flow, { limit, start = 0, stop = flow.parts.length, cuts = [], origin }) {
  const { parts } = flow, skips = (flow.skips || []).filter((skip) => !cuts.includes(skip));
  const lanes = skips.map(([start, end, side, port, head]) => ({ start, end, side, port, head }));
  const inside = lanes.filter((lane) => lane.end < stop && (lane.start >= start || !start)), isLast = stop === parts.length;
  const hanging = (flow.sides || []).filter((side) => side.after + 1 >= start && (side.after + 1 < stop || isLast));
  const here = { owner, flow, parts, start, stop, limit, origin, cuts, lanes: inside, tiles: [], gaps: [], trunks: [], into: [], out: [] };
  here.taps = new Set(hanging.map((side) => side.after));
  // What leaves the last part behind a number stands below it.
  here.tail = isLast ? [...(flow.out || []), ...given(owner, parts[stop - 1])].map((text) => numberOf(owner, text)) : [];
  const size = stack(here), sides = beside(here, hanging, size);
  const right = Math.max(size.right, ...sides.map((side) => side.x + side.tile.right));
  const height = Math.max(size.low, ...sides.map((side) => side.end));
  const last = parts[stop - 1], child = last && !last.fan ? childOf(last) : undefined;
  here.exit = child === undefined ? undefined : comesFrom(here, child);
  const exits = !last ? NONE : last.fan ? here.tiles[stop - 1].exits : new Map([[child, [0, here.exit]]]);
  const ports = !start && parts.length && parts[0].item === undefined ? here.tiles[0].ports : NONE;
  const draw = (x, y) => drawColumn(here, sides, size, x, y);
  return { ...here, left: size.left, right, height, low: size.low, ports, exits, end: 0, draw };
}
function stack(here) {
  const { parts, start, stop, cuts, tail } = here;
  let low = 0, left = 5, right = 5;
  for (let i = start; i < stop; i++) {
    here.into[i] = numbersInto(here, parts[i], i, cuts);
    here.out[i] = numbersOut(here, parts[i], i, cuts);
    const tile = here.tiles[i] = place(here, i), gap = here.gaps[i] = { ...gapAbove(here, i), top: low };
    low += gap.height + tile.height;
    left = Math.max(left, tile.left);
    right = Math.max(right, tile.right, gap.right);
  }
  const end = low;
  if (tail.length) {
    low += TAG + 4;
    right = Math.max(right, 19 + width(tail.join(","), 9));
  }
  for (const lane of distances(here)) lane.side < 0 ? (left = Math.max(left, lane.x)) : (right = Math.max(right, lane.x));
  return { left, right, low, end };
}
function drawColumn(here, sides, { low, end }, x, y) {
  for (let i = here.start; i < here.stop; i++) connect(here, i, x, y);
  for (let i = here.start; i < here.stop; i++) here.tiles[i].draw(x, y + topOf(here, i));
  for (const lane of here.lanes) drawLane(here, lane, x, y);
  for (const side of sides) drawSide(here, side, x, y);
  if (!here.tail.length) return;
  drawNumbers(here.tail, here.exit, x, y + end, TAG / 2 + 1);
  addLine([[x, y + end], [x, y + low]], here.exit, here.exit, false, false);
}
// Whether something enters a column from the one before.
function isFed({ parts, start, out, taps }) {
  const part = parts[start];
  return part.lines || (part.fan && part.fan.some(isForked)) || out[start].length || taps.has(start - 1);
}
function numbersInto({ owner }, part, i, cuts) {
  const own = (part.into || []).map(([text, port]) => [numberOf(owner, text), port]);
  return [...own, ...cuts.filter(([, end]) => end === i).map(([start, , , port]) => [cutNumber(owner, start), port])];
}
function numbersOut({ owner, parts }, part, i, cuts) {
  const own = [...(part.out || []), ...given(owner, parts[i - 1])].map((text) => numberOf(owner, text));
  return [...own, ...new Set(cuts.filter(([start]) => start === i - 1).map(([start]) => cutNumber(owner, start)))];
}
// What a closed block gives beside its output; where it is open that leaves from inside.
function given(owner, part) {
  const item = part && part.item !== undefined ? owner.items[part.item] : root;
  return isOpen(item) ? [] : item.gives || [];
}
function cutNumber(owner, start) { return numberOf(owner, `part ${start}`); }
function topOf({ gaps }, i) { return gaps[i].top + gaps[i].height; }

// ---------------------------------------------------------------- ends of lines

function childOf(part) { return part.port === undefined ? part.item : -1 - part.port; }
function before({ parts, flow }, i) {
  if (!i) return flow.entry;
  return parts[i - 1].fan ? null : childOf(parts[i - 1]);
}
function comesFrom(here, child) {
  return here.origin !== undefined && child === before(here, here.start) ? here.origin : sourceOf(here.owner, child);
}
function goesTo({ owner, parts }, i, port) { return targetOf(owner.items[parts[i].item], port); }

// ---------------------------------------------------------------- sizes

function place(here, i) {
  const { owner, parts, tiles, lanes, limit } = here, part = parts[i];
  if (part.fan) return fan(owner, part.fan, limit, (here.trunks[i] = `fork${forks++}`));
  if (part.port !== undefined) {
    // An input at the top is a point where a line of the frame ends; further down only a tag tells it.
    const point = { left: 5, right: 5, height: 0, ports: new Map([[part.port, [0, 0]]]), exits: NONE, draw: () => {} };
    return i ? entered(owner, part.port, here.into[i][0][0]) : point;
  }
  const item = owner.items[part.item], above = tiles[i - 1];
  if (item.items && isOpen(item)) return frame(item, limit);
  const entering = above && above.exits.size ? [...above.exits.values()].map(([x]) => x) : [0], into = here.into[i];
  const slots = [-1, 1].map((side) => SLOT * ending(lanes, i, side).length + (side < 0 && into.length ? TAG : 0));
  return leaf(item, entering, slots, into.length ? into : undefined);
}
function entered(owner, port, number) {
  const mark = tag([number]);
  return { ...mark, draw: (x, y) => { mark.draw(x, y); addLine([[x, y + TAG]], tagEnd(number), inputOf(owner, port), false, false); } };
}
function ending(lanes, i, side) { return lanes.filter((lane) => lane.end === i && lane.side === side).sort((a, b) => b.start - a.start); }
function tagged(here, i) { return here.tiles[i].isOpen ? here.into[i].filter(([, port]) => here.tiles[i].ports.has(port)) : []; }
function moves(here, i) {
  // From which x to which x the lines from the part above run, and from which end to which.
  const exits = i > here.start ? here.tiles[i - 1].exits : NONE;
  return (here.parts[i].lines || []).map(([source, port]) => {
    const [x, from] = exits.get(source) || [0, comesFrom(here, source)];
    return { start: x, end: here.tiles[i].isOpen ? here.tiles[i].ports.get(port)[0] : x, from, to: goesTo(here, i, port) };
  });
}
function gapAbove(here, i) {
  // Three zones: for what leaves, for the shape, and for what turns to the inputs of an open block.
  const part = here.parts[i], tile = here.tiles[i], hasOut = here.out[i].length;
  const leaves = here.lanes.some((lane) => lane.start === i - 1) || here.taps.has(i - 1);
  const out = (leaves ? 6 : 0) + (hasOut ? TAG + 2 : 0), text = part.shape ? 11 : 0;
  const isBent = tile.isOpen && here.lanes.some((lane) => lane.end === i);
  const turns = moves(here, i).filter(({ start, end }) => start !== end).length + (isBent ? 1 : 0);
  const arrivals = TURN * turns + (tagged(here, i).length ? TAG + 2 : 0);
  const right = Math.max(part.shape ? 5 + width(part.shape, 9) : 0, hasOut ? 19 + width(here.out[i].join(","), 9) : 0);
  const isEntered = here.flow.entry !== null && (part.fan || part.lines);
  if (!i && !isEntered && !(out || text || arrivals)) return { out, arrivals, right, height: 0 };
  return { out, arrivals, right, height: part.fan ? out + text + (text ? 2 : 0) : Math.max(GAP, out + text + arrivals + 4) };
}
function distances({ tiles, gaps, lanes }) {
  // Shorter lanes come first: one that spans another runs outside it, and never crosses it.
  const done = [];
  for (const lane of [...lanes].sort((a, b) => a.end - a.start - b.end + b.start || a.start - b.start)) {
    let x = 5;
    for (let i = lane.start + 1; i <= lane.end; i++) {
      x = Math.max(x, lane.side < 0 ? tiles[i].left : Math.max(tiles[i].right, gaps[i].right));
    }
    for (const other of done) if (other.side === lane.side && other.start < lane.end && lane.start < other.end) x = Math.max(x, other.x);
    lane.x = x + LANE;
    done.push(lane);
  }
  return lanes;
}
function beside(here, hanging, { low, right }) {
  const found = [];
  // From the bottom up: the line to a higher one passes above all that hangs further in.
  for (const side of [...hanging].reverse()) {
    const origin = side.tap ? `fork${forks++}` : undefined, tile = column(here.owner, side.flow, { limit: here.limit, origin });
    const next = here.gaps[side.after + 1], tap = next ? next.top + 4 : low;
    const near = found.filter((other) => other.end > tap - 6 && other.top < tap + 6 + tile.height);
    const x = Math.max(right, ...near.map((other) => other.x + other.tile.right)) + 12 + tile.left;
    found.push({ ...side, origin, tile, top: tap, x, end: tap + 6 + tile.height });
  }
  return found;
}

// ---------------------------------------------------------------- lines

function connect(here, i, x, y) {
  const part = here.parts[i], tile = here.tiles[i], gap = here.gaps[i], above = y + gap.top, below = above + gap.height;
  if (part.shape) addText(null, x + 4, above + gap.out + 9, part.shape, "note", "start");
  if (here.out[i].length) drawNumbers(here.out[i], comesFrom(here, before(here, i)), x, above, gap.out - TAG / 2 - 1);
  if (part.fan && part.fan.some(isForked)) {
    addLine([[x, above], [x, below]], comesFrom(here, part.fan.find(isForked).entry), here.trunks[i], false, false);
  }
  if (part.item === undefined) return;
  // Those to the right turn last to first, those to the left first to last: nothing crosses.
  const bent = moves(here, i), rights = bent.filter(({ start, end }) => end > start).reverse();
  let row = below - gap.arrivals - 2;
  for (const { start, end, from, to } of [...bent.filter(({ start, end }) => end <= start), ...rights]) {
    if (start !== end) row += TURN;
    addLine([[x + start, above], [x + start, row], [x + end, row], [x + end, below]], from, to, part.head, !tile.isOpen);
  }
  for (const [number, port] of tagged(here, i)) {
    const [px] = tile.ports.get(port);
    tag([number]).draw(x + px, below - TAG - 2);
    addLine([[x + px, below - 2], [x + px, below]], tagEnd(number), goesTo(here, i, port), part.head, false);
  }
}
function drawNumbers(numbers, from, x, y, below) {
  const mark = tag(numbers), low = y + below;
  for (const number of numbers) addLine([[x, y], [x, low], [x + 9, low]], from, tagEnd(number), false, false);
  mark.draw(x + 9 + mark.left, low - TAG / 2);
}
function drawLane(here, lane, x, y) {
  // Out of the gap under its source, down beside the parts, into its target: a box's side, or an input from above.
  const { owner, flow, parts, tiles, gaps, lanes, into } = here, tile = tiles[lane.end];
  const start = y + gaps[lane.start + 1].top, top = y + topOf(here, lane.end), far = x + lane.side * lane.x;
  const points = [[x, start], [x, start + 4], [far, start + 4]];
  if (tile.isOpen) {
    const low = top - 2 - (tagged(here, lane.end).length ? TAG + 2 : 0), end = x + tile.ports.get(lane.port)[0];
    points.push([far, low], [end, low], [end, top]);
  } else {
    const same = ending(lanes, lane.end, lane.side), taken = lane.side < 0 && into[lane.end].length ? TAG : 0;
    const low = top + (tile.height - SLOT * same.length - taken) / 2 + SLOT * (same.indexOf(lane) + 0.5);
    points.push([far, low], [x + lane.side * tile.edges[lane.side < 0 ? 0 : 1], low]);
  }
  const source = lane.start < 0 ? flow.entry : childOf(parts[lane.start]);
  addLine(points, comesFrom(here, source), goesTo(here, lane.end, lane.port), lane.head, !tile.isOpen);
}
function drawSide(here, side, x, y) {
  const high = y + side.top, source = childOf(here.parts[side.after]);
  const points = [[x, high - 4], [x, high], [x + side.x, high], [x + side.x, high + 6]];
  if (side.tap) addLine(points, comesFrom(here, source), side.origin, side.head, false);
  side.tile.draw(x + side.x, high + 6);
}
