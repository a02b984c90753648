// Where the page lives: served by `netspec serve`. The playground puts its own file in this one's place.

// Another address in the same tab is another page.
addEventListener("hashchange", () => location.reload());

/** Opens the connection to the language server; resolves once messages can be sent. */
export function connect(progress) {
  progress("connecting", null);
  const address = new URL("lsp", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.search = location.search;
  address.hash = "";
  const socket = new WebSocket(address);
  return new Promise((resolve, reject) => {
    socket.onerror = () => reject(new Error("netspec serve does not answer"));
    socket.onopen = () => resolve(transport(socket));
  });
}

function transport(socket) {
  return {
    send: (message) => socket.send(message),
    listen(onMessage, onClose) {
      socket.onmessage = (event) => onMessage(event.data);
      socket.onerror = socket.onclose = onClose;
      if (socket.readyState > WebSocket.OPEN) onClose();
    },
  };
}

/** The file that the URL names; {} if it names none. */
export function start() {
  const path = decodeURIComponent(location.hash.slice(1));
  return path ? { path } : {};
}

/** Writes the file into the URL, so that a reload finds it. */
export function keep(path) {
  history.replaceState(null, "", `#${encodeURIComponent(path)}`);
}
