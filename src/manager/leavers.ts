import { leaversMax } from "../broker/leavers.ts";

/** How long those that go are gathered, in milliseconds: many go at once. */
const gatherMs = 50;
/** How many are told of at once. So many go only in an outage, and handlers that work for nobody end some time. */
const gatheredMax = 10_000;

/** Gathers the clients that asked and have gone, and tells processors of them together. */
export class Leavers {
  readonly #tell: (askers: readonly string[]) => void;
  #gathered: string[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param tell tells all processors; it is lost where there is no connection */
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
