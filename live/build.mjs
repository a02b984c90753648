// Bundles the live page's editor, and the licences of what is in it: node build.mjs FOLDER
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const folder = resolve(process.argv[2]);

// A policy that allows no inline style refuses the <style> element that style-mod writes for documents;
// the sheets that it makes for shadow roots serve them as well.
const sheets = {
  name: "sheets",
  setup({ onLoad }) {
    onLoad({ filter: /style-mod\.js$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      const contents = text.replace("!root.head && root.adoptedStyleSheets", "root.adoptedStyleSheets");
      if (contents === text) throw new Error("style-mod has changed: how does it mount a sheet?");
      return { contents };
    });
  },
};

const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: ["editor.js"],
  outfile: join(folder, "editor.js"),
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  banner: { js: "// CodeMirror, bundled by `make live`; licences: LICENSES.txt" },
  metafile: true,
  plugins: [sheets],
});

const packages = Object.keys(metafile.inputs)
  .map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
  .filter((name) => name);
const licences = [...new Set(packages)].sort().map((name) => {
  const root = join(here, "node_modules", name);
  const file = readdirSync(root).find((entry) => /^licen[cs]e/i.test(entry));
  const { version, license } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return `${name} ${version} (${license})\n\n${readFileSync(join(root, file), "utf8").trim()}\n`;
});
const line = `\n${"-".repeat(72)}\n\n`;
writeFileSync(join(folder, "LICENSES.txt"), `editor.js holds these packages.\n${line}${licences.join(line)}`.replaceAll("\r\n", "\n"));
