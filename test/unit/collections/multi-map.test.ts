import { expect, test } from "bun:test";
import fc from "fast-check";
import { MultiMap } from "../../../src/collections/multi-map.ts";
import { rounds } from "../doubles/rounds.ts";

test("finds nothing in an empty map", () => {
  const directory = new MultiMap<object>();
  directory.remove("nobody", {});
  expect([...directory.find("nobody")]).toEqual([]);
});

test("finds all connections of an id, and only these", () => {
  const directory = new MultiMap<object>();
  const [one, two, other] = [{ is: 1 }, { is: 2 }, { is: 3 }];
  directory.add("ann", one);
  directory.add("ben", other);
  directory.add("ann", two);
  expect([...directory.find("ann")]).toEqual([one, two]);
  expect([...directory.find("ben")]).toEqual([other]);
});

test("the removal of one that is not there leaves the others alone", () => {
  const directory = new MultiMap<object>();
  const one = { is: 1 };
  directory.add("ann", one);
  directory.remove("ann", { is: 1 });
  expect([...directory.find("ann")]).toEqual([one]);
});

test("lookups are right whatever is added and removed", () => {
  const people = fc.constantFrom("ann", "ben", "__proto__");
  fc.assert(
    fc.property(fc.array(fc.tuple(people, fc.nat(3), fc.boolean())), (steps) => {
      const directory = new MultiMap<object>();
      const connections = [{ is: 0 }, { is: 1 }, { is: 2 }, { is: 3 }];
      const model = new Map<string, Set<object>>();
      for (const [id, index, isComing] of steps) {
        const connection = connections[index]!;
        const present = model.get(id) ?? new Set();
        model.set(id, present);
        if (isComing && !present.has(connection)) {
          present.add(connection);
          directory.add(id, connection);
        } else if (!isComing) {
          present.delete(connection);
          directory.remove(id, connection);
        }
        expect(new Set(directory.find(id))).toEqual(present);
      }
    }),
    rounds(),
  );
});
