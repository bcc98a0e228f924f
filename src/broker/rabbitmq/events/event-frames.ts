import {
  bytesPerUnitMax,
  frameEnd,
  frameHeadBytes,
  frameOverhead,
  frameSizeAt,
} from "../frames/amqp-wire.ts";
import { type FramesOptions, publishFrames } from "../frames/publish-frames.ts";

/** Where events of one kind go. There are few, which are made once: what they have in common is written once for each. */
export interface Route {
  /** What they are published to. */
  readonly exchange: string;
  /** Their routing key. */
  readonly key: string;
  /** Whether RabbitMQ gives back what reaches no queue at all. */
  readonly isMandatory: boolean;
}

/** What is published as JSON. */
export interface EventMessage {
  /** Where it goes. */
  readonly route: Route;
  /** JSON. */
  readonly body: string;
  /** Undefined: none. */
  readonly headers: Readonly<Record<string, string>> | undefined;
}

const bare = {
  contentType: "application/json",
  messageId: undefined,
  timestamp: undefined,
  appId: undefined,
  clientId: undefined,
};

/** Where a header frame has the size of the body: in its second half, the first is for what is above 4 GiB. */
const bodySizeAt = frameHeadBytes + 4 + 4;

/** The frames before a message's body, and where they have its size. */
interface Head {
  readonly bytes: Buffer;
  readonly bodySizeAt: number;
}

/**
 * Writes the AMQP frames of events. Those with the same route differ in their bodies alone, so what comes before the body is written once for each
 * route, and copied: that takes a third of the time of `publishFrames`, which writes whatever is not so simple.
 */
export class EventFrames {
  readonly #framing: Pick<FramesOptions, "channel" | "frameMax">;
  readonly #heads = new Map<Route, Head>();

  constructor(framing: Pick<FramesOptions, "channel" | "frameMax">) {
    this.#framing = framing;
  }

  /** Returns the events' frames in one piece, to be written at once. */
  write(events: readonly EventMessage[]): Buffer {
    const pieces: Buffer[] = [];
    let simple: EventMessage[] = [];
    for (const event of events) {
      if (this.#isSimple(event)) simple.push(event);
      else {
        pieces.push(this.#writeSimple(simple), this.#writeAny(event));
        simple = [];
      }
    }
    const last = this.#writeSimple(simple);
    return pieces.length === 0 ? last : Buffer.concat([...pieces, last]);
  }

  #writeSimple(events: readonly EventMessage[]): Buffer {
    let size = 0;
    for (const { route, body } of events)
      size += this.#headOf(route).bytes.length + frameOverhead + roomOf(body);
    const buffer = Buffer.allocUnsafeSlow(size);
    let at = 0;
    for (const { route, body } of events) {
      const head = this.#headOf(route);
      buffer.set(head.bytes, at);
      const bodyAt = at + head.bytes.length;
      const length = buffer.write(body, bodyAt);
      buffer.writeUInt32BE(length, at + head.bodySizeAt);
      // The head's last bytes are the beginning of the body's frame.
      buffer.writeUInt32BE(length, bodyAt - frameHeadBytes + frameSizeAt);
      buffer[bodyAt + length] = frameEnd;
      at = bodyAt + length + 1;
    }
    return buffer.subarray(0, at);
  }

  /** Whether its body is one frame, and there is nothing in its head that others do not have. */
  #isSimple({ body, headers }: EventMessage): boolean {
    const bytesMax = this.#framing.frameMax - frameOverhead;
    return headers === undefined && body.length > 0 && bytesPerUnitMax * body.length <= bytesMax;
  }

  #writeAny({ route, body, headers }: EventMessage): Buffer {
    const { exchange, key, isMandatory } = route;
    const envelope = { ...bare, routingKey: key, body: Buffer.from(body), headers };
    return publishFrames([envelope], { ...this.#framing, exchange, isMandatory });
  }

  #headOf(route: Route): Head {
    let head = this.#heads.get(route);
    if (head === undefined) {
      const sample = this.#writeAny({ route, body: "x", headers: undefined });
      const methodBytes = sample.readUInt32BE(frameSizeAt) + frameOverhead;
      // Without the sample's body and the end of its frame.
      head = { bytes: sample.subarray(0, -2), bodySizeAt: methodBytes + bodySizeAt };
      this.#heads.set(route, head);
    }
    return head;
  }
}

/** Bodies are measured from this length on; of a smaller one the most that it may have is taken, in characters. */
const measuredFrom = 1024;

/** The bytes that a body has, at most. */
function roomOf(body: string): number {
  return body.length < measuredFrom ? bytesPerUnitMax * body.length : Buffer.byteLength(body);
}
