import { describe, expect, test } from "bun:test";
import type { Outflow } from "../../../../src/gateway/durable/outflow.ts";
import { Unwritten } from "../../../../src/gateway/durable/unwritten.ts";

/** A batch for a client whose network takes everything at once, or nothing. */
function batchOf(room = 128 * 1024) {
  const written: number[] = [];
  const network = { takesAll: true };
  const outflow: Pick<Outflow<object>, "room" | "isDrained" | "gathered" | "write"> = {
    room,
    get isDrained() {
      return network.takesAll;
    },
    gathered: () => undefined,
    write: (_, size) => void written.push(size),
  };
  const batch = new Unwritten<object>(outflow as Outflow<object>);
  /** Gathers messages of a kilobyte until there is enough to write, and writes them. */
  const fill = () => {
    do batch.add("x".repeat(1024), 1024);
    while (!batch.isFull);
    return batch.flush();
  };
  return { batch, written, network, fill };
}

const kilobytes = (...sizes: readonly number[]) => sizes.map((size) => 1024 * size);

describe("a client is written to", () => {
  test("sixteen kilobytes at once, or less if no more may wait for it", () => {
    const { written, fill } = batchOf();
    expect(fill()).toBe(true);
    expect(written).toEqual(kilobytes(16));
    const small = batchOf(2048);
    small.fill();
    expect(small.written).toEqual(kilobytes(2));
  });

  test("sixteen kilobytes at once, too, if it did not read at once but did soon", () => {
    const { written, network, fill } = batchOf();
    network.takesAll = false;
    expect(fill()).toBe(false);
    fill();
    expect(written).toEqual(kilobytes(16, 16));
  });

  test("four kilobytes at once if it was slow, whatever small things the network took at once since", () => {
    const { batch, written, fill } = batchOf();
    batch.clientWasSlow();
    for (let count = 0; count < 100; count++) {
      batch.add("x", 1);
      batch.flush();
      batch.flush();
    }
    fill();
    expect(written.at(-1)).toBe(4 * 1024);
  });

  test("four kilobytes at once if it was slow, until the network has taken as much at once as a quick client reads", () => {
    const { batch, written, network, fill } = batchOf();
    batch.clientWasSlow();
    for (let count = 0; count < 31; count++) fill();
    network.takesAll = false;
    fill();
    network.takesAll = true;
    for (let count = 0; count < 33; count++) fill();
    expect(new Set(written.slice(0, -1))).toEqual(new Set(kilobytes(4)));
    expect(written).toHaveLength(65);
    expect(written.at(-1)).toBe(16 * 1024);
  });
});

test("what is taken from it is not written, and nothing is written twice", () => {
  const { batch, written } = batchOf();
  batch.add("one", 3);
  expect(batch.take()).toEqual(["one"]);
  expect(batch.size).toBe(0);
  batch.write();
  batch.add("two", 3);
  batch.write();
  batch.write();
  expect(written).toEqual([3]);
});
