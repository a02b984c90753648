// The current view as a file: SVG that stands alone, or PNG drawn on a canvas. Nothing is fetched for either.

const LOOKS = ["fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "font-family", "text-anchor"];

// What is seen, as attributes, texts and the look that the style gives them; from afar with the texts too.
function picture() {
  svg.classList.remove("far");
  const looks = new Map(), parts = [...svg.querySelectorAll("rect, path, text")].map((one) => part(one, looks));
  showTexts();
  const left = Math.max(-10, -view.x / view.k), right = Math.min(extent.width + 10, (stage.clientWidth - view.x) / view.k);
  const top = Math.max(-10, -view.y / view.k), bottom = Math.min(extent.height + 10, (stage.clientHeight - view.y) / view.k);
  const paper = getComputedStyle(document.body).backgroundColor;
  return { parts, paper, left, top, width: Math.max(1, right - left), height: Math.max(1, bottom - top) };
}
function part(one, looks) {
  const name = one.tagName, kind = one.getAttribute("class"), text = name === "text" ? one.textContent : "";
  if (!looks.has(`${name} ${kind}`)) {
    const style = getComputedStyle(one), wanted = LOOKS.filter((look) => name === "text" || !/font|text/.test(look));
    looks.set(`${name} ${kind}`, wanted.map((look) => [look, style.getPropertyValue(look)]));
  }
  const given = ["x", "y", "width", "height", "rx", "d"].filter((key) => one.hasAttribute(key)).map((key) => [key, one.getAttribute(key)]);
  // In a viewer's other font a text is as long as it is here.
  const length = text && round(width(text, /note/.test(kind) ? 9 : 10, /title/.test(kind)));
  if (text) given.push(["textLength", String(length)], ["lengthAdjust", "spacingAndGlyphs"]);
  return { name, given, look: looks.get(`${name} ${kind}`), text };
}
// XML has no way to write some characters, and markup is none in a text.
function written(text) {
  const clean = text.replace(/[^\t\n\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD");
  return clean.replace(/[&<>"]/g, (mark) => `&#${mark.charCodeAt(0)};`);
}
function toSvg({ parts, paper, left, top, width, height }) {
  const attributes = (pairs) => pairs.map(([name, value]) => ` ${name}="${written(value)}"`).join("");
  const box = [["x", left], ["y", top], ["width", width], ["height", height]].map(([name, value]) => [name, String(round(value))]);
  const lines = parts.map(({ name, given, look, text }) => `<${name}${attributes([...given, ...look])}>${written(text)}</${name}>`);
  const size = `viewBox="${[left, top, width, height].map(round).join(" ")}" width="${round(width)}" height="${round(height)}"`;
  const title = `<title>${written(document.title)}</title>`;
  return [`<svg xmlns="${SPACE}" ${size}>`, title, `<rect${attributes([...box, ["fill", paper]])}/>`, ...lines, "</svg>\n"].join("\n");
}
function toCanvas({ parts, paper, left, top, width, height }) {
  const canvas = document.createElement("canvas"), scale = Math.min(Math.max(2, view.k * devicePixelRatio), 8000 / Math.max(width, height));
  canvas.width = Math.ceil(width * scale);
  canvas.height = Math.ceil(height * scale);
  const pen = canvas.getContext("2d");
  pen.fillStyle = paper;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.setTransform(scale, 0, 0, scale, -left * scale, -top * scale);
  for (const { name, given, look, text } of parts) {
    const at = Object.fromEntries(given), style = Object.fromEntries(look);
    [pen.fillStyle, pen.strokeStyle, pen.lineWidth] = [style.fill, style.stroke, parseFloat(style["stroke-width"])];
    pen.setLineDash(style["stroke-dasharray"] === "none" ? [] : style["stroke-dasharray"].split(/[ ,]+/).map(parseFloat));
    if (name === "text") {
      pen.font = `${style["font-weight"]} ${style["font-size"]} ${style["font-family"]}`;
      pen.textAlign = { middle: "center", end: "right" }[style["text-anchor"]] || "left";
      pen.fillText(text, at.x, at.y);
      continue;
    }
    const shape = new Path2D(at.d);
    if (name === "rect") shape.roundRect(...["x", "y", "width", "height", "rx"].map((key) => Number(at[key])));
    if (style.fill !== "none") pen.fill(shape);
    if (style.stroke !== "none") pen.stroke(shape);
  }
  return canvas;
}
function save(content, ending) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = `${document.title}.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
function saveSvg() { save(new Blob([toSvg(picture())], { type: "image/svg+xml" }), "svg"); }
function savePng() { toCanvas(picture()).toBlob((blob) => save(blob, "png")); }
