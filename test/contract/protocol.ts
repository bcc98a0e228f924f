import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { System } from "../support/system.ts";

/** A message that a client got. */
export interface Heard {
  readonly body: string;
  /** Its position in the log; undefined for a live subscription. */
  readonly position: string | undefined;
}

/** A client of some protocol, with one subscription. It closes when it is disposed of. */
export interface Peer extends AsyncDisposable {
  /** The messages that it has got so far, in order. */
  readonly heard: readonly Heard[];
  say(topic: string, body: string): void;
  /** Resolves with the close code when the server closes the connection. */
  readonly closed: Promise<number>;
}

export interface PeerOptions {
  /** What it subscribes to, and, if the protocol is one with a topic for each connection, what it says. */
  readonly topic: string;
  /** Subscribes durably: behind this position of a message, or from now on. */
  readonly after?: string | "now";
  readonly token?: string;
}

/** A protocol, and its optional features. */
export interface TestedProtocol {
  readonly name: string;
  readonly hasPatterns: boolean;
  readonly isDurable: boolean;
  /** Whether a client gets its own messages. */
  readonly hearsItself: boolean;
  /** Connects a client, and resolves when it is subscribed. */
  connect(system: System, options: PeerOptions): Promise<Peer>;
}

export interface Surroundings {
  /** A gateway in this process with a broker in memory, without a processor. */
  start(...args: string[]): System | Promise<System>;
  /** The same with tokens required. */
  startGuarded(): Promise<System>;
  /** A token that grants to publish and to subscribe to these. */
  tokenFor(publish: readonly string[], subscribe: readonly string[]): string;
  /** Waits for a condition. */
  until(isSo: () => unknown, what: string): Promise<unknown>;
  metricsOf(url: URL): Promise<Record<string, number>>;
}

/** The guarantees of every protocol, as tests that each protocol passes. */
export function describeProtocol(protocol: TestedProtocol, surroundings: Surroundings): void {
  const { start, startGuarded, tokenFor, until, metricsOf } = surroundings;
  const bodiesOf = ({ heard }: Peer) => heard.map(({ body }) => body);
  const hears = async (peer: Peer, ...bodies: string[]) => {
    await until(() => peer.heard.length >= bodies.length, `${bodies.length} messages came`);
    expect(bodiesOf(peer)).toEqual(bodies);
  };

  describe(`${protocol.name} keeps the protocol contract: a client`, () => {
    let system: System;
    const peers: Peer[] = [];
    const connect = async (options: PeerOptions) => {
      const peer = await protocol.connect(system, options);
      peers.push(peer);
      return peer;
    };
    beforeEach(async () => {
      system = await start("--max-message-bytes", "1000");
    });
    afterEach(async () => {
      for (const peer of peers.splice(0)) await peer[Symbol.asyncDispose]();
      await system[Symbol.asyncDispose]();
    });

    test("hears what is said on its topic, in order, and nothing else", async () => {
      const anna = await connect({ topic: "a" });
      const ben = await connect({ topic: "a" });
      const other = await connect({ topic: "b" });
      for (const body of ["1", "", "3 and more"]) ben.say("a", body);
      other.say("b", "other");
      await hears(anna, "1", "", "3 and more");
      if (protocol.hearsItself) await hears(other, "other");
      ben.say("a", "last");
      await hears(anna, "1", "", "3 and more", "last");
      expect(bodiesOf(ben)).toEqual(protocol.hearsItself ? bodiesOf(anna) : []);
      expect(bodiesOf(other)).toEqual(protocol.hearsItself ? ["other"] : []);
    });

    test("that has gone hears nothing, and leaves nothing behind", async () => {
      const anna = await connect({ topic: "a" });
      await using ben = await protocol.connect(system, { topic: "a" });
      await ben[Symbol.asyncDispose]();
      await until(async () => (await metricsOf(system.url))["warren_clients"] === 1, "it has gone");
      const before = await metricsOf(system.url);
      anna.say("a", "x");
      if (protocol.hearsItself) await hears(anna, "x");
      await until(
        async () =>
          (await metricsOf(system.url))["warren_messages_received_total"] ===
          before["warren_messages_received_total"]! + 1,
        "it was taken",
      );
      const delivered =
        (await metricsOf(system.url))["warren_deliveries_total"]! - before["warren_deliveries_total"]!;
      expect(delivered).toBe(protocol.hearsItself ? 1 : 0);
      expect(ben.heard).toEqual([]);
    });

    test("says what is too large to nobody, and is closed for it", async () => {
      const anna = await connect({ topic: "a" });
      const ben = await connect({ topic: "a" });
      ben.say("a", "x".repeat(1000));
      ben.say("a", "é".repeat(501));
      ben.say("a", "after it");
      expect([1009, 1002]).toContain(await ben.closed);
      await hears(anna, "x".repeat(1000));
      expect((await metricsOf(system.url))["warren_messages_received_total"]).toBe(1);
    });

    test("that says more than it may in a second is slowed down, and loses nothing", async () => {
      await system[Symbol.asyncDispose]();
      system = await start("--max-messages-per-second", "20");
      const anna = await connect({ topic: "a" });
      const ben = await connect({ topic: "a" });
      const bodies = Array.from({ length: 30 }, (_, index) => `${index}`);
      for (const body of bodies) ben.say("a", body);
      await until(
        async () => (await metricsOf(system.url))["warren_clients_over_rate"] === 1,
        "it is held back",
      );
      await hears(anna, ...bodies);
    });

    if (protocol.hasPatterns)
      test("hears all topics that match its pattern", async () => {
        const anna = await connect({ topic: "a.*" });
        const all = await connect({ topic: "#" });
        for (const topic of ["a.b", "a", "b.c", "a.c"]) all.say(topic, topic);
        await hears(all, "a.b", "a", "b.c", "a.c");
        await hears(anna, "a.b", "a.c");
      });

    if (protocol.isDurable)
      test("that comes back hears what it missed, once and in order", async () => {
        const anna = await connect({ topic: "a", after: "now" });
        const ben = await connect({ topic: "a" });
        for (const body of ["1", "2", "3"]) ben.say("a", body);
        await hears(anna, "1", "2", "3");
        await anna[Symbol.asyncDispose]();
        const { position } = anna.heard[1]!;
        ben.say("a", "4");
        ben.say("b", "none of hers");
        await until(
          async () => (await metricsOf(system.url))["warren_confirmed_total"] === 5,
          "all are in the log",
        );
        const again = await connect({ topic: "a", after: position! });
        await hears(again, "3", "4");
        ben.say("a", "5");
        await hears(again, "3", "4", "5");
        // Both clients got the same positions, and each position is different.
        expect(again.heard[0]!.position).toBe(anna.heard[2]!.position!);
        expect(new Set(again.heard.map((each) => each.position)).size).toBe(3);
      });

    describe("with a token", () => {
      beforeEach(async () => {
        await system[Symbol.asyncDispose]();
        system = await startGuarded();
      });

      test("says and hears what it grants", async () => {
        const anna = await connect({ topic: "a", token: tokenFor([], ["a"]) });
        const ben = await connect({ topic: "a", token: tokenFor(["a"], ["a"]) });
        ben.say("a", "hello");
        await hears(anna, "hello");
      });

      test("that does not grant to say something is closed for it, and nobody hears it", async () => {
        const anna = await connect({ topic: "a", token: tokenFor(["a"], ["a"]) });
        const mute = await connect({ topic: "a", token: tokenFor([], ["a"]) });
        mute.say("a", "not allowed");
        expect(await mute.closed).toBe(4403);
        anna.say("a", "allowed");
        if (protocol.hearsItself) await hears(anna, "allowed");
        await until(
          async () => (await metricsOf(system.url))["warren_messages_received_total"] === 1,
          "what is allowed was taken",
        );
        expect((await metricsOf(system.url))['warren_tokens_refused_total{reason="publish"}']).toBe(1);
      });

      test("that it lacks is not let in", async () => {
        await expect(connect({ topic: "a" })).rejects.toThrow();
        await expect(connect({ topic: "a", token: "no.such.token" })).rejects.toThrow();
      });
    });
  });
}
