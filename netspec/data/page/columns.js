// A long series wraps into columns; how high they are is chosen so that the whole fits the window at its largest.

const GUTTER = 8, TRACK = 12, LEAST = 150;
let limits = { inner: Infinity, outer: Infinity };  // heights of columns: inside of blocks, and of the whole

function body(item, most) {
  const limit = Math.max(most, LEAST), whole = column(item, item.flow, { limit });
  if (whole.height <= limit) return whole;
  const { ends, cuts } = breaks(item.flow, whole, limit, item !== root);
  return ends.length > 1 ? wrapped(item, ends, cuts, limit) : whole;
}

// Returns the part behind each column. A lane does not reach into another column, so none ends beside one, unless
// that leaves columns far too high: then the lanes that are cut go on behind a number.
function breaks(flow, whole, limit, isEven) {
  const { parts } = flow, skips = flow.skips || [], heights = parts.map((_, i) => whole.gaps[i].height + whole.tiles[i].height);
  const isCut = ([start, end], i) => start <= i && i < end;
  const free = parts.map((part, i) => !part.fan && !skips.some((skip) => isCut(skip, i)));
  let ends = filled(heights, free, limit);
  const any = parts.map((part) => !part.fan), others = filled(heights, any, limit);
  let may = free;
  if (tallest(heights, ends) > 1.5 * limit && tallest(heights, others) < 0.7 * tallest(heights, ends)) [ends, may] = [others, any];
  if (isEven) ends = filled(heights, may, even(heights, may, limit, ends.length));
  const cuts = skips.filter((skip) => ends.some((end) => isCut(skip, end - 1)));
  return { ends, cuts, may, heights };
}
function filled(heights, may, limit) {
  const ends = [];
  let y = 0, last = -1, rest = 0;
  heights.forEach((height, i) => {
    if (y + height > limit && last >= 0) {
      ends.push(last + 1);
      [y, last] = [rest, -1];
    }
    y += height;
    rest += height;
    if (may[i]) [last, rest] = [i, 0];
  });
  return [...ends, heights.length];
}
function tallest(heights, ends) {
  return Math.max(...ends.map((end, i) => heights.slice(i ? ends[i - 1] : 0, end).reduce((sum, height) => sum + height, 0)));
}
function even(heights, may, limit, count) {
  let low = 0, high = limit;
  for (let step = 0; step < 10; step++) {
    const middle = (low + high) / 2, ends = filled(heights, may, middle);
    ends.length <= count && tallest(heights, ends) <= limit ? (high = middle) : (low = middle);
  }
  return high;
}

let wraps = 0;
function wrapped(item, ends, cuts, limit) {
  const { flow } = item, columns = [], wrap = wraps++;
  let x = 0, height = 0;
  ends.forEach((stop, i) => {
    const start = i ? ends[i - 1] : 0, origin = i ? `carry${wrap} ${i}` : undefined, top = i ? TRACK : 0;
    const tile = column(item, flow, { limit, start, stop, cuts, origin });
    if (i) x += tile.left + GUTTER;
    columns.push({ tile, x, top, start, origin });
    x += tile.right + GUTTER;
    height = Math.max(height, top + tile.height + TRACK / 2);
  });
  const last = columns[columns.length - 1];
  const draw = (x, y) => {
    columns.forEach((to, i) => {
      if (i) carry(item, columns[i - 1], to, x, y);
      to.tile.draw(x + to.x, y + to.top);
    });
    const points = [[x + last.x, y + last.top + last.tile.low], [x + last.x, y + height]];
    if (item !== root) addLine(points, last.tile.exit, last.tile.exit, item.head, false);
  };
  const { left, ports } = columns[0].tile;
  return { left, right: last.x + last.tile.right, height, ports, exits: NONE, end: last.x, exit: last.tile.exit, draw };
}
function carry(item, from, to, x, y) {
  // Down to below all of the column, up beside the next one, and into its top.
  if (!isFed(to.tile)) return;
  const start = x + from.x, end = x + to.x, low = y + from.top + from.tile.height + TRACK / 2, gutter = start + from.tile.right + GUTTER;
  const points = [[start, y + from.top + from.tile.low], [start, low], [gutter, low], [gutter, y + 4], [end, y + 4], [end, y + to.top]];
  addLine(points, from.tile.exit, to.origin, item.flow.parts[to.start].head, false);
}

// ---------------------------------------------------------------- the best height

function arrange(room) {
  natural.clear();
  const scale = (tile) => Math.min(room.width / (tile.left + tile.right), room.height / tile.height, LARGEST);
  const whole = column(root, root.flow, { limit: Infinity });
  let best = scale(whole);
  // What fits as it is goes on below when a block is opened, which is no higher than the window.
  limits = { inner: room.height / best, outer: Infinity };
  if (best >= 0.9) return;
  const area = whole.tiles.reduce((sum, tile) => sum + (tile.left + tile.right + 2 * GUTTER) * (tile.height + GAP), 0);
  const height = Math.sqrt((area * room.height) / room.width);
  for (const factor of [0.85, 1, 1.2, 1.45, 1.8]) {
    const limit = factor * height, tile = column(root, root.flow, { limit }), found = breaks(root.flow, tile, limit, false);
    const outer = even(found.heights, found.may, Math.max(limit, tallest(found.heights, found.ends)), found.ends.length);
    const size = scale(wrapped(root, filled(found.heights, found.may, outer), found.cuts, limit));
    if (size > best) [best, limits] = [size, { inner: limit, outer }];
  }
}
function arranged() {
  const whole = column(root, root.flow, { limit: limits.inner });
  if (whole.height <= limits.outer) return whole;
  const { ends, cuts } = breaks(root.flow, whole, limits.outer, false);
  return ends.length > 1 ? wrapped(root, ends, cuts, limits.inner) : whole;
}
