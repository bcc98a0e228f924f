import { Handshake } from "../../../src/bench/handshake.ts";

/** A TCP connection of an attacker: no more than its end and the first of its answer are told. */
export interface RawClient {
  readonly socket: Bun.Socket;
  /** The HTTP status of what was answered, or undefined if the connection ended without. */
  readonly answered: Promise<number | undefined>;
  readonly ended: Promise<void>;
}

/** Connects and sends these bytes. Rejects if nobody takes the connection. */
export async function connectRaw(url: URL, first: Uint8Array): Promise<RawClient> {
  const answered = Promise.withResolvers<number | undefined>();
  const ended = Promise.withResolvers<void>();
  const end = () => {
    answered.resolve(undefined);
    ended.resolve();
  };
  const socket = await Bun.connect({
    hostname: url.hostname,
    port: Number(url.port),
    socket: {
      open: (opened) => void opened.write(first),
      data: (_, bytes) => answered.resolve(Number(bytes.toString("latin1", 9, 12))),
      close: end,
      error: end,
    },
  });
  return { socket, answered: answered.promise, ended: ended.promise };
}

/** The request to become a WebSocket on a topic. */
export function handshakeFor(url: URL, topic: string): Uint8Array {
  const onTopic = new URL(url);
  if (topic !== "") onTopic.searchParams.set("topic", topic);
  return new Handshake(onTopic).request;
}
