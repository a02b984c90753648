// The open file and the disk: what is typed is written, what others write appears, and a conflict is asked.
import { byId, latest } from "./dom.js";
import { keep } from "./home.js";

const REST = 500;

export class Saving {
  constructor(page) {
    this.page = page;
    this.dialog = byId("conflict");
    this.write = latest(() => this.#write());
    addEventListener("beforeunload", (event) => this.#leave(event));
  }

  /** Takes a file as it is on disk. */
  opened({ text, stamp }) {
    clearTimeout(this.timer);
    Object.assign(this, { text, stamp });
  }

  get dirty() {
    return this.page.spec.text !== this.text;
  }

  /** The text has changed: it is written once it rests. */
  touched() {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.write, REST);
  }

  /** Writes now what is not written yet; returns once it is. */
  async flush() {
    clearTimeout(this.timer);
    await this.write();
  }

  async #write() {
    const { spec, session } = this.page;
    if (!spec.file) return;
    keep(spec.file.path, spec.text);
    if (!this.dirty || !session.client) return;
    const { uri, text } = { uri: spec.uri, text: spec.text };
    const answer = await session.request("netspec/save", { uri, text, stamp: this.stamp }).catch((error) => {
      this.page.say(`not saved: ${error.message}`);
    });
    if (!answer || uri !== spec.uri) return;
    if (answer.saved) await this.#saved(text, answer.stamp);
    else await this.#conflict(answer);
  }

  async #saved(text, stamp) {
    Object.assign(this, { text, stamp });
    await keep(this.page.spec.file.path, text);
    this.page.say("saved");
    if (this.dirty) this.touched();
  }

  /** The page goes: what is typed is written at once, and where it cannot be, the user is asked. */
  #leave(event) {
    if (!this.page.spec.file || !this.dirty) return;
    this.write();
    if (!this.page.session.client) event.preventDefault();
  }

  /** Another text is on disk than the one that was read. */
  async #conflict({ text, stamp }) {
    this.stamp = stamp;
    if (text === null) return this.touched();
    const mine = this.page.spec.text;
    if (text === mine) return this.#saved(text, stamp);
    const choice = await this.#ask();
    this.text = text;
    this.page.spec.replace(text);
    if (choice === "mine") this.page.spec.replace(mine);
  }

  #ask() {
    byId("conflict-title").textContent = `${this.page.spec.file.path} has changed on disk`;
    this.dialog.returnValue = "mine";
    this.dialog.showModal();
    return new Promise((resolve) => {
      this.dialog.onclose = () => resolve(this.dialog.returnValue);
    });
  }

  /** The open file has changed on disk. */
  changed({ text, stamp }) {
    if (stamp === this.stamp || this.dialog.open) return;
    if (text === null) {
      this.stamp = null;
      this.page.say("deleted on disk; the next change writes it again");
    } else if (this.dirty) {
      this.write();
    } else {
      Object.assign(this, { text, stamp });
      this.page.spec.replace(text);
      this.page.say("read again: it changed on disk");
    }
  }
}
