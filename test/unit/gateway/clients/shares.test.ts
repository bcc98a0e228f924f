import { afterEach, describe, expect, test } from "bun:test";
import { Share } from "../../../../src/envelope/share.ts";
import { Backpressure } from "../../../../src/gateway/clients/backpressure.ts";
import type { ClientSocket } from "../../../../src/gateway/clients/client.ts";
import { Holds } from "../../../../src/gateway/clients/holds.ts";
import { Shares } from "../../../../src/gateway/clients/shares.ts";

const mebibyte = 1024 ** 2;
const ignore = () => undefined;

const gateways: Backpressure[] = [];
afterEach(() => {
  for (const backpressure of gateways.splice(0)) backpressure.close();
});

/** Clients that have this much in an outbox of 64 MiB, each in MiB. */
function gateway(unsentMebibytes: readonly number[]) {
  const clients = unsentMebibytes.map((unsent) => {
    const share = new Share();
    share.unsentBytes = unsent * mebibyte;
    const socket = { data: { share, hasPublished: true, seat: {} }, pause: ignore, resume: ignore };
    return socket as unknown as ClientSocket;
  });
  const shareOf = (socket: ClientSocket) => socket.data.share!;
  const room = {
    get freeBytes() {
      return 64 * mebibyte - clients.reduce((sum, client) => sum + shareOf(client).unsentBytes, 0);
    },
  };
  const holds = new Holds();
  const backpressure = new Backpressure(
    holds,
    clients,
    () => room.freeBytes <= 0,
    () => undefined,
  );
  gateways.push(backpressure);
  const shares = new Shares(holds, room, backpressure);
  const publish = (index: number) => shares.published(clients[index]!, shareOf(clients[index]!));
  const heldFor = (reason: "share" | "outbox") =>
    clients.flatMap((client, index) => (holds.isHeld(client, reason) ? [index] : []));
  const set = (index: number, mebibytes: number) => {
    shareOf(clients[index]!).unsentBytes = mebibytes * mebibyte;
  };
  return { shares, publish, heldFor, set };
}

describe("a client that has published", () => {
  test("goes on while it leaves free what it has waiting", () => {
    const { publish, heldFor } = gateway([31]);
    publish(0);
    expect(heldFor("share")).toEqual([]);
  });

  test("is held back when it has more waiting than is free, and nobody else is", () => {
    const { publish, heldFor } = gateway([32, 0.1]);
    publish(0);
    publish(1);
    expect(heldFor("share")).toEqual([0]);
    expect(heldFor("outbox")).toEqual([]);
  });

  test("may have a little waiting for as long as the outbox is not full, however little is free", () => {
    const { publish, heldFor } = gateway([63.995, 0.01]);
    publish(1);
    expect(heldFor("share")).toEqual([]);
  });

  test("is held back with all others when the outbox is full", () => {
    const { publish, heldFor } = gateway([63, 1]);
    publish(1);
    expect(heldFor("outbox").toSorted()).toEqual([0, 1]);
  });

  test("is held back earlier where much was read and waits to be obeyed", () => {
    const { shares, publish, heldFor } = gateway([20]);
    publish(0);
    expect(heldFor("share")).toEqual([]);
    shares.unobeyedBytes = 25 * mebibyte;
    publish(0);
    expect(heldFor("share")).toEqual([0]);
  });
});

describe("a client that is held back for its share", () => {
  test("goes on when it has half of what is free", () => {
    const { shares, publish, heldFor, set } = gateway([40]);
    publish(0);
    set(0, 22);
    shares.recheck();
    expect(heldFor("share")).toEqual([0]);
    set(0, 21);
    shares.recheck();
    expect(heldFor("share")).toEqual([]);
  });

  test("goes on when nothing of it waits, though more was read than there is room for", () => {
    const { shares, publish, heldFor, set } = gateway([40]);
    publish(0);
    shares.unobeyedBytes = 100 * mebibyte;
    set(0, 0);
    shares.recheck();
    expect(heldFor("share")).toEqual([]);
  });
});
