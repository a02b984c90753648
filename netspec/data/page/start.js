// Keys, buttons, and the first drawing.

function theme() {
  const page = document.documentElement.dataset;
  page.theme = page.theme === "dark" ? "light" : "dark";
}
function focus(box) { box.focus({ preventScroll: true }); }

// From box to box: along the data, or to what stands beside.
function neighbour(item, side) {
  const { left, right, top, bottom } = boxes.get(item).getBoundingClientRect(), x = (left + right) / 2, y = (top + bottom) / 2;
  const distance = ([other, box]) => {
    const place = box.getBoundingClientRect(), dx = side * ((place.left + place.right) / 2 - x);
    const dy = Math.abs((place.top + place.bottom) / 2 - y);
    return other === item || dx < 2 || other === item.owner ? Infinity : dx + 4 * dy;
  };
  const [best] = [...boxes].map((entry) => [distance(entry), entry[0]]).sort((a, b) => a[0] - b[0]);
  return best[0] === Infinity ? [] : [best[1]];
}
const ways = {
  ArrowDown: (item) => (item.items && isOpen(item) ? [item.items[0]] : readers(item)),
  ArrowUp: (item) => sources(item),
  ArrowLeft: (item) => neighbour(item, -1), ArrowRight: (item) => neighbour(item, 1),
};
function walk(item, key) {
  const [next] = ways[key](item);
  if (next) visit(next);
}
const keys = {
  "+": () => zoomMiddle(1.2), "=": () => zoomMiddle(1.2), "-": () => zoomMiddle(1 / 1.2), 0: refit, f: refit,
  e: () => every(true), c: () => every(false), t: theme, m: recolour, s: saveSvg, g: savePng,
  l: () => { showLegend(legend.hidden); if (isFitted) refit(); },
  n: () => step(1), p: () => step(-1), "/": () => search.focus(),
  ArrowLeft: () => pan(60, 0), ArrowRight: () => pan(-60, 0), ArrowUp: () => pan(0, 60), ArrowDown: () => pan(0, -60),
  Escape: () => (former ? restore() : select(null)),
};
addEventListener("keydown", (event) => {
  if (event.target === search || event.ctrlKey || event.metaKey || event.altKey) return;
  const item = event.target.item, isPressed = event.key === "Enter" || event.key === " ";
  if (isPressed && item) {
    toggle(item);
    select(item);
  } else if (item && ways[event.key] && !event.shiftKey) walk(item, event.key);
  else if (!isPressed && keys[event.key]) keys[event.key]();
  else return;
  event.preventDefault();
});
for (const button of document.querySelectorAll("header button")) button.addEventListener("click", () => keys[button.dataset.key]());
svg.addEventListener("focusin", (event) => {
  if (!event.target.item || event.target.item === selected || !event.target.matches(":focus-visible")) return;
  const place = event.target.getBoundingClientRect();
  tell(event.target.item, place.right, place.top);
});
svg.addEventListener("focusout", hide);
if (matchMedia("(prefers-color-scheme: dark)").matches) theme();
showLegend(innerWidth >= 900);
refit();
follow();
