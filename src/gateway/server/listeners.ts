import type { Server } from "bun";
import { listenFault } from "../../ops/listen-fault.ts";
import type { Client, ClientSocket } from "../clients/client.ts";
import { Multicast } from "../fan-out/multicast.ts";
import type { Outlet } from "../fan-out/relay.ts";
import type { NeighbourOutlet } from "../protocol/protocol.ts";
import type { Certificate } from "./tls.ts";

/** Where a server listens, and with which certificate. */
export interface Listening {
  /** Where it listens. */
  readonly hostname: string;
  /** The port; 0: any free one. */
  readonly port: number;
  /** Whether other managers may share the port. */
  readonly reusePort: boolean;
  /** Undefined: without TLS. */
  readonly tls: Certificate | undefined;
}

/**
 * The servers to which clients are connected. Usually there is one. To renew the certificate, a new server starts to listen on the same
 * port, since Bun's `reload` cannot do that (tried with 1.4.5). The old one takes no new clients, and ends when its own have gone.
 *
 * A server publishes only to its own clients, so everything is published through this class.
 */
export class Listeners implements Outlet, NeighbourOutlet {
  readonly #serve: (listening: Listening) => Server<Client>;
  readonly #servers: Server<Client>[] = [];
  readonly #sent: (bytes: number) => void;
  readonly #multicast: Multicast;
  #isClosed = false;

  /**
   * @param serve starts a server
   * @param sent called after each publish with how much was published: in bytes; text counts in characters
   * @param multicast publishes to subscribers that are not WebSockets
   */
  constructor(
    serve: (listening: Listening) => Server<Client>,
    sent: (bytes: number) => void,
    multicast = new Multicast(),
  ) {
    this.#multicast = multicast;
    this.#sent = sent;
    this.#serve = serve;
  }

  /**
   * Starts to listen and returns where.
   *
   * @param isShared whether other managers on this machine may listen on the same port
   * @throws FatalError
   */
  open(hostname: string, port: number, tls: Certificate | undefined, isShared = false): URL {
    try {
      if (isShared) return this.#add(this.#serve({ hostname, port, reusePort: true, tls }));
      // Bind exclusively first, so that we never join a port that another manager holds. Then bind again with `reusePort`, which
      // renewing the certificate needs.
      const alone = this.#serve({ hostname, port, reusePort: false, tls });
      if (tls === undefined) return this.#add(alone);
      const free = alone.port!;
      void alone.stop(true);
      return this.#add(this.#serve({ hostname, port: free, reusePort: true, tls }));
    } catch (error) {
      throw listenFault(error, hostname, port);
    }
  }

  /**
   * Uses this certificate for clients that connect from now on.
   *
   * @throws FatalError if it cannot be used; nothing has changed then
   */
  renew(tls: Certificate): void {
    if (this.#isClosed) return;
    const { hostname, port } = this.#servers.at(-1)!;
    const where = { hostname: hostname!, port: port! };
    let next: Server<Client>;
    try {
      next = this.#serve({ ...where, reusePort: true, tls });
    } catch (error) {
      throw listenFault(error, where.hostname, where.port);
    }
    const old = this.#servers.at(-1)!;
    this.#add(next);
    void old.stop(false).then(() => this.#servers.splice(this.#servers.indexOf(old), 1));
  }

  publish(key: string, body: string | Uint8Array): void {
    for (const server of this.#servers) server.publish(key, body, false);
    this.#multicast.publish(key, body);
    this.#sent(body.length);
  }

  publishFrom(socket: ClientSocket, home: Server<Client>, key: string, body: string | Uint8Array): void {
    socket.publish(key, body);
    if (this.#servers.length > 1)
      for (const server of this.#servers) if (server !== home) server.publish(key, body, false);
    this.#sent(body.length);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#servers.map((server) => server.stop(true)));
  }

  #add(server: Server<Client>): URL {
    this.#servers.push(server);
    return server.url;
  }
}
