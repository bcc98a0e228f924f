/** Lets one at a time do something, in the order in which they asked. */
export class Lock {
  #last: Promise<unknown> = Promise.resolve();

  async hold<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act);
    this.#last = turn.catch(() => undefined);
    return await turn;
  }
}
