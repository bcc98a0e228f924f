import { Member } from "./member.ts";

/**
 * A durable subscription from the log's beginning on, over STOMP. Messages are numbers from 0, and each has to be the next one:
 * `faults` has those that are not.
 */
export class DurableMember extends Member {
  #socket: WebSocket | undefined;
  #last: string | undefined;

  say(text: string): void {
    this.#socket?.send(`SEND\ndestination:/topic/${this.plan.topic}\n\n${text}\0`);
  }

  protected connect(port: number): void {
    const { topic, prefix } = this.plan;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws/${prefix}-${this.n}`, "v12.stomp");
    this.#socket = socket;
    socket.onopen = () => {
      const begin = this.#last === undefined ? "x-stream-offset:first" : `x-stream-after:${this.#last}`;
      socket.send("CONNECT\naccept-version:1.2\n\n\0");
      socket.send(`SUBSCRIBE\nid:1\ndestination:/topic/${topic}\nreceipt:subscribed\n${begin}\n\n\0`);
    };
    socket.onmessage = ({ data }) => this.#take(String(data));
    socket.onclose = ({ code }) => this.ended(String(code));
  }

  #take(frame: string): void {
    const [head = "", body = ""] = frame.split("\n\n", 2);
    if (head.startsWith("RECEIPT")) this.opened();
    else if (head.startsWith("ERROR")) this.fault(frame);
    else if (head.startsWith("MESSAGE")) this.#note(head, body.replace("\0", ""));
  }

  #note(head: string, body: string): void {
    this.#last = /^x-stream-offset:(.*)$/m.exec(head)?.[1];
    if (/^x-stream-gap:true$/m.test(head)) this.fault("told of a gap");
    // The processor's answers are on the topic, too.
    if (/^\d+$/.test(body)) this.gotNumber(body);
  }
}
