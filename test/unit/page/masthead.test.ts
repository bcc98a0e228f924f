import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** HTML has no way to include a part: both pages have the wordmark in them, and this holds the two together. */
const wordmarkOf = (page: string) =>
  /<h1 class="wordmark">\s*(<svg.*?<\/svg>)/s.exec(
    readFileSync(join(import.meta.dir, "../../../static", page), "utf8"),
  )?.[1];

test("the client page and the admin page have the same wordmark", () => {
  const wordmark = wordmarkOf("index.html");
  expect(wordmark).toBeDefined();
  expect(wordmarkOf("admin/admin.html")).toBe(wordmark);
});
