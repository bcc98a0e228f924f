import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { neighbourhoodOf, plainAddress, TrustedProxies } from "../../../../src/gateway/guards/address.ts";
import { rounds } from "../../doubles/rounds.ts";

describe("the client of a request", () => {
  const proxies = new TrustedProxies(["10.0.0.0/8", "fd00::/8"]);

  test("is that of the connection, whatever its headers say, unless that is a trusted proxy", () => {
    expect(proxies.clientOf("203.0.113.7", "198.51.100.1")).toBe("203.0.113.7");
    expect(new TrustedProxies([]).clientOf("10.0.0.1", "198.51.100.1")).toBe("10.0.0.1");
  });

  test("is the right-most one that is no trusted proxy: what stands left of it is invented", () => {
    expect(proxies.clientOf("10.0.0.1", "198.51.100.1")).toBe("198.51.100.1");
    expect(proxies.clientOf("10.0.0.1", "6.6.6.6, 198.51.100.1, 10.9.9.9")).toBe("198.51.100.1");
    expect(proxies.clientOf("fd00::1", "6.6.6.6,2001:db8::7,fd00::2")).toBe("2001:db8::7");
  });

  test("is the first proxy where all are trusted, or the last that is known", () => {
    expect(proxies.clientOf("10.0.0.1", null)).toBe("10.0.0.1");
    expect(proxies.clientOf("10.0.0.1", "10.0.0.3, 10.0.0.2")).toBe("10.0.0.3");
    for (const nonsense of ["", "unknown", "198.51.100.1, _hidden", "1.2.3.4.5", "'; drop table"])
      expect([nonsense, proxies.clientOf("10.0.0.1", nonsense)]).toEqual([nonsense, "10.0.0.1"]);
  });

  test("is the same in IPv6's clothes, with a port or in brackets", () => {
    expect(proxies.clientOf("::ffff:10.0.0.1", "198.51.100.1:4711")).toBe("198.51.100.1");
    expect(proxies.clientOf("10.0.0.1", "[2001:db8::7]:443")).toBe("2001:db8::7");
    expect(proxies.clientOf("::ffff:203.0.113.7", null)).toBe("203.0.113.7");
  });

  test("is an address from the header, or that of the connection, whatever the header contains", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())), (hops) => {
        const client = proxies.clientOf("10.0.0.1", hops.join(","));
        expect(plainAddress(client)).toBe(client);
      }),
      rounds(),
    );
  });
});

test("what counts as one address is an IPv4 address, and half of an IPv6 one", () => {
  expect(neighbourhoodOf("203.0.113.7")).toBe("203.0.113.7");
  expect(neighbourhoodOf("2001:db8::1")).toBe("2001:db8:0:0::/64");
  expect(neighbourhoodOf("2001:db8:0:0:ffff:1:2:3")).toBe("2001:db8:0:0::/64");
  expect(neighbourhoodOf("2001:db8:0:1::1")).toBe("2001:db8:0:1::/64");
  expect(neighbourhoodOf("::1")).toBe("0:0:0:0::/64");
  expect(neighbourhoodOf("1:2:3:4:5:6:1.2.3.4")).toBe("1:2:3:4::/64");
});
