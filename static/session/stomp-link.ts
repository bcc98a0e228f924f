import { Client } from "@stomp/stompjs";
import type { Link, LinkEvents, LinkMessage } from "./link.ts";

/** The interval of the manager's heart-beats, in milliseconds. After a silence of two intervals the connection counts as lost. */
export const heartBeatMs = 10_000;

/**
 * The message of an ERROR. stompjs unescapes headers only when it knows the version, which CONNECTED tells, so in a refusal of CONNECT
 * the escapes are still there.
 */
function unescapedHeader(text: string): string {
  const characters: Readonly<Record<string, string>> = { c: ":", n: "\n", r: "\r", "\\": "\\" };
  return text.replaceAll(/\\([cnr\\])/g, (_, letter: string) => characters[letter]!);
}

/**
 * A STOMP session by stompjs. stompjs could reconnect by itself, but without jitter and without regard to close codes, so the page's
 * `Connection` does that.
 *
 * The page sends no heart-beats: in a hidden tab, browsers run timers once a minute, so the manager would close the connection. Browsers
 * answer WebSocket pings in any case.
 */
export function openStompLink(url: string, token: string | undefined, events: LinkEvents): Link {
  let isOpen = true;
  let hasVersion = false;
  // stompjs catches errors of its callbacks and only prints them.
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
    // Otherwise stompjs formats every frame for its debug log.
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
