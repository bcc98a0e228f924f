import { expect, test } from "bun:test";
import { networkOf } from "../../src/network.ts";

test("a network has a prefix, and a lone address the longest one", () => {
  expect(networkOf("10.0.0.0/8")).toEqual({ address: "10.0.0.0", prefixBits: 8, family: "ipv4" });
  expect(networkOf("fd00::/8")).toEqual({ address: "fd00::", prefixBits: 8, family: "ipv6" });
  expect(networkOf("127.0.0.1")?.prefixBits).toBe(32);
  expect(networkOf("::1")?.prefixBits).toBe(128);
  expect(networkOf("0.0.0.0/0")?.prefixBits).toBe(0);
});

test("nothing else is one", () => {
  for (const text of [
    "",
    "localhost",
    "10.0.0.0/33",
    "::/129",
    "10.0.0/8",
    "10.0.0.0/",
    "1.2.3.4/8/8",
    "fe80::1%eth0",
  ])
    expect([text, networkOf(text)]).toEqual([text, undefined]);
});
