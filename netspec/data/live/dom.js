// The page's elements. Text reaches them as text only.

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** A new element; properties that start with "on" are listeners, all others attributes. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Moves the focus among a container's items, in their order, with the arrow keys; one of them is a tab stop. */
export function roving(container, items, onEnter) {
  container.addEventListener("keydown", (event) => {
    const found = items();
    const at = found.indexOf(document.activeElement);
    if (at < 0) return;
    const last = found.length - 1;
    const next = {
      ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: last,
    }[event.key];
    if (next !== undefined) focusItem(found, Math.min(Math.max(next, 0), last));
    else if (onEnter && (event.key === "Enter" || event.key === " ")) onEnter(found[at], event);
    else return;
    event.preventDefault();
  });
}

function focusItem(items, index) {
  for (const item of items) item.setAttribute("tabindex", "-1");
  items[index].setAttribute("tabindex", "0");
  items[index].focus();
}

/** Scrolls the first of these elements into view, unless one of them is seen already. */
export function reveal(container, elements) {
  const room = container.getBoundingClientRect();
  const seen = elements.some((item) => {
    const box = item.getBoundingClientRect();
    return box.bottom > room.top && box.top < room.bottom && box.right > room.left && box.left < room.right;
  });
  if (!seen) elements[0]?.scrollIntoView({ block: "center", inline: "nearest" });
}

/** A task that runs once at a time: asked for while it runs, it runs once more; the answer is when it rests. */
export function latest(task) {
  let running = null;
  let wanted = false;
  const run = async () => {
    while (wanted) {
      wanted = false;
      await task();
    }
  };
  return () => {
    wanted = true;
    running ??= run().finally(() => { running = null; });
    return running;
  };
}

/** Gives a text to the user as a file. */
export function download(name, text) {
  const url = URL.createObjectURL(new Blob([text]));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
