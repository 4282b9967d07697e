/** A clock that a test turns. */

/** Clock runs what is due when it is told to go on. */
export class Clock {
  now = 0;
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  after = (milliseconds: number, run: () => void): (() => void) => {
    const timer = { at: this.now + milliseconds, run };
    this.#timers.push(timer);
    return () => (this.#timers = this.#timers.filter((each) => each !== timer));
  };

  /** next returns in how many milliseconds something is due. */
  get next(): number {
    return Math.min(...this.#timers.map(({ at }) => at)) - this.now;
  }

  go(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.now = due.at;
      this.#timers = this.#timers.filter((each) => each !== due);
      due.run();
    }
    this.now = end;
  }
}
