/** A MESSAGE frame. */
export interface LinkMessage {
  /** The id of the subscription that it came for. */
  readonly subscription: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What a link tells, until it is closed. */
export interface LinkEvents {
  /** CONNECTED has come, with the client id: from now on the link takes frames. */
  connected(clientId: string | undefined): void;
  /** The manager has told the client id only now. */
  identified(clientId: string): void;
  message(message: LinkMessage): void;
  /** `after` is where in the log a durable subscription begins. */
  receipt(id: string, after: string | undefined): void;
  /** An ERROR frame, with the receipt id of the frame at fault if it names one. The manager closes the link then. */
  error(message: string, receipt: string | undefined): void;
  closed(code: number, reason: string): void;
}

/**
 * One STOMP session with a manager, which does not come back by itself. In browsers it is stompjs over a WebSocket
 * (stomp-link.ts), or the same by HTTP where that does not come through (events-link.ts), in tests the test.
 */
export interface Link {
  subscribe(id: string, destination: string, headers: Readonly<Record<string, string>>): void;
  unsubscribe(id: string): void;
  send(destination: string, body: string | Uint8Array, headers: Readonly<Record<string, string>>): void;
  /** Lets go of it: whatever it still does concerns nobody. */
  close(): void;
}
