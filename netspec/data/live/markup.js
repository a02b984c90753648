// What comes from the server as markup is rebuilt from what we know, and nothing else.

const KEPT = new Set([
  "BLOCKQUOTE", "BR", "CODE", "DEL", "EM", "H1", "H2", "H3", "H4", "H5", "H6", "HR", "LI", "OL", "P",
  "PRE", "SPAN", "STRONG", "TABLE", "TBODY", "TD", "TH", "THEAD", "TR", "UL",
]);

/** HTML of a documentation: elements of text without attributes; all others are their text. */
export function harmless(html) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const made = document.createElement("div");
  for (const node of parsed.body.childNodes) made.append(...rebuilt(node));
  return made.innerHTML;
}

function rebuilt(node) {
  if (node.nodeType === Node.TEXT_NODE) return [node.data];
  if (node.nodeType !== Node.ELEMENT_NODE) return [];
  const children = [...node.childNodes].flatMap(rebuilt);
  if (!KEPT.has(node.nodeName)) return children;
  const made = document.createElement(node.nodeName);
  made.append(...children);
  return [made];
}

const PAINT = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "data-layers"];
const FIGURE = new Map(Object.entries({
  svg: ["xmlns", "width", "height", "viewBox", "font-family", "role"],
  title: [],
  g: ["pointer-events", "data-layers"],
  rect: [...PAINT, "x", "y", "width", "height", "rx"],
  polyline: [...PAINT, "points"],
  polygon: [...PAINT, "points"],
  text: [
    "x", "y", "fill", "font-size", "font-weight", "lengthAdjust", "text-anchor", "textLength", "data-layers",
  ],
}).map(([name, attributes]) => [name, new Set(attributes)]));
const SVG = "http://www.w3.org/2000/svg";

/** The figure as an element. Throws where it has anything but what netspec draws with. */
export function figure(text) {
  const parsed = new DOMParser().parseFromString(text, "image/svg+xml");
  for (const item of parsed.querySelectorAll("*")) {
    const known = item.namespaceURI === SVG && FIGURE.get(item.localName);
    if (!known) throw new Error(`the figure has an element <${item.nodeName}>`);
    for (const { name } of item.attributes) {
      if (!known.has(name)) throw new Error(`the figure has an attribute ${name}`);
    }
  }
  return document.importNode(parsed.documentElement, true);
}
