// Reads a JSON list of Mermaid texts and prints what Mermaid's own parser made of each, as JSON.
// The first argument is a folder whose node_modules hold mermaid and jsdom.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const require = createRequire(join(process.argv[2], "package.json"));
const { JSDOM } = require("jsdom");
const { window } = new JSDOM("");
Object.assign(globalThis, { window, document: window.document });
const entry = join(process.argv[2], "node_modules/mermaid/dist/mermaid.core.mjs");
const { default: mermaid } = await import(pathToFileURL(entry));
mermaid.initialize({ startOnLoad: false });

const results = [];
for (const text of JSON.parse(readFileSync(0, "utf8"))) {
  const { type, db } = await mermaid.mermaidAPI.getDiagramFromText(text);
  const edges = db.getEdges().map((edge) => [edge.start, edge.end]);
  const nodes = Object.fromEntries([...db.getVertices()].map(([id, node]) => [id, node.text]));
  results.push({ type, nodes, edges, groups: db.getSubGraphs().length });
}
console.log(JSON.stringify(results));
