import { connect, type Socket } from "node:net";
import { Handshake } from "../../../src/bench/handshake.ts";

/** A TCP connection of an attacker. It tells only its end, and the beginning of the answer. */
export interface RawClient {
  readonly socket: Socket;
  /** The HTTP status of the answer; undefined if the connection ended without one. */
  readonly answered: Promise<number | undefined>;
  readonly ended: Promise<void>;
}

/** Attackers come from addresses of their own, so that the honest do not run out of ports. All of them are loopback addresses. */
const addresses = Array.from({ length: 8 }, (_, index) => `127.0.0.${index + 2}`);
let connections = 0;

/** Connects and sends these bytes. Rejects if the connection is refused. */
export async function connectRaw(url: URL, first: Uint8Array): Promise<RawClient> {
  const connected = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<number | undefined>();
  const ended = Promise.withResolvers<void>();
  const localAddress = addresses[connections++ % addresses.length]!;
  const socket = connect({ host: url.hostname, port: Number(url.port), localAddress, noDelay: true });
  socket.once("connect", () => {
    socket.write(first);
    connected.resolve();
  });
  socket.on("data", (bytes) => answered.resolve(Number(bytes.toString("latin1", 9, 12))));
  socket.on("error", (error) => connected.reject(error));
  socket.once("close", () => {
    connected.reject(new Error("closed"));
    answered.resolve(undefined);
    ended.resolve();
  });
  await connected.promise;
  return { socket, answered: answered.promise, ended: ended.promise };
}

/** The request to become a WebSocket on a topic. */
export function handshakeFor(url: URL, topic: string): Uint8Array {
  const onTopic = new URL(url);
  if (topic !== "") onTopic.searchParams.set("topic", topic);
  return new Handshake(onTopic).request;
}
