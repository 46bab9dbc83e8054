export interface Problem {
  readonly line: number;
  readonly reason: string;
}

const kept = 20;

/** What is wrong with an input, however much it is: the twenty problems that stand first in it, and the count of all. */
export class Problems {
  /** By line. */
  readonly first: Problem[] = [];
  count = 0;

  add(line: number, reason: string): void {
    this.count++;
    // stages find theirs a batch after the producer, so they come in any order
    const at = this.first.findLastIndex((problem) => problem.line <= line) + 1;
    this.first.splice(at, 0, { line, reason });
    if (this.first.length > kept) this.first.pop();
  }

  /** One line each, and one for those that were not kept. */
  printed(): string[] {
    const lines = this.first.map(({ line, reason }) => `line ${line}: ${reason}`);
    const more = this.count - this.first.length;
    return more === 0 ? lines : [...lines, `and ${more.toLocaleString("en-US")} more`];
  }
}
