// The compiler and its language server, in a web worker. The first message says which texts stand in
// the folder, by path; after that a text is a message of the protocol. The worker posts such texts
// too, and objects about itself: {progress, fraction}, {ready}, {failed}.
import { loadPyodide } from "./pyodide/pyodide.mjs";
import { BYTES } from "./bytes.js";

const PACKAGES = "/packages";
let session;
let settling;

self.onmessage = ({ data }) => (session ? receive(data) : start(data).catch(fail));

async function start(texts) {
  countBytes();
  const loaded = fetched("packages.zip");
  const python = await loadPyodide({ indexURL: new URL("pyodide/", import.meta.url).href });
  python.unpackArchive(await loaded, "zip", { extractDir: PACKAGES });
  progress("starting the compiler", null);
  python.runPython(`import sys; sys.path.insert(0, ${JSON.stringify(PACKAGES)})`);
  const send = (message) => postMessage(message);
  session = python.pyimport("worker").start(`${PACKAGES}/zoo`, python.toPy(texts), send);
  postMessage({ ready: true });
}

/** What waits is received before anything is compiled. */
function receive(message) {
  clearTimeout(settling);
  settling = setTimeout(attempt, 0, () => session.settle());
  attempt(() => session.receive(message));
}

function attempt(work) {
  try {
    work();
  } catch (error) {
    fail(error);
  }
}

async function fetched(name) {
  const answer = await fetch(new URL(name, import.meta.url));
  if (!answer.ok) throw new Error(`${name} could not be loaded: ${answer.status}`);
  return answer.arrayBuffer();
}

/** Tells how much of all that is loaded has come, whoever loads it. */
function countBytes() {
  const load = self.fetch;
  let come = 0;
  const counter = () => new TransformStream({
    transform(chunk, controller) {
      come += chunk.length;
      progress("loading Python and the compiler", Math.min(1, come / BYTES));
      controller.enqueue(chunk);
    },
  });
  self.fetch = async (...request) => {
    const answer = await load(...request);
    const { status, statusText, headers } = answer;
    return new Response(answer.body?.pipeThrough(counter()), { status, statusText, headers });
  };
}

function progress(text, fraction) {
  postMessage({ progress: text, fraction });
}

function fail(error) {
  postMessage({ failed: String(error?.message ?? error).trim().split("\n").at(-1) });
}
