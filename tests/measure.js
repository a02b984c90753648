// Draws NETWORKS with no block open, all, every second, and two of three; reports what stands where.
function inside(group) {
  return group.items.flatMap((item) => (item.items ? [item, ...inside(item)] : []));
}
function numbers(element, ...names) {
  return names.map((name) => Number(element.getAttribute(name)));
}
function shown(size) {
  const boxes = [], texts = [], lines = [];
  for (const element of canvas.children) {
    const kind = element.getAttribute("class") || "";
    if (element.tagName === "rect" && kind !== "bar") {
      boxes.push([...numbers(element, "x", "y", "width", "height"), kind]);
    } else if (element.tagName === "text") {
      const anchor = element.getAttribute("text-anchor");
      texts.push([...numbers(element, "x", "y"), element.textContent, kind, anchor]);
    } else if (element.tagName === "polyline") {
      const points = element.getAttribute("points").split(" ");
      lines.push(points.map((point) => point.split(",").map(Number)));
    }
  }
  return { boxes, texts, lines, width: size.left + size.right, height: size.height };
}
const everywhere = [];
for (const network of NETWORKS) {
  for (const isOpen of [() => false, () => true, (i) => i % 2, (i) => i % 3]) {
    open.clear();
    inside(network).filter((_, i) => isOpen(i)).forEach((item) => open.add(item));
    canvas.remove();
    canvas = add(svg, "g", {});
    const size = series(network, network.flow);
    size.draw(size.left, 0);
    everywhere.push(shown(size));
  }
}
document.body.textContent = "REPORT" + JSON.stringify(everywhere) + "TROPER";
