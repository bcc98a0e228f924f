import type { Logger } from "../../ops/logger.ts";
import { PacedLines } from "../../ops/paced-lines.ts";
import type { ClientSocket } from "./client.ts";
import type { EndingCause, Traffic } from "./traffic.ts";

/** What is logged about clients that are cut off, at `info`. */
const cutOffs = {
  slow: "a client was cut off: it reads too slowly (--client-buffer-bytes)",
  memory: "a client was cut off: too much is kept for all clients, and most for it (--clients-memory-bytes)",
  flood: "a client was cut off: it sent too much for too long (--flood-timeout)",
  vanished: "a client was disconnected: it answers no ping (--ping-interval)",
} as const satisfies Partial<Record<EndingCause, string>>;

/** Counts clients that come and go, and logs them: at `debug` each of them, at `info` those that are cut off. */
export class Visits {
  readonly #logger: Logger;
  readonly #traffic: Traffic;
  readonly #cutOffs: PacedLines<keyof typeof cutOffs>;

  constructor(logger: Logger, traffic: Traffic) {
    this.#logger = logger;
    this.#traffic = traffic;
    this.#cutOffs = new PacedLines(logger, cutOffs);
  }

  opened(socket: ClientSocket): void {
    this.#traffic.opened();
    if (this.#logger.wants("debug"))
      this.#logger.debug("client connected", { client: socket.data.id, address: socket.remoteAddress });
  }

  closed(socket: ClientSocket, code: number): void {
    const { id, seat } = socket.data;
    const cause = this.#traffic.closed(code, seat);
    if (isCutOff(cause)) this.#cutOffs.say(cause, { client: id, code });
    else if (this.#logger.wants("debug")) this.#logger.debug("client left", { client: id, code, cause });
  }

  close(): void {
    this.#cutOffs.close();
  }
}

function isCutOff(cause: EndingCause): cause is keyof typeof cutOffs {
  return cause in cutOffs;
}
