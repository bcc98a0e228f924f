/** A MESSAGE frame. */
export interface LinkMessage {
  /** The id of the subscription that it came for. */
  readonly subscription: string;
  /** The frame's headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** The message's bytes. */
  readonly body: Uint8Array;
}

/** Receives a link's events, until it is closed. */
export interface LinkEvents {
  /** CONNECTED has come, with the client id. From now on the link takes frames. */
  connected(clientId: string | undefined): void;
  /** The manager has told the client id, after the link was opened. */
  identified(clientId: string): void;
  /** A MESSAGE frame has come. */
  message(message: LinkMessage): void;
  /** `after` is where in the log a durable subscription begins. */
  receipt(id: string, after: string | undefined): void;
  /** An ERROR frame, with the receipt id of the frame at fault if it names one. The manager closes the link then. */
  error(message: string, receipt: string | undefined): void;
  /** The connection has ended, with this close code and reason. */
  closed(code: number, reason: string): void;
}

/**
 * One STOMP session with a manager, which does not reconnect. In browsers it is stompjs over a WebSocket (stomp-link.ts), or HTTP if
 * WebSockets are blocked (events-link.ts). Tests have their own.
 */
export interface Link {
  /** Sends a SUBSCRIBE frame. @param headers besides the id and the destination */
  subscribe(id: string, destination: string, headers: Readonly<Record<string, string>>): void;
  /** Sends an UNSUBSCRIBE frame. */
  unsubscribe(id: string): void;
  /** Sends a SEND frame. @param headers besides the destination */
  send(destination: string, body: string | Uint8Array, headers: Readonly<Record<string, string>>): void;
  /** Closes it. Its later events are ignored. */
  close(): void;
}
