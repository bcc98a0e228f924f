import {
  type Epoch,
  type EventRecord,
  type EventsLink,
  type EventsPeer,
  eventKeys,
} from "../../../src/broker/events.ts";

/** A broker with the log of events, and links to it that can be lost with what is on its way. */
export class EventLog {
  readonly records: EventRecord[] = [];
  readonly #listeners = new Set<Listener>();
  /** A queue of a program is full, and refuses what comes: the log takes it nevertheless. */
  isFull = false;
  isLogFull = false;
  readonly #sources = new Set<string>();
  readonly #locks = new Set<string>();
  readonly #epochs = new Map<string, string>();
  #nonces = 0;
  readonly #links = new Set<FakeEventsLink>();

  /** Opens the next link of a manager. */
  connect(peer: EventsPeer, number: number): FakeEventsLink {
    const link = new FakeEventsLink(this, peer, `wsmanager.events.${peer.manager}.${number}`);
    this.#sources.add(link.source);
    this.#links.add(link);
    peer.opened(link);
    return link;
  }

  fence(source: string): void {
    this.#sources.delete(source);
  }

  isFenced(source: string): boolean {
    return !this.#sources.has(source);
  }

  /** In the broker's buffers: its publisher's connection is lost, and it arrives some time later, or never. */
  readonly late: Published[] = [];

  arriveLate(): void {
    for (const record of this.late.splice(0)) this.write(record);
  }

  /** @returns what became of it */
  write(published: Published): "heard" | "unheard" | "refused" {
    const { epoch, isProbe, ...record } = published;
    if (epoch === undefined && !this.#sources.has(record.source)) return "refused";
    // Bound no more: it reaches nobody, and is confirmed.
    if (epoch !== undefined && this.#epochs.get(epoch.exchange) !== epoch.nonce) return "unheard";
    if (!isProbe && !unlogged.includes(record.key)) this.records.push(record);
    return this.#program(published) ? "heard" : "unheard";
  }

  /** @param manager the one that it is for; undefined: all of them */
  tell(body: string, manager?: string): void {
    for (const { peer, isOpen } of this.#links)
      if (isOpen && peer.manager === (manager ?? peer.manager)) peer.told(Buffer.from(body));
  }

  isConnected(manager: string): boolean {
    return [...this.#links].some(({ peer, isOpen }) => isOpen && peer.manager === manager);
  }

  async alone(manager: string, job: (epoch: Epoch) => Promise<void>): Promise<boolean> {
    if (this.#locks.has(manager)) return false;
    this.#locks.add(manager);
    const nonce = `${++this.#nonces}`;
    this.#epochs.set(manager, nonce);
    try {
      await job({ exchange: manager, nonce });
    } finally {
      this.#locks.delete(manager);
    }
    return true;
  }

  /** A program that listens from now on. What it has heard stays when it listens no more. */
  listen(keys?: readonly string[]): Listener {
    const listener: Listener = { heard: [], keys };
    this.#listeners.add(listener);
    return listener;
  }

  unlisten(listener: Listener): void {
    this.#listeners.delete(listener);
  }

  /** @returns whether anybody hears it */
  #program({ key, body }: Published): boolean {
    if (!key.startsWith("client.")) return true;
    let isHeard = false;
    for (const { heard, keys } of this.#listeners) {
      if (keys !== undefined && !keys.includes(key)) continue;
      heard.push(JSON.parse(Buffer.from(body).toString()));
      isHeard = true;
    }
    return isHeard;
  }
}

/** An event as a program hears it. */
export interface Heard {
  readonly event: string;
  readonly client: string;
  readonly connection: string;
  readonly topic?: string;
}

/** A program that listens. */
export interface Listener {
  readonly heard: Heard[];
  /** What it listens to; undefined: everything. */
  readonly keys: readonly string[] | undefined;
}

interface Published extends EventRecord {
  readonly epoch?: Epoch | undefined;
  readonly isProbe: boolean;
}

const unlogged: readonly string[] = [eventKeys.subscribed, eventKeys.unsubscribed];

export class FakeEventsLink implements EventsLink {
  readonly source: string;
  readonly peer: EventsPeer;
  readonly #log: EventLog;
  /** Published, and not arrived. */
  #under: Published[] = [];
  #arrived = 0;
  isOpen = true;
  published = 0;
  /** So many were on their way at a time. */
  underMax = 0;
  givenUp: string | undefined;

  constructor(log: EventLog, peer: EventsPeer, source: string) {
    this.#log = log;
    this.peer = peer;
    this.source = source;
  }

  publish(key: string, body: string, epoch?: Epoch): void {
    this.#publish({ source: this.source, key, body: Buffer.from(body), epoch, isProbe: false });
    if (key === eventKeys.mark) this.arrive();
  }

  probe(key: string, body: string): void {
    this.#publish({ source: this.source, key, body: Buffer.from(body), isProbe: true });
  }

  #publish(published: Published): void {
    if (!this.isOpen) return;
    this.#under.push(published);
    this.published++;
    this.underMax = Math.max(this.underMax, this.#under.length);
  }

  /** What was published reaches the log, all of it or so much, and is confirmed. */
  arrive(count = Number.POSITIVE_INFINITY): void {
    for (const record of this.#under.splice(0, count)) {
      const outcome = this.#log.write(record);
      if (outcome === "refused") {
        this.lose();
        return;
      }
      const isOfClients = record.key.startsWith("client.");
      if (isOfClients ? this.#log.isFull : this.#log.isLogFull) {
        this.peer.refused(++this.#arrived, false);
        continue;
      }
      if (outcome === "unheard" && record.isProbe) this.peer.unheard(record.key);
      this.#arrived++;
    }
    if (this.isOpen && this.#arrived > 0) this.peer.confirmed(this.#arrived, true);
  }

  /** The link ends. So many of what is on its way still arrive, later, and nobody hears of it. */
  lose(arriving = 0): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#log.late.push(...this.#under.splice(0, arriving));
    this.peer.closed();
  }

  ask(): void {
    /* nobody answers here */
  }

  tell(body: string): void {
    if (this.isOpen) this.#log.tell(body);
  }

  tellLeft(): void {
    // Processors are not among these.
  }

  tellOne(manager: string, body: string): void {
    if (this.isOpen) this.#log.tell(body, manager);
  }

  revoke(): Promise<void> {
    return Promise.resolve();
  }

  fence(source: string): Promise<void> {
    return this.#answer(() => this.#log.fence(source));
  }

  async isFenced(source: string): Promise<boolean> {
    await Promise.resolve();
    this.#check();
    return this.#log.isFenced(source);
  }

  read(_from: "first" | number, until: string, visit: (record: EventRecord) => void): Promise<void> {
    return this.#answer(() => this.#read(until, visit));
  }

  #read(until: string, visit: (record: EventRecord) => void): void {
    for (const record of [...this.#log.records]) {
      if (record.key === eventKeys.mark && Buffer.from(record.body).toString() === until) return;
      visit(record);
    }
    throw new Error("the mark is not there");
  }

  isConnected(manager: string): Promise<boolean> {
    return Promise.resolve(this.#log.isConnected(manager));
  }

  async alone(manager: string, job: (epoch: Epoch) => Promise<void>): Promise<boolean> {
    this.#check();
    return await this.#log.alone(manager, job);
  }

  giveUp(why: string): void {
    this.givenUp = why;
    this.lose();
  }

  async #answer(ask: () => void): Promise<void> {
    await Promise.resolve();
    this.#check();
    ask();
  }

  #check(): void {
    if (!this.isOpen) throw new Error("the link is lost");
  }
}
