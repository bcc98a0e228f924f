/** A mutex, which is granted in the order of requests. */
export class Lock {
  #last: Promise<unknown> = Promise.resolve();

  async hold<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act);
    this.#last = turn.catch(() => undefined);
    return await turn;
  }
}
