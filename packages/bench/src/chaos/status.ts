import cliProgress from "cli-progress";

export interface Status {
  at(done: number, total: number): void;
  stop(): void;
}

/** Milliseconds between two lines where nobody watches a terminal. */
const period = 10_000;

/** How far a run is, on standard error: a bar on a terminal, else a line now and then. */
export function showStatus(title: string): Status {
  if (!process.stderr.isTTY) {
    let last = performance.now();
    console.error(`${title} …`);
    return {
      at(done, total) {
        if (performance.now() - last < period) return;
        last = performance.now();
        console.error(`${title} ${Math.floor((100 * done) / total)}%`);
      },
      stop() {},
    };
  }
  const bar = new cliProgress.SingleBar(
    { stream: process.stderr, format: `${title} {bar} {percentage}%  {duration_formatted}`, clearOnComplete: true },
    cliProgress.Presets.shades_classic,
  );
  bar.start(1, 0);
  return { at: (done, total) => bar.update(done / total), stop: () => bar.stop() };
}
