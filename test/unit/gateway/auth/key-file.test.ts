import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KeyFile } from "../../../../src/gateway/auth/key-file.ts";
import { type Keys, NotAKey, publicKeys } from "../../../../src/gateway/auth/keys.ts";
import { rsaPair } from "./signing.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "warren-key-file-"));
  path = join(folder, "key");
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("a key file", () => {
  test("that is read twice at once leaves the keys of the later reading, however long the earlier one takes", async () => {
    const parsed = new Map<string, PromiseWithResolvers<Keys>>();
    const file = new KeyFile(path, "--jwt-secret-file", (content) => {
      const reading = Promise.withResolvers<Keys>();
      parsed.set(content.toString(), reading);
      return reading.promise;
    });
    const keysOf = (name: string) => ({ algorithms: [name], find: () => Promise.reject(new Error(name)) });
    writeFileSync(path, "old");
    const earlier = file.read();
    writeFileSync(path, "new");
    const later = file.read();
    parsed.get("new")!.resolve(keysOf("new"));
    await later;
    parsed.get("old")!.resolve(keysOf("old"));
    await earlier;
    expect(file.keys?.algorithms).toEqual(["new"]);
  });

  test("whose later reading finds nothing of use leaves the keys of the earlier one", async () => {
    const file = new KeyFile(path, "--jwt-public-key-file", publicKeys);
    writeFileSync(path, rsaPair().publicKey);
    const earlier = file.read();
    writeFileSync(path, "");
    const later = file.read();
    await earlier;
    await expect(later).rejects.toThrow("has no public key");
    expect(file.keys).toBeDefined();
  });
});

test("a key that is cut off, as in a file that is just being written, is refused with the whole ones before it", () => {
  const [whole, other] = [rsaPair().publicKey, rsaPair().publicKey];
  for (const cut of [other.slice(0, 100), other.slice(0, -10), "-----BEGIN PUBLIC KEY-----"])
    expect(() => publicKeys(Buffer.from(`${whole}\n${cut}`))).toThrow(NotAKey);
  expect(() => publicKeys(Buffer.from(`${whole}\n${other}`))).not.toThrow();
});
