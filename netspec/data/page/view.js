// The window on the drawing: one transform, which pointers, the wheel and keys move.

const SMALLEST = 0.02, LARGEST = 1.8, CLOSEST = 8, FAR = 0.3, SETTLED = 180;
const stage = document.getElementById("stage");
let view = { x: 0, y: 0, k: 1 }, isFitted = true, settling = 0;

function room() {
  const { left, top, width, height } = stage.getBoundingClientRect();
  return { left: left + 10, top: top + 10, width: Math.max(50, width - 20), height: Math.max(50, height - 20) };
}
// A place in the window as a place on the stage.
function onStage(x, y) {
  const { left, top } = stage.getBoundingClientRect();
  return [x - left, y - top];
}
function move() {
  svg.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.k})`;
  if (!svg.classList.contains("moving")) showTexts();
}
function showTexts() { svg.classList.toggle("far", view.k < FAR); }
// While it moves the drawing is a picture that only shifts and scales; then it is drawn sharp again.
function moving() {
  isFitted = false;
  hide();
  svg.classList.add("moving");
  clearTimeout(settling);
  settling = setTimeout(settle, SETTLED);
  move();
}
function settle() {
  svg.classList.remove("moving");
  showTexts();
}
function fit({ width, height }) {
  const k = Math.min(width / extent.width, height / extent.height, LARGEST);
  view = { k, x: 10 + (width - k * extent.width) / 2, y: 10 };
  isFitted = true;
  move();
}
function refit() {
  const space = room();
  arrange(space);
  draw(space);
}
function zoom(factor, clientX, clientY) {
  const [x, y] = onStage(clientX, clientY);
  const k = Math.min(CLOSEST, Math.max(SMALLEST, view.k * factor));
  view = { k, x: x - ((x - view.x) * k) / view.k, y: y - ((y - view.y) * k) / view.k };
  moving();
}
function pan(dx, dy) {
  view.x += dx;
  view.y += dy;
  moving();
}
function middle() {
  const { left, top, width, height } = room();
  return [left + width / 2, top + height / 2];
}
function zoomMiddle(factor) { zoom(factor, ...middle()); }

// What changes the drawing keeps a box where it is.
function keeping(item, change) {
  const before = boxes.has(item) && boxes.get(item).getBoundingClientRect();
  change();
  draw();
  const after = boxes.has(item) && boxes.get(item).getBoundingClientRect();
  if (before && after) {
    view.x += before.left - after.left;
    view.y += before.top - after.top;
  }
  isFitted = false;
  move();
}
function toggle(item) {
  if (!item.items) return;
  keeping(item, () => (isOpen(item) ? open.delete(item) : open.add(item)));
}
function every(doOpen) {
  open.clear();
  open.add(root);
  if (doOpen) for (const item of items) if (item.items) open.add(item);
  refit();
}

// Brings a box into the window, large enough to read.
function show(item) {
  const box = boxes.get(item);
  if (!box) return;
  const { left, top, width, height } = room(), place = box.getBoundingClientRect();
  const isInside = place.left >= left && place.top >= top && place.right <= left + width && place.bottom <= top + height;
  if (isInside && view.k >= 0.5) return;
  const k = Math.max(view.k, 0.9), [x, y] = onStage(...middle());
  const [centre, start] = onStage((place.left + place.right) / 2, place.top + Math.min(place.height, height * 0.8) / 2);
  const across = centre - view.x, down = start - view.y;
  view = { k, x: x - (across * k) / view.k, y: y - (down * k) / view.k };
  isFitted = false;
  move();
}

// Moves no more than it must: the details may have come to stand where a box was.
function nudge(item) {
  const { left, top, width, height } = room(), place = boxes.get(item).getBoundingClientRect();
  const shift = (start, end, low, high) => (start < low ? low - start : end > high ? Math.max(high - end, low - start) : 0);
  const across = shift(place.left, place.right, left, left + width), down = shift(place.top, place.bottom, top, top + height);
  if (!across && !down) return;
  view.x += across;
  view.y += down;
  move();
}

// ---------------------------------------------------------------- pointers: one moves, two pinch, a short one taps

const pointers = new Map();
let isDragged = false;
stage.addEventListener("pointerdown", (event) => {
  if (!pointers.size) isDragged = false;
  pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, startX: event.clientX, startY: event.clientY });
});
addEventListener("pointermove", (event) => {
  const pointer = pointers.get(event.pointerId);
  if (!pointer) return event.pointerType === "mouse" && hover(event);
  const before = [...pointers.values()].map(({ x, y }) => [x, y]);
  const { clientX: x, clientY: y } = event;
  if (!isDragged && pointers.size < 2 && Math.hypot(x - pointer.startX, y - pointer.startY) < 5) return undefined;
  if (!isDragged) stage.setPointerCapture(event.pointerId);
  isDragged = true;
  Object.assign(pointer, { x, y });
  const after = [...pointers.values()].map(({ x, y }) => [x, y]);
  return after.length > 1 ? pinch(before, after) : pan(after[0][0] - before[0][0], after[0][1] - before[0][1]);
});
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, (event) => pointers.delete(event.pointerId));
function pinch([a, b], [c, d]) {
  const length = ([x, y], [u, v]) => Math.max(1, Math.hypot(x - u, y - v)), between = ([x, y], [u, v]) => [(x + u) / 2, (y + v) / 2];
  const [x, y] = between(a, b), [u, v] = between(c, d);
  view.x += u - x;
  view.y += v - y;
  zoom(length(c, d) / length(a, b), u, v);
}
stage.addEventListener("click", (event) => {
  if (isDragged || event.target.item === undefined) return;
  toggle(event.target.item);
  select(event.target.item);
  nudge(event.target.item);
});
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  // A touchpad pinches with ctrl; the wheel alone zooms too, as on a map.
  zoom(Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)), event.clientX, event.clientY);
}, { passive: false });
addEventListener("resize", () => {
  // Whoever looks closely goes on looking at the same box.
  const near = isFitted ? null : selected || nearest();
  if (!near) return refit();
  arrange(room());
  return keeping(near, () => {});
});
function nearest() {
  const [x, y] = middle();
  const far = ([, box]) => {
    const { left, right, top, bottom } = box.getBoundingClientRect();
    return Math.hypot((left + right) / 2 - x, (top + bottom) / 2 - y);
  };
  return [...boxes].map((entry) => [far(entry), entry[0]]).sort((a, b) => a[0] - b[0])[0][1];
}
