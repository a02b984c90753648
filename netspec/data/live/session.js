// The connection to the language server: opened again whenever it is lost, with a new client each time.
import { LSPClient } from "./editor.js";
import { connect } from "./home.js";
import { harmless } from "./markup.js";

const RETRY = 1000;
const TIMEOUT = 120000;

export class Session {
  /** `events`: opened(client), lost(), failed(error), progress(text, fraction), and `notified` by method. */
  constructor(events) {
    this.events = events;
    this.client = null;
  }

  /** Connects, and again each time that the connection is lost; never returns. */
  async run() {
    for (;;) {
      try {
        await this.#connection();
      } catch (error) {
        this.events.failed(error);
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY));
    }
  }

  async #connection() {
    const transport = await connect(this.events.progress);
    const heard = new Set();
    const closed = new Promise((resolve) => {
      transport.listen((message) => heard.forEach((hear) => hear(message)), resolve);
    });
    this.broken = closed.then(() => Promise.reject(new Error("the connection was lost")));
    this.broken.catch(() => {});
    const client = this.#client();
    client.connect({
      send: (message) => transport.send(message),
      subscribe: (hear) => heard.add(hear),
      unsubscribe: (hear) => heard.delete(hear),
    });
    await Promise.race([client.initializing, this.broken]);
    this.client = client;
    try {
      await Promise.race([this.events.opened(client), this.broken]);
      await closed;
    } finally {
      this.client = null;
      this.events.lost();
    }
  }

  #client() {
    const said = Object.entries(this.events.notified).map(([method, tell]) => [
      method, (client, params) => client === this.client && (tell(params), true),
    ]);
    return new LSPClient({
      timeout: TIMEOUT,
      sanitizeHTML: harmless,
      extensions: [{ notificationHandlers: Object.fromEntries(said), clientCapabilities: CAPABILITIES }],
    });
  }

  /** Whether the server says that it can do this. */
  can(capability) {
    return Boolean(this.client?.serverCapabilities?.[capability]);
  }

  /** Asks the server; rejects where there is no connection, or where it is lost meanwhile. */
  request(method, params) {
    if (!this.client) return Promise.reject(new Error("no connection"));
    return Promise.race([this.client.request(method, params), this.broken]);
  }
}

const CAPABILITIES = {
  textDocument: {
    publishDiagnostics: { versionSupport: true, relatedInformation: true },
    codeAction: {
      codeActionLiteralSupport: { codeActionKind: { valueSet: ["quickfix"] } },
      isPreferredSupport: true,
    },
    inlayHint: {},
    codeLens: {},
  },
};
