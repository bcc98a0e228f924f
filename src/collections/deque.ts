const slotsAtFirst = 16;
/** An empty queue that had more slots than this lets go of them. */
const slotsKept = 4096;

/** A queue with constant-time `push` and `shift`, and access by position. It grows as needed: the code that fills it has to cap it. */
export class Deque<T> {
  #slots: (T | undefined)[] = new Array(slotsAtFirst);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    if (this.#length === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#length) & (this.#slots.length - 1)] = item;
    this.#length++;
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#length--;
    if (this.#length === 0 && this.#slots.length > slotsKept) {
      this.#slots = new Array(slotsAtFirst);
      this.#head = 0;
    }
    return item;
  }

  /** The item at `index` from the head; undefined outside of the queue. */
  at(index: number): T | undefined {
    if (index < 0 || index >= this.#length) return undefined;
    return this.#slots[(this.#head + index) & (this.#slots.length - 1)];
  }

  /** Replaces the item at `index` from the head, which must be in the queue. */
  set(index: number, item: T): void {
    if (index < 0 || index >= this.#length)
      throw new RangeError(`no item ${index} in a queue of ${this.#length}`);
    this.#slots[(this.#head + index) & (this.#slots.length - 1)] = item;
  }

  #grow(): void {
    const old = this.#slots;
    const slots = new Array<T | undefined>(old.length * 2);
    for (let i = 0; i < this.#length; i++) slots[i] = old[(this.#head + i) & (old.length - 1)];
    this.#slots = slots;
    this.#head = 0;
  }
}
