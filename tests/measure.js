// Draws the page's network with no block open, all, every second, and two of three, in one column and in several;
// returns what stands where, and from which box to which each line leads.
(() => {
  const called = (item) => item.path || `output ${item.label}`;
  const name = (end) => (typeof end === "string" || end === null ? end : ["box", called(end)]);
  const shown = () => ({
    boxes: scene.boxes.map(({ x, y, wide, high, kind, item }) => [x, y, wide, high, kind, called(item)]),
    tags: scene.tags.map(({ x, y, wide }) => [x, y, wide, TAG]),
    texts: scene.texts.map(({ x, y, text, role, anchor }) => [x, y, text, role, anchor]),
    lines: scene.lines.map(({ points, from, to }) => [points, name(from), name(to)]),
    ...extent,
  });
  const blocks = items.filter((item) => item.items), everywhere = [];
  for (const isOpen of [() => false, () => true, (i) => i % 2, (i) => i % 3]) {
    open.clear();
    open.add(root);
    blocks.filter((_, i) => isOpen(i)).forEach((item) => open.add(item));
    for (const height of [Infinity, 160]) {
      limits = { inner: height, outer: height };
      draw();
      everywhere.push(shown());
    }
  }
  return everywhere;
})();
