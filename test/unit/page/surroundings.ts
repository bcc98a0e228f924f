import type { Socket, Surroundings } from "../../../static/session/connection.ts";

/** A socket whose manager is the test. */
export class PlayedSocket implements Socket {
  readonly url: string;
  readonly sent: string[] = [];
  closedByPage = false;
  binaryType: BinaryType = "blob";
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;

  constructor(url: string) {
    this.url = url;
  }

  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
    this.sent.push(String(data));
  }

  close(): void {
    this.closedByPage = true;
  }

  accept(): void {
    this.onopen?.call(this as unknown as WebSocket, new Event("open"));
  }

  say(data: string | ArrayBuffer): void {
    this.onmessage?.call(this as unknown as WebSocket, new MessageEvent("message", { data }));
  }

  drop(code = 1006, reason = ""): void {
    this.onclose?.call(this as unknown as WebSocket, new CloseEvent("close", { code, reason }));
  }
}

/** Time that passes only when told to, dice that always fall the same, and every socket that was opened. */
export class PlayedSurroundings implements Surroundings {
  readonly sockets: PlayedSocket[] = [];
  dice = 1;
  #nowMs = 1_000_000;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  get socket(): PlayedSocket {
    return this.sockets.at(-1)!;
  }

  open(url: string): PlayedSocket {
    const socket = new PlayedSocket(url);
    this.sockets.push(socket);
    return socket;
  }

  now(): number {
    return this.#nowMs;
  }

  random(): number {
    return this.dice;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  pass(ms: number): void {
    this.#nowMs += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { run } of due) run();
  }
}
