import { destinationOf } from "../wire/stomp/destinations.ts";
import { frameText, type Header } from "../wire/stomp/frames.ts";
import { makeFrame, opcodes } from "./frames.ts";

/** The receipt of the SUBSCRIBE. */
export const subscribedReceipt = "subscribed";

/** How a client of the bench introduces itself: CONNECT, and one SUBSCRIBE. */
export class StompHello {
  readonly destination: string;
  readonly isDurable: boolean;
  readonly #connect: Uint8Array;

  /**
   * The topic is that of the URL, `?topic=NAME`, as for plain text. A user and a password in the URL become `login` and
   * `passcode`.
   */
  constructor(url: URL, isDurable: boolean) {
    this.destination = destinationOf(url.searchParams.get("topic") ?? "");
    this.isDurable = isDurable;
    // The host is a virtual one, which to RabbitMQ is a vhost: `/` is the one that there is everywhere.
    const headers: Header[] = [
      ["accept-version", "1.2"],
      ["host", "/"],
      ["heart-beat", "0,0"],
    ];
    if (url.username !== "") headers.push(["login", decodeURIComponent(url.username)]);
    if (url.password !== "") headers.push(["passcode", decodeURIComponent(url.password)]);
    this.#connect = frameOf(frameText("CONNECT", headers, "", "1.2"));
  }

  /** Both, as WebSocket frames. */
  bytes(after: string | undefined): Uint8Array {
    const headers: Header[] = [
      ["id", "0"],
      ["destination", this.destination],
      ["receipt", subscribedReceipt],
    ];
    if (after !== undefined) headers.push(["x-stream-after", after]);
    else if (this.isDurable) headers.push(["x-stream-offset", "next"]);
    return Buffer.concat([this.#connect, frameOf(frameText("SUBSCRIBE", headers, "", "1.2"))]);
  }
}

function frameOf(text: string): Uint8Array {
  return makeFrame(opcodes.text, new TextEncoder().encode(text));
}
