import { SeededRandom } from "../support/seeded-random.ts";
import type { Reader } from "./reader.ts";

/** What a reader does from time to time. */
export type Mood = "steady" | "wandering" | "slow" | "held" | "sleeping" | "leaving";

/** How long a reader misbehaves, and how long it then behaves well, in milliseconds. */
const spells: Readonly<Record<Exclude<Mood, "steady">, readonly [from: number, to: number]>> = {
  wandering: [500, 4000],
  slow: [500, 9000],
  held: [500, 6000],
  sleeping: [500, 8000],
  leaving: [1000, 6000],
};
const goodMs = [200, 3000] as const;

/** Makes a reader misbehave at times that the seed decides, until it is told to stop. */
export class Moods {
  readonly #reader: Reader;
  readonly #mood: Mood;
  readonly #random: SeededRandom;
  readonly #life: Promise<void>;
  #stop = Promise.withResolvers<void>();
  #isOver = false;

  constructor(reader: Reader, mood: Mood, seed: number) {
    this.#reader = reader;
    this.#mood = mood;
    this.#random = new SeededRandom(seed);
    this.#life = this.#live();
  }

  /** Stops. From now on it reads at full speed. */
  async end(): Promise<void> {
    this.#isOver = true;
    this.#stop.resolve();
    await this.#life;
    this.#reader.readAgain();
    this.#reader.comeBack();
  }

  async #live(): Promise<void> {
    if (this.#mood === "steady") return;
    await this.#reader.subscribed;
    while (!this.#isOver) {
      await this.#wait(...goodMs);
      if (this.#isOver) return;
      await this.#misbehave(this.#mood);
    }
  }

  async #misbehave(mood: Exclude<Mood, "steady">): Promise<void> {
    const [from, to] = spells[mood];
    if (mood === "wandering") this.#reader.drop(true);
    else if (mood === "leaving") this.#reader.leave();
    else if (mood === "sleeping") this.#reader.goAway();
    else {
      if (mood === "held") this.#reader.chatter();
      this.#reader.stopReading();
    }
    await this.#wait(from, to);
    if (mood === "sleeping") this.#reader.comeBack();
    // Sometimes it is cut off while much waits for it.
    else if ((mood === "slow" || mood === "held") && this.#random.isOnceIn(4))
      this.#reader.drop(this.#random.isOnceIn(2));
    else this.#reader.readAgain();
  }

  async #wait(from: number, to: number): Promise<void> {
    await Promise.race([Bun.sleep(from + this.#random.below(to - from)), this.#stop.promise]);
  }
}
