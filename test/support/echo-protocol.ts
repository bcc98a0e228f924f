import type { ClientSocket } from "../../src/gateway/clients/client.ts";
import type { Encoding } from "../../src/gateway/fan-out/encoding.ts";
import { SubscribingClient } from "../../src/gateway/protocol/subscribing-client.ts";
import type { ProtocolMaker } from "../../src/gateway/protocols.ts";
import { startAfter } from "../../src/log/position.ts";

/** `message a.b hello`, before it in the log `at 17 message …`, and `gap …` where some are missing before it. */
const echoed: Encoding = {
  name: "echo",
  includesId: false,
  headOf: () => "",
  headAfterGap: () => "gap ",
  tailOf: ({ body, topic }, _, { position }) =>
    `${position === undefined ? "" : `at ${position} `}message ${topic} ${body}`,
  join: (head, tail) => `${head}${tail}`,
};

/** A minimal protocol: `on TOPIC`, `after POSITION TOPIC` and `say TOPIC BODY`, of which the first two are answered. */
export const echo: ProtocolMaker = (surroundings) => ({
  subprotocols: ["echo"],
  admit: (newcomer) => new EchoClient(newcomer, surroundings),
});

class EchoClient extends SubscribingClient {
  readonly protocol = "echo";
  readonly encoding = echoed;

  protected obey(socket: ClientSocket, input: string | Buffer): void {
    const [verb, first = "", ...rest] = String(input).split(" ");
    if (verb === "say") this.publish({ topic: first, body: rest.join(" ") }, input.length);
    else if (verb === "on") this.subscribe(first, undefined, () => socket.send("ok"));
    else this.subscribe(rest[0]!, startAfter(first) ?? "next", (after) => socket.send(`ok ${after}`));
  }
}
