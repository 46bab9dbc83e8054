import cliProgress from "cli-progress";

export interface Progress {
  at(done: number): void;
  /** Writes whole lines to the same terminal: the bar goes on below them. */
  above(write: () => void): void;
  stop(): void;
}

/** A bar on standard error while somebody watches it there; nothing in a pipe or a log. `things` is what it counts. */
export function progressBar(total: number | null, things: string): Progress {
  if (!process.stderr.isTTY) return { at() {}, above: (write) => write(), stop() {} };
  const known = `{bar} {percentage}%  {value}/{total} ${things}  {duration_formatted}, {eta_formatted} left`;
  const unknown = `{value} ${things}  {duration_formatted}`;
  const bar = new cliProgress.SingleBar(
    { stream: process.stderr, format: total === null ? unknown : known, clearOnComplete: true },
    cliProgress.Presets.shades_classic,
  );
  bar.start(total ?? 0, 0);
  return {
    at: (done) => bar.update(done),
    above(write) {
      if (bar.isActive) process.stderr.write("\r\u001b[K");
      write();
    },
    stop: () => bar.stop(),
  };
}
