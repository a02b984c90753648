// The playground's Python without a browser: node tests/playground.mjs PYODIDE ARCHIVE < messages
// Each line of the input is a JSON list of messages; what the language server says to it is a line.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [pyodide, archive] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(`${pyodide}/pyodide.mjs`));
const python = await loadPyodide();
python.unpackArchive(new Uint8Array(readFileSync(archive)), "zip", { extractDir: "/packages" });
python.runPython(`import sys; sys.path.insert(0, "/packages")`);
let said = [];
const texts = python.toPy(new Map());
const session = python.pyimport("worker").start("/packages/zoo", texts, (message) => said.push(message));
let given = "";
process.stdin.setEncoding("utf8");
for await (const part of process.stdin) given += part;
for (const line of given.trim().split("\n")) {
  said = [];
  for (const message of JSON.parse(line)) session.receive(JSON.stringify(message));
  session.settle();
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
