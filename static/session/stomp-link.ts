import { Client } from "@stomp/stompjs";
import type { Link, LinkEvents, LinkMessage } from "./link.ts";

/** The manager says this often that it is there, in milliseconds. Silence for twice as long is a lost connection. */
export const heartBeatMs = 10_000;

/**
 * The message of an ERROR. stompjs takes back the escapes of STOMP 1.2 in headers only when it knows the version, which
 * CONNECTED tells: in a refusal of CONNECT they are still there.
 */
function unescapedHeader(text: string): string {
  const characters: Readonly<Record<string, string>> = { c: ":", n: "\n", r: "\r", "\\": "\\" };
  return text.replaceAll(/\\([cnr\\])/g, (_, letter: string) => characters[letter]!);
}

/**
 * A STOMP session by stompjs. stompjs can reconnect too, but neither with jitter nor by what a close code says: the page's
 * `Connection` is the only one that does.
 *
 * The page promises no heart-beats of its own: browsers let the timers of a hidden tab run once a minute, and the manager
 * would take it for dead. They answer its pings in any case.
 */
export function openStompLink(url: string, token: string | undefined, events: LinkEvents): Link {
  let isOpen = true;
  let hasVersion = false;
  // stompjs catches what its callbacks throw, and only prints it.
  const tell = (act: () => void) => {
    if (!isOpen) return;
    try {
      act();
    } catch (error) {
      reportError(error);
    }
  };
  const client = new Client({
    webSocketFactory: () => new WebSocket(url, ["v12.stomp"]),
    reconnectDelay: 0,
    heartbeatIncoming: heartBeatMs,
    heartbeatOutgoing: 0,
    // Otherwise it writes out every frame for a debug log that nobody reads.
    logRawCommunication: true,
    connectHeaders: token === undefined ? {} : { passcode: token },
    onConnect: ({ headers }) => {
      hasVersion = true;
      tell(() => events.connected(headers["client-id"]));
    },
    onUnhandledReceipt: ({ headers }) =>
      tell(() => events.receipt(headers["receipt-id"] ?? "", headers["x-stream-after"])),
    onStompError: ({ headers, body }) => {
      const message = headers["message"] ?? body.trim();
      tell(() => events.error(hasVersion ? message : unescapedHeader(message), headers["receipt-id"]));
    },
    onWebSocketClose: ({ code, reason }: CloseEvent) => tell(() => events.closed(code, reason)),
    onHeartbeatLost: () => tell(() => events.closed(1006, "")),
  });
  client.activate();
  return {
    subscribe(id, destination, headers) {
      const take = (message: Pick<LinkMessage, "headers"> & { readonly binaryBody: Uint8Array }) =>
        tell(() => events.message({ subscription: id, headers: message.headers, body: message.binaryBody }));
      client.subscribe(destination, take, { ...headers, id });
    },
    unsubscribe: (id) => client.unsubscribe(id),
    send: (destination, body, headers) =>
      client.publish({
        destination,
        headers,
        ...(typeof body === "string" ? { body } : { binaryBody: body }),
      }),
    close() {
      isOpen = false;
      void client.deactivate({ force: true });
    },
  };
}
