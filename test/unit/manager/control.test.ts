import { expect, test } from "bun:test";
import type { SeenClient } from "../../../src/control/desk.ts";
import type { Attendee } from "../../../src/events/attendance.ts";
import { clienteleOf } from "../../../src/manager/control.ts";
import { ClientsByTurns } from "../doubles/clients-by-turns.ts";

const seat = { address: "127.0.0.1", connection: 1 };
const client = (
  id: string | undefined,
  topics: readonly string[],
  protocol: string | undefined = "stomp",
) => ({
  id,
  protocol,
  seat,
  topics: () => topics,
});

async function seenAmong(...clients: Attendee[]): Promise<SeenClient[]> {
  const state = { events: () => undefined } as never;
  const clientele = clienteleOf("one", undefined as never, new ClientsByTurns(clients), state);
  const seen: SeenClient[] = [];
  await clientele.scan((entry) => void seen.push(entry.shown()));
  expect(await clientele.find("anna")).toEqual(seen.filter((each) => each.client === "anna"));
  return seen;
}

test("all clients with an id and a protocol are seen, with their address and topics", async () => {
  const anonymous = client(undefined, []);
  const undecided = { ...client("carl", []), protocol: undefined };
  expect(await seenAmong(client("anna", ["a", "b"]), anonymous, undecided, client("ben", []))).toEqual([
    { client: "anna", manager: "one", protocol: "stomp", address: "127.0.0.1", topics: ["a", "b"] },
    { client: "ben", manager: "one", protocol: "stomp", address: "127.0.0.1", topics: [] },
  ]);
});

test("of a client with very many or very long topics the first are seen, so that an answer about a thousand is no larger than RabbitMQ takes", async () => {
  const names = (count: number, length: number) =>
    Array.from({ length: count }, (_, number) => `${number}`.padStart(length, "x"));
  const [many, long] = await seenAmong(client("anna", names(1000, 3)), client("ben", names(1000, 250)));
  expect(many!.topics).toEqual(names(100, 3));
  expect(long!.topics).toEqual(names(8, 250));
});
