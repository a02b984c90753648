// Where the page lives: in static files, with the language server in a web worker. A spec that was
// changed stands in the URL's fragment, `#PATH:TEXT`, its text deflated and in base 64; behind it,
// each after a `;`, others that it extends.

/** What the page is told of its home. */
export const name = "playground";

const MOST = 4 << 20; // bytes of a spec, as the compiler takes them
const texts = new Map();
const linked = new Set(); // the paths whose texts came with the link, and stay in it
let first;
let turn = 0;

addEventListener("hashchange", () => location.reload());

/** Starts the language server; resolves once messages can be sent. */
export async function connect(progress) {
  if (!first) {
    first = {}; // a link that cannot be read is told, and tried no more
    first = await shared();
  }
  const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  worker.postMessage(texts);
  return new Promise((resolve, reject) => {
    worker.onerror = () => reject(new Error("the compiler could not be loaded"));
    worker.onmessage = ({ data }) => {
      if (data.ready) resolve(transport(worker));
      else if (data.failed) reject(new Error(data.failed));
      else progress(data.progress, data.fraction);
    };
  });
}

function transport(worker) {
  return {
    send: (message) => worker.postMessage(message),
    listen(onMessage, onClose) {
      worker.onerror = () => onClose();
      worker.onmessage = ({ data }) => {
        if (typeof data === "string") return onMessage(data);
        worker.terminate();
        onClose();
      };
    },
  };
}

/** The spec that the URL names; {} if it names none. */
export function start() {
  return first;
}

/** Writes the spec into the URL, so that a reload and whoever gets the link finds it. */
export async function keep(path, text) {
  texts.set(path, text);
  const own = ++turn;
  const others = [...linked].filter((other) => other !== path);
  const parts = await Promise.all([path, ...others].map(written));
  if (own === turn) history.replaceState(null, "", `#${parts.join(";")}`); // else another state came
}

async function written(path) {
  const bytes = new TextEncoder().encode(texts.get(path));
  const data = await through(new CompressionStream("deflate-raw"), bytes);
  const letters = btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join(""));
  const safe = letters.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `${encodeURIComponent(path)}:${safe}`;
}

/** Reads the specs that the URL holds, which the folder then has; the first one is opened. */
async function shared() {
  let found = {};
  for (const part of location.hash.slice(1).split(";").reverse()) {
    const [path, letters] = part.split(":");
    if (!path) continue;
    found = { path: decodeURIComponent(path) };
    if (!letters) continue;
    texts.set(found.path, await read(letters));
    linked.add(found.path);
  }
  return found;
}

async function read(letters) {
  const bytes = atob(letters.replaceAll("-", "+").replaceAll("_", "/"));
  const data = Uint8Array.from(bytes, (letter) => letter.charCodeAt(0));
  return new TextDecoder().decode(await through(new DecompressionStream("deflate-raw"), data));
}

/** Returns what a stream makes of bytes. */
async function through(stream, bytes) {
  const chunks = [];
  let length = 0;
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    chunks.push(part.value);
    length += part.value.length;
    if (length > MOST) throw new Error("the spec in the link is too large");
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}
