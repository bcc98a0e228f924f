import { closeCodes } from "../../wire/close-codes.ts";
import { StompFault } from "../../wire/stomp/fault.ts";
import type { ClientSocket } from "../clients/client.ts";
import { Deadline } from "./deadline.ts";
import type { StompSurroundings } from "./surroundings.ts";

/** A frame that has begun. Its rest has to come in time, whatever else the client sends meanwhile. */
export class Unfinished {
  /** How many frames the client had sent before this one. */
  readonly after: number;
  readonly #deadline: Deadline;

  /** @param fail called when the time is over */
  constructor(
    socket: ClientSocket,
    after: number,
    surroundings: StompSurroundings,
    fail: (fault: StompFault) => void,
  ) {
    const { messageTimeoutMs } = surroundings;
    this.after = after;
    this.#deadline = new Deadline(surroundings, socket, messageTimeoutMs, () =>
      fail(
        new StompFault(`a frame was not whole ${messageTimeoutMs / 1000} s after its beginning`, {
          reason: "messageTime",
          close: closeCodes.unfinished,
        }),
      ),
    );
  }

  /** Ends the wait, because the frame is complete or does not matter any more. */
  end(): void {
    this.#deadline.met();
  }
}
