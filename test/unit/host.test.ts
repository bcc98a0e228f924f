import { describe, expect, test } from "bun:test";
import { AllowedHosts, hostRuleOf } from "../../src/host.ts";

describe("without tokens and TLS", () => {
  test.each([
    null,
    "",
    "localhost",
    "localhost:8000",
    "LOCALHOST.",
    "app.localhost:8000",
    "127.0.0.1:8000",
    "192.168.1.20",
    "[::1]:8000",
    "[fd00::1]",
  ])("a manager answers under the host %p", (host) => {
    expect(new AllowedHosts([]).has(host)).toBe(true);
  });

  test.each([
    "evil.example",
    "evil.example:8000",
    "localhost.evil.example",
    "evillocalhost",
    "127.0.0.1.evil.example",
    "127.0.0.1:8000, evil.example",
    "user@127.0.0.1",
    "[evil]",
    "[::1]evil.example",
    ":8000",
    " localhost",
  ])("but not under %p", (host) => {
    expect(new AllowedHosts([]).has(host)).toBe(false);
    expect(new AllowedHosts(["warren.example", "*.warren.example"]).has(host)).toBe(false);
    expect(new AllowedHosts(["*"]).has(host)).toBe(true);
  });

  test.each([
    ["warren.example.org", "Warren.Example.org:8000"],
    ["WARREN.example.org.", "warren.example.org"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["manager", "manager:8000"],
    ["manager_1", "manager_1:8000"],
    ["*.example.org", "a.b.example.org"],
  ])("with --allow-host %s it does under %s", (rule, host) => {
    expect(new AllowedHosts([rule]).has(host)).toBe(true);
  });

  test.each([
    ["*.example.org", "example.org"],
    ["*.example.org", "evilexample.org"],
    ["example.org", "a.example.org"],
  ])("with --allow-host %s it does not under %s", (rule, host) => {
    expect(new AllowedHosts([rule]).has(host)).toBe(false);
  });
});

test.each(["", "http://a", "a:8000", "a/b", "a b", "a.*", "*.*.a", "*a", "user@a", "[::1]"])(
  "%p is no name for --allow-host",
  (text) => {
    expect(hostRuleOf(text)).toBeUndefined();
  },
);
