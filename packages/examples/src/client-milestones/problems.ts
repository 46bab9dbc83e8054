export interface Problem {
  readonly line: number;
  readonly reason: string;
}

const kept = 20;

/** What is wrong with an input, however much it is: the first twenty problems, and the count of all. */
export class Problems {
  readonly first: Problem[] = [];
  count = 0;

  add(line: number, reason: string): void {
    this.count++;
    if (this.first.length < kept) this.first.push({ line, reason });
  }

  /** One line each, and one for those that were not kept. */
  printed(): string[] {
    const lines = this.first.map(({ line, reason }) => `line ${line}: ${reason}`);
    const more = this.count - this.first.length;
    return more === 0 ? lines : [...lines, `and ${more.toLocaleString("en-US")} more`];
  }
}
