import { LoopTime, type Task } from "../../ops/loop-time.ts";
import type { ClientSocket } from "../clients/client.ts";
import type { Encoding } from "../fan-out/encoding.ts";
import type { Relay } from "../fan-out/relay.ts";
import { type LateSize, Room } from "./room.ts";
import type { PresenceSource } from "./source.ts";
import { Tails } from "./tails.ts";
import type { Circle, Mode, Watcher } from "./watcher.ts";

/** How rooms write to clients. */
export interface RoomsOutlet {
  /** How much may wait for a client before the next part of a snapshot is written to it, in bytes. */
  readonly room: number;
  /** Notes what was written to one client. In bytes; text counts in characters. */
  sent(bytes: number): void;
}

/** A client's request to watch a topic. */
export interface WatchRequest {
  readonly socket: ClientSocket;
  /** The topic; no pattern. */
  readonly topic: string;
  readonly mode: Mode;
  readonly encoding: Encoding;
  /** The subscription's id. */
  readonly subscriptionId: string;
  /** The destination as the client calls it. */
  readonly destination: string;
}

/**
 * Tells clients who is on the topics that they watch: first a snapshot, and then the changes. Each change is published once to all watchers
 * that are up to date. A client that reads slowly gets the snapshot at its own pace. One that falls behind gets a new snapshot when it has
 * read: no client is cut off, and nothing is kept for it.
 */
export class Rooms {
  readonly #source: PresenceSource;
  readonly #relay: Relay;
  readonly #outlet: RoomsOutlet;
  readonly #rooms = new Map<string, Room>();
  readonly #late: LateSize = { ofAll: 0 };
  /** Watchers that have something to get, in turns. */
  readonly #due = new Set<Watcher>();
  readonly #loop: LoopTime;
  readonly #writing: Task = { run: (untilMs) => this.#writeDue(untilMs) };
  readonly #tails = new Tails();

  /** @param loop shares out the event loop's time */
  constructor(source: PresenceSource, relay: Relay, outlet: RoomsOutlet, loop = new LoopTime()) {
    this.#loop = loop;
    this.#source = source;
    this.#relay = relay;
    this.#outlet = outlet;
  }

  /** How many subscriptions to presence there are. */
  get watcherCount(): number {
    let count = 0;
    for (const { circles } of this.#rooms.values()) for (const { size } of circles.values()) count += size;
    return count;
  }

  /** @returns why it cannot be watched, in words for the client */
  watch({ socket, topic, mode, encoding, subscriptionId, destination }: WatchRequest): Watcher | string {
    let room = this.#rooms.get(topic);
    if (room === undefined) {
      room = new Room(topic, destination, this.#late);
      const view = this.#source.watch(topic, this.#watcherOf(room));
      if (typeof view === "string") return view;
      room.view = view;
      this.#rooms.set(topic, room);
    }
    const circle = this.#join(room, mode, encoding, subscriptionId);
    const watcher: Watcher = { socket, circle, topic, state: "waiting", bodies: [], written: 0, number: 0 };
    if (room.state === "overfull") this.#send(room, circle, room.overfull(), socket);
    else this.#wait(room, watcher);
    return watcher;
  }

  /** @param isOpen whether the connection is still open */
  unwatch(watcher: Watcher, isOpen: boolean): void {
    const room = this.#rooms.get(watcher.topic);
    if (room === undefined || watcher.state === "ended") return;
    this.#pause(room, watcher, isOpen);
    watcher.state = "ended";
    const { circle } = watcher;
    circle.size--;
    if (circle.size === 0) room.circles.delete(circle.key);
    if (!room.isEmpty) return;
    this.#rooms.delete(watcher.topic);
    this.#source.unwatch(watcher.topic);
  }

  /** This many bytes wait for the client. If that is too much, it gets a new snapshot when it has read. */
  fallBehind(watcher: Watcher, waitingBytes: number): void {
    const room = this.#rooms.get(watcher.topic);
    if (room === undefined || watcher.state !== "live" || waitingBytes <= this.#outlet.room) return;
    this.#pause(room, watcher, true);
    watcher.state = "behind";
  }

  /** The client has read something. */
  drained(watcher: Watcher): void {
    const room = this.#rooms.get(watcher.topic);
    if (room === undefined || watcher.socket.getBufferedAmount() > this.#outlet.room / 2) return;
    if (watcher.state === "behind") this.#wait(room, watcher);
    else if (watcher.state === "catching") this.#write(watcher);
  }

  close(): void {
    this.#due.clear();
    this.#loop.forget(this.#writing);
  }

  #watcherOf(room: Room) {
    return {
      ready: () => {
        room.state = "known";
        this.#beginWaiting(room);
      },
      changed: (joined: readonly string[], left: readonly string[]) => {
        const told = room.changed(joined, left);
        this.#publish(room, told);
        for (const watcher of room.catching) this.#write(watcher);
        this.#beginWaiting(room);
      },
      overfull: () => {
        const told = room.overfull();
        for (const watcher of [...room.waiting, ...room.catching]) {
          this.#pause(room, watcher, true);
          this.#live(room, watcher);
        }
        this.#publish(room, { list: told, count: told });
      },
    };
  }

  #join(room: Room, mode: Mode, encoding: Encoding, subscriptionId: string): Circle {
    const key = `presence:${mode}:${encoding.name}:${subscriptionId.length}:${subscriptionId}:${room.topic}`;
    let circle = room.circles.get(key);
    if (circle === undefined) {
      circle = { key, encoding, mode, head: encoding.headOf(subscriptionId), clientCount: 0, size: 0 };
      room.circles.set(key, circle);
    }
    circle.size++;
    return circle;
  }

  #wait(room: Room, watcher: Watcher): void {
    watcher.state = "waiting";
    room.waiting.add(watcher);
    if (room.isSteady) this.#beginWaiting(room);
  }

  #beginWaiting(room: Room): void {
    if (!room.isSteady) return;
    for (const watcher of room.waiting) {
      room.begin(watcher);
      this.#write(watcher);
    }
    room.waiting.clear();
  }

  /** The watcher gets nothing until it starts again. */
  #pause(room: Room, watcher: Watcher, isOpen: boolean): void {
    room.waiting.delete(watcher);
    this.#due.delete(watcher);
    if (watcher.state === "catching") room.caughtUp(watcher);
    if (watcher.state !== "live") return;
    room.published(watcher, -1);
    if (isOpen) watcher.socket.unsubscribe(watcher.circle.key);
  }

  #live(room: Room, watcher: Watcher): void {
    watcher.state = "live";
    watcher.socket.subscribe(watcher.circle.key);
    room.published(watcher, 1);
  }

  #write(watcher: Watcher): void {
    this.#due.add(watcher);
    this.#loop.ask(this.#writing);
  }

  /** Writes one part to each watcher in turn, for as long as there is time. */
  #writeDue(untilMs: number): void {
    for (const watcher of this.#due) {
      this.#due.delete(watcher);
      const room = this.#rooms.get(watcher.topic);
      if (room !== undefined && watcher.state === "catching") this.#writeNext(room, watcher);
      if (this.#loop.now() > untilMs) break;
    }
    if (this.#due.size > 0) this.#loop.ask(this.#writing);
  }

  #writeNext(room: Room, watcher: Watcher): void {
    const { socket, circle } = watcher;
    // It goes on when the client has read.
    if (socket.getBufferedAmount() > this.#outlet.room / 2) return;
    const bodies = room.next(watcher);
    if (bodies === "lost") {
      room.caughtUp(watcher);
      this.#wait(room, watcher);
    } else if (bodies === undefined) {
      if (!room.mayPublishTo(watcher)) return;
      room.caughtUp(watcher);
      this.#live(room, watcher);
    } else {
      this.#send(room, circle, bodies, socket);
      this.#due.add(watcher);
    }
  }

  /** Publishes to all watchers that are up to date. A frame is made once for all with the same head. */
  #publish(room: Room, told: Readonly<Record<Mode, readonly string[]>>): void {
    for (const { clientCount, mode, encoding, head, key } of room.circles.values()) {
      if (clientCount === 0) continue;
      for (const tail of this.#tails.of(room, encoding, told[mode]))
        this.#relay.publish(key, clientCount, encoding.join(head, tail));
    }
  }

  #send(room: Room, { encoding, head }: Circle, bodies: readonly string[], socket: ClientSocket): void {
    for (const tail of this.#tails.of(room, encoding, bodies)) {
      const frame = encoding.join(head, tail);
      socket.send(frame);
      this.#relay.delivered(1);
      this.#outlet.sent(frame.length);
    }
  }
}
