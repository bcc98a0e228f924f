import { Member } from "./member.ts";

/** A plain-text client. It counts what it gets. */
export class TextMember extends Member {
  #socket: WebSocket | undefined;

  say(text: string): void {
    this.#socket?.send(text);
  }

  protected connect(port: number): void {
    const { topic, prefix } = this.plan;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws/${prefix}-${this.n}?topic=${topic}`);
    this.#socket = socket;
    socket.onopen = () => this.opened();
    socket.onmessage = () => this.got();
    socket.onclose = ({ code }) => this.ended(String(code));
  }
}
