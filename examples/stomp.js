// As much of STOMP 1.2 as the example pages need. An application would rather take @stomp/stompjs.

const escapes = { "\\n": "\n", "\\r": "\r", "\\c": ":", "\\\\": "\\" };
const unescaped = (text) => text.replace(/\\[nrc\\]/g, (found) => escapes[found]);
const escaped = (text) =>
  String(text)
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replaceAll(":", "\\c");

function frame(command, headers, body = "") {
  const lines = Object.entries(headers).map(([name, value]) => `${escaped(name)}:${escaped(value)}\n`);
  return `${command}\n${lines.join("")}\n${body}\0`;
}

function parsed(text) {
  const end = text.indexOf("\n\n");
  const [command, ...lines] = text.slice(0, end).split("\n");
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers[unescaped(line.slice(0, colon))] ??= unescaped(line.slice(colon + 1));
  }
  return { command, headers, body: text.slice(end + 2, -1) };
}

/**
 * Connects, and resolves when Warren has answered. `onAnswer` hears answers to requests, which need no subscription.
 *
 * @param {string} url `ws://127.0.0.1:8000/ws` or `…/ws/CLIENT-ID`
 */
export function connect(url, { token, onAnswer = () => undefined, onClose = () => undefined } = {}) {
  const socket = new WebSocket(url, "v12.stomp");
  const listeners = new Map();
  const receipts = new Map();
  let count = 0;
  const connection = {
    clientId: undefined,
    subscribe(destination, onMessage, headers = {}) {
      const id = `s${++count}`;
      listeners.set(id, onMessage);
      socket.send(frame("SUBSCRIBE", { id, destination, ...headers }));
    },
    /** Resolves when RabbitMQ has the message. */
    send(destination, body, headers = {}) {
      const receipt = `r${++count}`;
      socket.send(frame("SEND", { destination, receipt, ...headers }, body));
      return new Promise((resolve) => receipts.set(receipt, resolve));
    },
    close: () => socket.close(),
  };
  return new Promise((resolve, reject) => {
    socket.onopen = () =>
      socket.send(
        frame("CONNECT", { "accept-version": "1.2", ...(token === undefined ? {} : { passcode: token }) }),
      );
    socket.onclose = ({ code, reason }) => {
      reject(new Error(`closed: ${code} ${reason}`));
      onClose();
    };
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") return;
      const { command, headers, body } = parsed(data);
      if (command === "CONNECTED") {
        connection.clientId = headers["client-id"];
        resolve(connection);
      } else if (command === "MESSAGE") (listeners.get(headers.subscription) ?? onAnswer)({ headers, body });
      else if (command === "RECEIPT") receipts.get(headers["receipt-id"])?.();
      else if (command === "ERROR") reject(new Error(headers.message));
    };
  });
}
