import { leaversMax } from "../broker/leavers.ts";

/** How long clients that leave are gathered before they are announced, in milliseconds: often many leave at once. */
const gatherMs = 50;
/** The most clients that are announced at once. More than that leave only in an outage, and handlers that work for them time out anyway. */
const gatheredMax = 10_000;

/** Gathers the clients that asked a request and have disconnected, and tells processors of them together. */
export class Leavers {
  readonly #tell: (askers: readonly string[]) => void;
  #gathered: string[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param tell tells all processors; without a connection the news is lost */
  constructor(tell: (askers: readonly string[]) => void) {
    this.#tell = tell;
  }

  left(asker: string): void {
    if (this.#gathered.length < gatheredMax) this.#gathered.push(asker);
    this.#timer ??= setTimeout(() => this.#flush(), gatherMs);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#flush();
  }

  #flush(): void {
    this.#timer = undefined;
    const gathered = this.#gathered;
    this.#gathered = [];
    for (let at = 0; at < gathered.length; at += leaversMax) this.#tell(gathered.slice(at, at + leaversMax));
  }
}
