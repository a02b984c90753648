// The network as items, read from the page's data: each knows its path, its owner and what is inside of it.

const data = JSON.parse(document.getElementById("network").textContent);
const root = { path: "", level: 0 };
const items = [];  // in the order of a walk, outer ones first
const byPath = new Map();
const open = new Set([root]);

function expand(owner, number) {
  const body = data.bodies[number];
  owner.flow = body.flow;
  owner.links = body.links;
  owner.items = body.items.map((raw, index) => {
    const path = raw.name && owner.path ? `${owner.path}.${raw.name}` : raw.name || "";
    const item = { ...raw, owner, index, path, level: owner.level + 1, field: data.fields[data.seen[items.length]] };
    items.push(item);
    if (path) byPath.set(path, item);
    if (raw.body !== undefined) expand(item, raw.body);
    return item;
  });
}
expand(root, data.root);

function isOpen(item) { return open.has(item); }
function isShown(item) { return item === root || (isOpen(item.owner) && isShown(item.owner)); }
function owners(item) { return item.owner === root ? [] : [...owners(item.owner), item.owner]; }

// What an item reads, or what enters its owner by one of its inputs; whatever lies between.
function sources(item, port) {
  if (item === root) return [];
  const links = item.owner.links.filter(([, target, into]) => target === item.index && (port === undefined || into === port));
  const found = links.flatMap(([source]) => (source < 0 ? sources(item.owner, -1 - source) : [item.owner.items[source]]));
  return [...new Set(found)];
}
function readers(item) {
  if (item === root) return [];
  const found = item.owner.links.filter(([source]) => source === item.index).map(([, target]) => item.owner.items[target]);
  const isExit = item.owner !== root && item.index === item.owner.items.length - 1;
  return [...new Set(isExit ? [...found, ...readers(item.owner)] : found)];
}

// The item of a path, or the innermost one that it lies in: a box may stand for several layers.
function itemAt(path) {
  for (let end = path.length; end > 0; end = path.lastIndexOf(".", end - 1)) {
    if (byPath.has(path.slice(0, end))) return byPath.get(path.slice(0, end));
  }
  return undefined;
}

// ---------------------------------------------------------------- its facts in words

function grouped(number) { return String(number).replace(/\B(?=(\d{3})+$)/g, ","); }
function opsOf(item) { return (item.ops || []).map(([name, number]) => [name, ...data.ops[number]]); }
function work(item) {
  const each = item.count ? "each " : "";
  const params = item.lender ? `weights of ${item.lender}` : `${grouped(item.params)} parameters`;
  return item.params === undefined ? "" : `${each}${params} · ${grouped(item.macs)} MACs`;
}
function facts(item) {
  const ops = opsOf(item), chain = ops.length > 1 ? ops.map(([, , label]) => label).join(" → ") : "";
  const training = item.head ? "runs only in training" : "";
  return [item.block && `use of ${item.block}`, chain, `output ${item.out}`, work(item), item.field, training].filter(Boolean);
}
