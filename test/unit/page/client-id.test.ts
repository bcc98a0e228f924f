import { expect, test } from "bun:test";
import { clientIdOfTab, newClientId, newName } from "../../../static/session/client-id.ts";

const uuid4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const insecure = { getRandomValues: crypto.getRandomValues.bind(crypto) };

function storage(): Storage {
  const items = new Map<string, string>();
  return {
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => items.set(key, value),
  } as Partial<Storage> as Storage;
}

test("a client id is a random UUID, on pages without https too", () => {
  expect(newClientId(crypto)).toMatch(uuid4);
  expect(newClientId(insecure)).toMatch(uuid4);
  expect(newClientId(insecure)).not.toBe(newClientId(insecure));
});

test("a tab's client id is a name that people can tell from another", () => {
  const names = Array.from({ length: 200 }, () => newName(insecure));
  for (const name of names) expect(name).toMatch(/^[a-z]+-[a-z]+-[a-z2-9]{5}$/);
  expect(new Set(names).size).toBe(200);
});

test("a tab keeps its client id over reloads, and another tab has another", () => {
  const [tab, otherTab] = [storage(), storage()];
  const id = clientIdOfTab(() => tab, insecure);
  expect(clientIdOfTab(() => tab, insecure)).toBe(id);
  expect(clientIdOfTab(() => otherTab, insecure)).not.toBe(id);
});

test("a browser that blocks storage gets a client id all the same", () => {
  const blocked = () => {
    throw new Error("SecurityError");
  };
  expect(clientIdOfTab(blocked, insecure)).toMatch(/^[a-z]+-[a-z]+-[a-z2-9]{5}$/);
});
