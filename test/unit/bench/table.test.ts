import { expect, test } from "bun:test";
import type { Deliveries, Result } from "../../../src/bench/result.ts";
import { renderTable } from "../../../src/bench/table.ts";

const relayed: Deliveries = {
  expected: 1_308_000,
  delivered: 1_307_999,
  lost: 1,
  duplicated: 0,
  reordered: 12,
  perSecond: 109_000,
  p50Us: 412,
  p99Us: 3840,
  p999Us: 12_345,
  maxUs: 1_204_000,
};

const result: Result = {
  config: {
    url: "ws://127.0.0.1:8000/ws",
    protocol: "text",
    durable: false,
    clients: 100,
    publishers: 10,
    ratePerSecond: 1000,
    sizeBytes: 1536,
    durationMs: 10_000,
    warmupMs: 2000,
  },
  due: 12_000,
  sent: 11_000,
  sentPerSecond: 917,
  measuredMs: 10_000,
  endedEarly: false,
  relayed,
  processed: { ...relayed, p50Us: null, p99Us: null, p999Us: null, maxUs: null },
  receipts: null,
  reconnects: null,
  returns: null,
  foreign: 0,
  clients: { connected: 110, failed: 0, closed: 1 },
  reasons: [{ reason: 'closed: 1008 "too slow"', count: 1 }],
  drained: "complete",
  isExact: true,
  cpuSeconds: 3.62,
};

test("the table is aligned, and says what it could not do", () => {
  expect(
    renderTable(result),
  ).toBe(`ws://127.0.0.1:8000/ws: 100 clients, 10 publishers, 1.5 KiB, 1,000 messages/s, 2 s of warm-up, then 10 s

                 relayed   processed
expected       1,308,000   1,308,000
delivered      1,307,999   1,307,999
lost                   1           1
duplicated             0           0
reordered             12          12
deliveries/s     109,000     109,000
p50               412 µs           -
p99              3.84 ms           -
p99.9            12.3 ms           -
max               1.20 s           -

sent         11,000, 917/s: could not keep the pace of 1,000/s
connections  110 connected, 0 failed, 1 closed
             1 × closed: 1008 "too slow"
bench's CPU  3.6 s
`);
});

test("without a processor there is no column for it", () => {
  const text = renderTable({
    ...result,
    processed: null,
    foreign: 3,
    drained: "timeout",
    isExact: false,
    measuredMs: 4000,
    endedEarly: true,
  });
  expect(text).toMatch(/^ +relayed$/m);
  expect(text).toMatch(/^processed +none: no processor answered$/m);
  expect(text).toMatch(/^foreign +3 messages/m);
  expect(text).toMatch(/^ended early +after 4 s/m);
  expect(text).toMatch(/^drained +no/m);
  expect(text).toMatch(/^inexact/m);
});

test("receipts have a column, and clients that were cut off have a line", () => {
  const text = renderTable({
    ...result,
    config: { ...result.config, protocol: "stomp", durable: true },
    receipts: { ...relayed, lost: 7 },
    reconnects: { resumed: 1200, failed: 1, p50Us: 900, p99Us: 4100, maxUs: 12_000 },
  });
  expect(text).toStartWith("ws://127.0.0.1:8000/ws by STOMP, durable: 100 clients");
  expect(text).toMatch(/^ +relayed +processed +receipts$/m);
  expect(text).toMatch(/^lost +1 +1 +7$/m);
  expect(text).toMatch(
    /^cut off +1,200 resumed \(p50 900 µs, p99 4.10 ms, max 12.0 ms\), 1 did not come back$/m,
  );
});
