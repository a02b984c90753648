// The page: the file that is open, its server, and the disk.
import { Changes } from "./changes.js";
import { byId, download, latest } from "./dom.js";
import { rename } from "./edits.js";
import { nextDiagnostic } from "./editor.js";
import { Files } from "./files.js";
import { start } from "./home.js";
import { keys } from "./keys.js";
import { Layout } from "./layout.js";
import { offset } from "./places.js";
import { Problems } from "./problems.js";
import { References } from "./references.js";
import { Saving } from "./saving.js";
import { Session } from "./session.js";
import { Spec } from "./spec.js";
import { Views } from "./views.js";

export class Page {
  constructor() {
    this.version = null;
    this.session = new Session(this.#events());
    this.spec = new Spec(byId("editor"), {
      changed: (isStep) => this.#changed(isStep),
      moved: () => this.views.choose(null, "spec"),
    }, this.#keys());
    const visit = (uri, range) => this.visit(uri, range);
    this.views = new Views(this, visit);
    this.saving = new Saving(this);
    this.problems = new Problems(this, visit);
    this.changes = new Changes(this, (paths) => this.views.choose(paths, "changes"));
    this.references = new References(this, visit);
    this.files = new Files((path) => {
      this.layout.chosen();
      this.open(path);
    });
    this.refresh = latest(() => this.#refresh());
    this.hints = latest(() => this.#hints());
    this.layout = new Layout(() => this.refresh());
    keys(this.layout);
    addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key !== "s") return;
      event.preventDefault();
      this.#keep();
    });
    byId("notice").addEventListener("click", (event) => {
      if (event.target.matches("button")) byId("notice").hidden = true;
    });
    byId("pin").addEventListener("click", () => this.#keep());
    byId("downloads").addEventListener("click", (event) => this.#download(event.target.dataset.format));
  }

  #keys() {
    return [
      { key: "Mod-.", run: () => this.problems.focusFix() },
      { key: "F8", run: nextDiagnostic },
      { key: "F2", run: () => rename(this) },
      { key: "Shift-F12", run: () => (this.references.show(), true) },
      ...["Alt-=", "Alt-+"].map((key) => ({ key, run: () => this.views.steps.nudge(1) })),
      { key: "Alt--", run: () => this.views.steps.nudge(-1) },
    ];
  }

  #events() {
    return {
      progress: (text, fraction) => this.#progress(text, fraction),
      opened: (client) => this.#opened(client).catch((error) => this.say(error.message)),
      lost: () => this.#lost("the connection was lost; it is opened again"),
      failed: (error) => this.#lost(error.message),
      notified: {
        "textDocument/publishDiagnostics": (params) => this.problems.publish(params),
        "window/showMessage": ({ message }) => this.notice(message),
        "netspec/changed": (params) => params.uri === this.spec.uri && this.saving.changed(params),
        "netspec/filesChanged": () => this.#list().catch((error) => this.say(error.message)),
      },
    };
  }

  /** Tells the user, where it is read aloud too. */
  say(text) {
    byId("status").textContent = this.spec?.file ? `${this.spec.file.path}: ${text}` : text;
  }

  /** Tells the user what is to be read at leisure. */
  notice(text) {
    byId("notice").hidden = false;
    byId("notice").firstElementChild.textContent = text;
  }

  // ---------------------------------------------------------------- connection

  #progress(text, fraction) {
    if (document.body.dataset.connection === "lost") return;
    byId("status").textContent = text;
    const bar = byId("progress");
    bar.hidden = false;
    if (fraction === null) bar.removeAttribute("value");
    else bar.value = fraction;
  }

  #lost(text) {
    document.body.dataset.connection = "lost";
    this.spec.detach();
    this.problems.clear();
    byId("progress").hidden = true;
    byId("status").textContent = text;
  }

  async #opened(client) {
    client.workspace.displayFile = (uri) => this.#displayed(uri);
    document.body.dataset.connection = "open";
    byId("progress").hidden = true;
    await this.#list();
    if (!this.spec.file) return this.#start();
    this.spec.attach(client);
    const { uri } = this.spec;
    const disk = await this.session.request("netspec/read", { uri }).catch(() => ({ text: null, stamp: null }));
    this.say("connected again");
    if (disk.stamp !== this.saving.stamp) this.saving.changed(disk);
    else this.saving.write();
    await this.refresh();
  }

  async #start() {
    const { path, text } = start();
    const given = path && (text !== undefined || this.all.some((file) => file.path === path));
    const first = this.all.find(({ uri }) => uri === this.first) ?? this.all[0];
    if (given) await this.open(path, text);
    else if (first) await this.open(first.path);
    else this.say("there is no spec in this folder: netspec init NAME writes one");
  }

  // ---------------------------------------------------------------- files

  async #list() {
    const { root, files, start: first } = await this.session.request("netspec/files", {});
    Object.assign(this, { root, all: files, first });
    this.files.show(files);
    this.changes.list(files);
  }

  #uri(path) {
    return this.all.find((file) => file.path === path)?.uri ?? this.root + path.split("/").map(encodeURIComponent).join("/");
  }

  /** What a file is called in the list of files. */
  path(uri) {
    const known = this.all.find((file) => file.uri === uri)?.path;
    return known ?? decodeURIComponent(uri.startsWith(this.root) ? uri.slice(this.root.length) : uri);
  }

  /** Opens a file: as it is on disk, or with a text that it gets. */
  async open(path, text) {
    const uri = this.#uri(path);
    const disk = await this.session.request("netspec/read", { uri }).catch((error) => {
      if (text === undefined) this.say(error.message);
      return null;
    });
    if (!disk && text === undefined) return;
    await this.saving.flush();
    this.views.clear();
    byId("notice").hidden = true;
    this.saving.opened(disk ?? { text: null, stamp: null });
    this.kept = text ?? disk.text;
    this.spec.open({ uri, path }, this.kept, this.session.client);
    this.files.current(path);
    this.problems.show();
    this.say("open");
    this.saving.write();
    await this.refresh();
  }

  /** Shows a place of a file. */
  async visit(uri, range) {
    await this.#displayed(uri);
    if (this.spec.uri === uri) this.spec.go(offset(this.spec.doc, range.start));
  }

  async #displayed(uri) {
    if (uri !== this.spec.uri) await this.open(this.path(uri));
    return this.spec.uri === uri ? this.spec.view : null;
  }

  // ---------------------------------------------------------------- text

  #changed(isStep) {
    if (!isStep) this.views.chosen = null;
    this.send();
    this.refresh();
    this.saving.touched();
  }

  /** Sends what was typed to the server. */
  send() {
    const { client } = this.session;
    if (!client) return;
    client.sync();
    this.version = client.workspace.getFile(this.spec.uri)?.version ?? null;
    document.body.dataset.version = this.version;
  }

  async #refresh() {
    const { uri, file } = this.spec;
    if (!this.session.client || !file) return;
    this.send();
    const { clientWidth: width, clientHeight: height } = byId("figure").querySelector(".body");
    const asked = {
      uri, version: this.version, parts: ["figure", "report", "code"].filter((part) => this.layout.sees(part)),
      theme: document.documentElement.dataset.theme, width: width || null, height: height || null,
    };
    const view = await this.session.request("netspec/view", asked).catch((error) => this.say(error.message));
    if (!view || uri !== this.spec.uri) return;
    this.views.draw(view);
    this.changes.draw();
    this.hints();
  }

  async #hints() {
    const { uri, doc } = this.spec;
    const textDocument = { uri };
    const range = { start: { line: 0, character: 0 }, end: { line: doc.lines, character: 0 } };
    const asked = [["inlayHint", { textDocument, range }], ["codeLens", { textDocument }]];
    const answers = await Promise.all(asked.map(([name, params]) => (
      this.session.can(`${name}Provider`) ? this.session.request(`textDocument/${name}`, params).catch(() => null) : null
    )));
    const [inlays, lenses] = answers.map((answer) => answer ?? []);
    // Where nothing can be said of a text with mistakes, what was said before stays with its lines.
    const isKept = this.views.isStale && !inlays.length;
    if (doc === this.spec.doc && !isKept) this.spec.hint(inlays, lenses);
  }

  // ---------------------------------------------------------------- commands

  /** Writes the file, and keeps this state to compare with. */
  async #keep() {
    if (!this.spec.file) return;
    this.kept = this.spec.text;
    this.views.keep();
    this.changes.draw();
    await this.saving.flush();
    this.say("saved; this is the state that changes are counted from");
  }

  async #download(format) {
    if (!format || !this.spec.file) return;
    byId("downloads").open = false;
    const { uri, file, text } = this.spec;
    if (format === "yaml") return download(file.path.split("/").at(-1), text);
    try {
      const made = await this.session.request("netspec/export", { uri, format });
      download(made.name, made.text);
    } catch (error) {
      this.say(error.message);
    }
  }
}
