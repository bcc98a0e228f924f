import { closingInWords } from "./closing.ts";
import { Connection, type ConnectionState, type Surroundings } from "./connection.ts";
import { Conversation } from "./conversation.ts";
import { pageOnTopic, socketUrl, topicOfPage, topicProblem } from "./topic.ts";
import { Unsent } from "./unsent.ts";

export interface SessionOptions {
  /** The address that the page was opened with, topic included. */
  readonly page: string;
  readonly clientId: string;
  readonly surroundings: Surroundings;
  /** Something to show changed. */
  readonly changed: () => void;
}

/** One page's life on a manager: what it says and hears, on which topic, over which connection. */
export class Session {
  readonly #options: SessionOptions;
  readonly conversation = new Conversation();
  readonly unsent = new Unsent();
  topic: string;
  #lostAtMs: number | undefined;
  /** The network went away under an open connection, which may be dead without knowing. */
  #doubtful: boolean = false;
  readonly #connection: Connection;

  constructor(options: SessionOptions) {
    this.#options = options;
    const topic = topicOfPage(options.page);
    this.topic = topicProblem(topic) === undefined ? topic : "";
    const { surroundings, changed } = options;
    this.#connection = new Connection(this.#url(), surroundings, {
      changed: (state) => {
        if (state.is === "connected") this.#connected();
        changed();
      },
      closed: (closing) => {
        if (!closing.opened) return;
        this.#lostAtMs = surroundings.now();
        this.conversation.markUnsure();
        this.conversation.note(closingInWords(closing), surroundings.now());
      },
      text: (text) => {
        this.conversation.receiveText(text, surroundings.now());
        changed();
      },
      binary: (bytes) => {
        this.conversation.receiveBinary(bytes, surroundings.now());
        changed();
      },
    });
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  get page(): string {
    return pageOnTopic(this.#options.page, this.topic);
  }

  start(): void {
    this.#connection.connect();
  }

  /** False when too much waits to be sent already: the text stays with the person then. */
  write(text: string): boolean {
    const connected = this.state.is === "connected";
    if (!connected && !this.unsent.hasRoomFor(text)) return false;
    this.unsent.add(text, this.conversation.write(text, this.topic, this.#options.surroundings.now()));
    if (connected) this.#sendUnsent();
    this.#options.changed();
    return true;
  }

  join(topic: string): void {
    if (topic === this.topic) return;
    this.topic = topic;
    this.conversation.forgetUnanswered();
    this.conversation.note(
      topic === "" ? "Joined broadcast, where everyone is" : `Joined the topic ${topic}`,
      this.#options.surroundings.now(),
    );
    this.#lostAtMs = undefined;
    this.#connection.moveTo(this.#url());
  }

  /** The person wants it now, or looks at the page again. */
  hasten(): void {
    this.#connection.hasten();
  }

  networkLost(): void {
    this.#doubtful = this.state.is === "connected";
    this.#options.changed();
  }

  networkBack(): void {
    if (this.#doubtful) {
      this.#doubtful = false;
      this.conversation.markUnsure();
      this.#connection.connect();
    } else this.hasten();
  }

  #connected(): void {
    this.#doubtful = false;
    if (this.#lostAtMs !== undefined) {
      const awayS = Math.max(1, Math.round((this.#options.surroundings.now() - this.#lostAtMs) / 1_000));
      this.conversation.note(`Connected again after ${awayS} s`, this.#options.surroundings.now());
      this.#lostAtMs = undefined;
    }
    this.#sendUnsent();
  }

  #sendUnsent(): void {
    for (const { text, entry } of this.unsent.takeFor(this.topic)) {
      this.#connection.send(text);
      this.conversation.markSent(entry, text, this.#options.surroundings.now());
    }
  }

  #url(): string {
    return socketUrl(this.#options.page, this.#options.clientId, this.topic);
  }
}
