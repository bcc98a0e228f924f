import type { Body } from "../../message.ts";
import type { Encoding } from "../fan-out/encoding.ts";
import type { Room } from "./room.ts";

/** What watchers are told, as it is written: made once for all that are told the same. */
export class Tails {
  readonly #made = new WeakMap<readonly string[], Map<Encoding, readonly Body[]>>();
  #messages = 0;

  /** @param bodies what is told; the same list for all that are told it */
  of(
    room: Pick<Room, "topic" | "destination">,
    encoding: Encoding,
    bodies: readonly string[],
  ): readonly Body[] {
    let byEncoding = this.#made.get(bodies);
    if (byEncoding === undefined) {
      byEncoding = new Map();
      this.#made.set(bodies, byEncoding);
    }
    let tails = byEncoding.get(encoding);
    if (tails === undefined) {
      tails = bodies.map((body) => this.#tailOf(room, encoding, body));
      byEncoding.set(encoding, tails);
    }
    return tails;
  }

  #tailOf(
    { topic, destination }: Pick<Room, "topic" | "destination">,
    encoding: Encoding,
    body: string,
  ): Body {
    const message = { body, topic, headers: { "content-type": "application/json" } };
    return encoding.tailOf(message, `presence-${++this.#messages}`, { destination });
  }
}
