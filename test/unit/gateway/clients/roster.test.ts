import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { lists, Roster } from "../../../../src/gateway/clients/roster.ts";
import { Seat } from "../../../../src/gateway/clients/seat.ts";
import { rounds } from "../../doubles/rounds.ts";

const client = () => ({ data: { seat: new Seat(undefined) } }) as unknown as ClientSocket;

describe("a roster", () => {
  test("has the clients that have connected and not disconnected, in whatever order", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 400 }), { maxLength: 400 }), (leavings) => {
        const roster = new Roster();
        const present = new Set<ClientSocket>();
        const all: ClientSocket[] = [];
        for (const leaving of leavings) {
          const socket = client();
          roster.add(socket);
          present.add(socket);
          all.push(socket);
          const gone = all[leaving];
          if (gone === undefined) continue;
          roster.delete(gone);
          present.delete(gone);
        }
        expect(roster.size).toBe(present.size);
        expect(new Set(roster)).toEqual(present);
        expect([...roster]).toHaveLength(present.size);
      }),
      rounds(),
    );
  });

  test("spreads them over its lists", () => {
    const roster = new Roster();
    for (let i = 0; i < 10 * lists; i++) roster.add(client());
    for (let index = 0; index < lists; index++) expect([...roster.ofList(index)]).toHaveLength(10);
  });

  test("passes over nobody when some go while it is read", () => {
    const roster = new Roster();
    const clients = Array.from({ length: 5 * lists }, client);
    for (const socket of clients) roster.add(socket);
    const seen = new Set<ClientSocket>();
    for (const socket of roster) {
      seen.add(socket);
      roster.delete(socket);
    }
    expect(seen.size).toBe(clients.length);
    expect(roster.size).toBe(0);
  });
});
