import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FatalError } from "../../src/errors.ts";
import { optionFileBytesMax, readOptionFile } from "../../src/option-file.ts";

const folder = mkdtempSync(join(tmpdir(), "warren-option-file-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileOf(content: string, bytes = content.length): string {
  const path = join(folder, crypto.randomUUID());
  writeFileSync(path, content);
  truncateSync(path, bytes);
  return path;
}

function fifo(): string {
  const path = join(folder, "fifo");
  Bun.spawnSync(["mkfifo", path]);
  return path;
}

describe("a file that an option names", () => {
  test("is read, also behind a symbolic link, as Kubernetes mounts secrets", () => {
    const path = fileOf("a secret");
    const link = join(folder, "link");
    symlinkSync(path, link);
    expect([path, link].map((each) => readOptionFile("--flag", each).toString())).toEqual([
      "a secret",
      "a secret",
    ]);
    expect(readOptionFile("--flag", fileOf("x", optionFileBytesMax))).toHaveLength(optionFileBytesMax);
  });

  test.each<[string, string, string]>([
    ["a pipe, which would block", fifo(), "it is no regular file"],
    ["a device without an end", "/dev/zero", "it is no regular file"],
    ["a folder", folder, "it is no regular file"],
    ["too large", fileOf("x", optionFileBytesMax + 1), "it is larger than 4194304 bytes"],
    ["not there", join(folder, "none"), "ENOENT"],
  ])("is refused in one line that names it if it is %s", (_, path, why) => {
    const read = () => readOptionFile("--flag", path);
    expect(read).toThrow(FatalError);
    expect(read).toThrow(`--flag ${path} cannot be read: ${why}`);
  });
});
