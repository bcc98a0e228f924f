import type { Missed } from "../broker/broker.ts";
import type { FeedSink } from "../log/feed-sink.ts";
import type { LogRecord } from "../log/record.ts";
import type { Message } from "../message.ts";
import type { LoopTime } from "../ops/loop-time.ts";
import type { AnyMetric } from "../ops/metrics.ts";
import type { Client, ClientSocket } from "./clients/client.ts";
import { sayFarewell } from "./clients/farewell.ts";
import { partEvenly } from "./clients/parting.ts";
import { durableMetrics } from "./durable/durable-metrics.ts";
import { gatewayMetrics } from "./gateway-metrics.ts";
import type { GatewayOptions } from "./gateway-options.ts";
import { GatewayParts } from "./gateway-parts.ts";
import { type ProtocolMaker, protocols } from "./protocols.ts";

/** How long the last answers to HTTP requests may take, in milliseconds. */
const answersMs = 1000;

/**
 * The WebSocket side: connected clients, their protocols, and the way to and from them. Protocols interpret what clients send, `ingress.ts`
 * accepts messages, and `relay.ts` delivers them to the topic's clients.
 */
export class Gateway implements FeedSink {
  readonly #parts: GatewayParts;
  // Used for each message from the broker.
  readonly #relay: GatewayParts["relay"];
  readonly #connections: GatewayParts["connections"];
  readonly #durables: GatewayParts["durables"];

  /** @param makers the protocols that clients may speak */
  constructor(options: GatewayOptions, makers: readonly ProtocolMaker[] = protocols) {
    this.#parts = new GatewayParts(options, makers, () => this.metrics);
    this.#relay = this.#parts.relay;
    this.#connections = this.#parts.connections;
    this.#durables = this.#parts.durables;
  }

  /**
   * Starts to listen and returns where.
   *
   * @throws FatalError if the port is in use, the address is not this machine's, or the certificate cannot be used
   */
  listen(): URL {
    return this.#parts.server.listen();
  }

  /**
   * Reads the certificate again, for clients that come from now on.
   *
   * @throws FatalError if it cannot be used; nothing has changed then
   */
  renewCertificate(): boolean {
    return this.#parts.server.renewCertificate();
  }

  /** Shares out the event loop's time among everything that takes long. */
  get loop(): LoopTime {
    return this.#parts.loop;
  }

  /** The address of the operation routes, if they have a port of their own. */
  get adminUrl(): URL | undefined {
    return this.#parts.server.adminUrl;
  }

  /** Sends a message from the broker to the clients that it is for. */
  deliver(message: Message, recipient: string | undefined): void {
    if (recipient === undefined) {
      this.relay(message);
      return;
    }
    this.#parts.addressed.send(message, this.#connections.of(recipient));
  }

  /** Sends an answer to the client of this manager that asked. */
  answer(message: Message, asker: string): boolean {
    return this.#parts.requests.answer(message, asker);
  }

  /** Sends a message of another manager's client to all clients of its topic. */
  relay(message: Message): void {
    this.#relay.toAll(message, message.id);
  }

  /** Whether a client has a live subscription to the topic. */
  wants(topic: string): boolean {
    return this.#relay.audiences.route(topic).length > 0;
  }

  /** Whether a client with this id is connected. */
  hasClient(clientId: string): boolean {
    return this.#connections.has(clientId);
  }

  /** Whether the name in this correlation id is that of a client of this manager. */
  hasAsker(asker: string): boolean {
    return this.#parts.requests.isOwn(asker);
  }

  get publishedCount(): number {
    return this.#relay.publishedCount + this.#parts.addressed.sentCount;
  }

  get isSpreading(): boolean {
    return this.#relay.isSpreading || this.#parts.addressed.isSending;
  }

  get hasClients(): boolean {
    return this.#parts.clients.size > 0;
  }

  /** Whether a durable subscription at the log's end waits for the next record. */
  get isFollowed(): boolean {
    return (this.#durables?.counts.atEnd ?? 0) > 0;
  }

  /** Sends a record of the log to durable subscriptions. */
  logged(record: LogRecord): void {
    this.#durables?.logged(record);
  }

  marked(offset: number, fingerprint: string | undefined): void {
    this.#durables?.marked(offset, fingerprint);
  }

  /** The repeats in the log's recent part are known: starts to serve durable subscriptions. */
  startDurables(): void {
    const durables = this.#durables;
    if (durables === undefined) return;
    this.#parts.options.sharedLog?.repeats.tellAll(durables.window);
    durables.resume();
  }

  missed(why: Missed): void {
    this.#durables?.missed(why);
  }

  /** Visits all connected clients, whatever their protocol. No client may come or go meanwhile. */
  forEach(visit: (client: Client) => void): void {
    this.#parts.clients.forEach(({ data }) => void visit(data));
  }

  get size(): number {
    return this.#parts.clients.size;
  }

  /** What clients have sent, and what was sent to them: one message to a thousand clients counts a thousand. */
  get traffic(): { readonly messages: number; readonly deliveries: number } {
    return { messages: this.#parts.ingress.takenCount, deliveries: this.#relay.deliveredCount };
  }

  /** Closes the connections of a client, by the id that others know it by. Returns how many there were. */
  disconnect(clientId: string): number {
    return this.#connections.remove(clientId);
  }

  /** Ends a client's connections and waiting requests whose tokens were issued before this time (`Date.now()`). Returns how many there were. */
  revoke(clientId: string, issuedBeforeMs: number): number {
    const asked = this.#parts.doors.reduce((sum, door) => sum + door.revoke(clientId, issuedBeforeMs), 0);
    return this.#connections.remove(clientId, issuedBeforeMs) + asked;
  }

  /** Topics and patterns that have live subscribers, and how many they have. */
  topics(): readonly (readonly [topic: string, subscribers: number])[] {
    return this.#relay.audiences.topics();
  }

  /**
   * Takes no new clients, and has the connected ones leave evenly over this time, in milliseconds. Until a client leaves it is served as
   * usual. It leaves when RabbitMQ has confirmed what it published, unless that takes long.
   */
  async leave(overMs: number): Promise<void> {
    this.#parts.entrance.close();
    const { clients, holds, receipts, options } = this.#parts;
    const isSettled = (socket: ClientSocket) => {
      const { share } = socket.data;
      if (share === undefined) return !holds.isHeld(socket, "turn");
      return !holds.isHeld(socket, "turn") && options.uplink.isSettled(share) && receipts.isEmpty;
    };
    await partEvenly({ clients, holds, isSettled }, overMs);
  }

  /** The outbox has room again: reads again from the clients that were held back because it was full. */
  releaseBackpressure(): void {
    this.#parts.backpressure.release();
  }

  /** Some messages have left the outbox: reads again from clients that no longer have too much in it. */
  recheckShares(): void {
    this.#parts.shares.recheck();
  }

  /**
   * Takes no new clients and stops reading from the connected ones; deliveries go on. Input that was read but still waits is handled.
   *
   * @returns true when all input has been handled, false if that took longer than `timeoutMs`
   */
  async stopReading(timeoutMs: number): Promise<boolean> {
    this.#parts.entrance.close();
    this.#parts.holds.holdForGood(this.#parts.clients);
    this.#parts.limits.liftRate();
    return await this.#parts.turns.settle(timeoutMs);
  }

  /**
   * Closes the clients a few at a time, and stops listening.
   *
   * @param timeoutMs how long that may take, in milliseconds
   */
  async close(timeoutMs = Number.POSITIVE_INFINITY): Promise<void> {
    this.#parts.entrance.close();
    this.#parts.backpressure.close();
    this.#durables?.close();
    this.#parts.rooms?.close();
    this.#parts.traffic.isStopping = true;
    this.#parts.addressed.finish();
    this.#parts.options.once.tellAll();
    this.#parts.receipts.tellAll();
    for (const door of this.#parts.doors) door.stop();
    const tookMs = await this.#relay.finish(timeoutMs / 2);
    await sayFarewell([...this.#parts.clients], timeoutMs - tookMs);
    this.#parts.removals.finish();
    const settleMs = Math.min(answersMs, timeoutMs);
    await Promise.all(this.#parts.doors.map((door) => door.settle(settleMs)));
    this.#parts.backlogs.close();
    await this.#parts.server.close();
    this.#parts.visits.close();
    this.#parts.wheel.close();
  }

  /** All that `/metrics` shows. */
  get metrics(): readonly AnyMetric[] {
    const { auth } = this.#parts.options;
    return [
      ...gatewayMetrics(this.#parts.ingress, this.#relay, this.#parts.holds, () => this.#parts.clients.size),
      ...(this.#durables === undefined ? [] : durableMetrics(this.#durables)),
      ...this.#parts.limits.metrics,
      ...this.#parts.requests.metrics,
      ...this.#parts.options.once.metrics,
      ...this.#parts.backlogs.metrics,
      ...this.#parts.protocols.flatMap(({ metrics }) => metrics ?? []),
      ...this.#parts.doors.flatMap(({ metrics }) => metrics),
      this.#parts.refusals.metric,
      ...this.#parts.traffic.metrics,
      ...(auth === undefined ? [] : [auth.refusals.metric]),
      ...this.#parts.options.metrics(),
    ];
  }
}
