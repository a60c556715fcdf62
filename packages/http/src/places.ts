/** How many jobs may run at once, and who waits for a place. Nobody waits beyond the line's end. */
export class Places {
  readonly most: number;
  taken = 0;
  #line: { readonly go: (has: boolean) => void }[] = [];

  constructor(most: number) {
    this.most = most;
  }

  /** Nobody gets a place or a part of a line that long. */
  isFull(line: number): boolean {
    return this.taken >= this.most && this.#line.length >= line;
  }

  get waiting(): number {
    return this.#line.length;
  }

  /**
   * Resolves to true with a place taken; to false at once when all are taken and `line` others wait, or later when
   * `onGone` says that nobody needs it any more or the line is dismissed.
   */
  take(line: number, onGone: (listener: () => void) => void): boolean | Promise<boolean> {
    if (this.taken < this.most) {
      this.taken += 1;
      return true;
    }
    if (this.isFull(line)) return false;
    return new Promise((resolve) => {
      const entry = { go: resolve };
      this.#line.push(entry);
      onGone(() => {
        this.#line = this.#line.filter((other) => other !== entry);
        resolve(false);
      });
    });
  }

  /** The first of the line has the place; nobody's if none waits. */
  free(): void {
    const next = this.#line.shift();
    if (next === undefined) this.taken -= 1;
    else next.go(true);
  }

  /** Everybody in the line leaves without a place. */
  dismiss(): void {
    for (const { go } of this.#line.splice(0)) go(false);
  }
}
