// What belongs together: layers, lines of the spec, lines of the code, rows, boxes.

export class Links {
  constructor(network) {
    this.layers = network.layers;
    this.places = network.places;
    const paths = this.layers.map((layer) => layer.path);
    this.total = counts(paths);
    /** Where each path stands among all: a block stands before what is in it. */
    this.order = new Map([...this.total.keys()].map((path, index) => [path, index]));
  }

  /** The paths of all layers at or below these paths. */
  below(paths) {
    const named = new Set(paths);
    return new Set(this.#paths((layer) => prefixes(layer.path).some((prefix) => named.has(prefix))));
  }

  /** The paths of all layers that have a place on these lines (0-based) of a file. */
  onLines(uri, first, last) {
    const hit = this.places.map(
      (place) => place.uri === uri && place.range.start.line <= last && lastLine(place.range) >= first,
    );
    return new Set(this.#paths((layer) => layer.places.some((index) => hit[index])));
  }

  /** The paths of all layers that these lines of the code make. */
  inCode(first, last) {
    const within = ([from, to]) => from <= last && to >= first;
    return new Set(this.#paths((layer) => layer.code.some(within)));
  }

  #paths(test) {
    return this.layers.filter(test).map((layer) => layer.path);
  }

  /** What is lit when these layers are selected. */
  lit(paths) {
    return new Lit(this, paths);
  }
}

class Lit {
  constructor(links, paths) {
    this.links = links;
    this.paths = paths;
    this.count = counts(paths);
    this.chosen = links.layers.filter((layer) => paths.has(layer.path));
  }

  /** Whether a path has selected layers: "all", "some", or "". */
  share(path) {
    const found = this.count.get(path) ?? 0;
    return found === 0 ? "" : found === this.links.total.get(path) ? "all" : "some";
  }

  /** The lines (0-based) of the selected layers in a file. */
  lines(uri) {
    const indices = new Set(this.chosen.flatMap((layer) => layer.places));
    const places = [...indices].map((index) => this.links.places[index]);
    return places.filter((place) => place.uri === uri).map(({ range }) => [range.start.line, lastLine(range)]);
  }

  /** The line on which the first selected layer is used, outermost; null where it is in other files. */
  use(uri) {
    const places = (this.chosen[0]?.places ?? []).map((index) => this.links.places[index]);
    return places.findLast((place) => place.uri === uri)?.range.start.line ?? null;
  }

  /** The outermost place of the first selected layer. */
  place() {
    return this.links.places[this.chosen[0]?.places.at(-1)];
  }

  /** The lines of the code that make the selected layers. */
  code() {
    return this.chosen.flatMap((layer) => layer.code);
  }
}

/** A range that ends before a line's first character does not reach it. */
function lastLine({ start, end }) {
  return end.character === 0 && end.line > start.line ? end.line - 1 : end.line;
}

function counts(paths) {
  const found = new Map();
  for (const path of paths) {
    for (const prefix of prefixes(path)) found.set(prefix, (found.get(prefix) ?? 0) + 1);
  }
  return found;
}

/** "a.b.c" is at or below "a", "a.b" and itself. */
function prefixes(path) {
  const parts = path.split(".");
  return parts.map((_, index) => parts.slice(0, index + 1).join("."));
}
