import { expect, setDefaultTimeout, test } from "bun:test";
import { FaultyProxy } from "../faults/proxy.ts";
import { connect } from "../support/client.ts";
import { metricsOf } from "../support/metrics-of.ts";
import { connectRaw, opcodes } from "../support/raw.ts";
import { startSystem } from "../support/system.ts";
import { until } from "../support/wait.ts";

/** They are gone within three seconds; the rest is patience with a machine that has other things to do. */
const goneWithinMs = 30_000;
setDefaultTimeout(2 * goneWithinMs + 20_000);

const isPing = ({ opcode }: { readonly opcode: number }) => opcode === opcodes.ping;

test("clients that have vanished are disconnected while messages are sent to them, and nobody else is", async () => {
  await using system = startSystem(["--ping-interval", "1s"], () => undefined);
  await using proxy = await FaultyProxy.start(system.url.href);

  // A raw client answers no ping. One of these receives, one is only connected.
  await using _listener = await connectRaw(system.url.href, "/ws");
  await using idler = await connectRaw(system.url.href, "/ws?topic=quiet", {
    headers: { "Sec-WebSocket-Protocol": "v12.stomp" },
  });
  idler.sendFrame(opcodes.text, "CONNECT\naccept-version:1.2\n\n\0");
  const swallowed = await connect(new URL("/ws", proxy.url).href.replace(/^\w+/, "ws"));
  // These are there: one answers pings, one says something now and again, though it answers none.
  await using ben = await connect(system.wsUrl("/ws"));
  await using talker = await connectRaw(system.url.href, "/ws?topic=talk");
  proxy.freeze("toBroker", "toWarren");
  const anna = await connect(system.wsUrl("/ws"));

  const sending = setInterval(() => {
    anna.send("are you there?");
    talker.sendFrame(opcodes.text, "I am");
  }, 20);
  try {
    await until(
      async () => (await metricsOf(system.url))["warren_clients_vanished_total"] === 3,
      "all three to be disconnected",
      goneWithinMs,
    );
    expect((await metricsOf(system.url))["warren_clients"]).toBe(3);
    await until(
      () => talker.frames.filter(isPing).length > 3,
      "the talker to have ignored several pings",
      goneWithinMs,
    );
    expect((await metricsOf(system.url))["warren_clients_vanished_total"]).toBe(3);
    expect(ben.received.length).toBeGreaterThan(50);
  } finally {
    clearInterval(sending);
    proxy.cut();
    await swallowed.closed;
    await anna.close();
  }
});
