/**
 * Aborts once nobody reads what this process prints any more, as after `| head`. The listeners stay: each later write
 * fails the same way, and without them it would end the process with a stack trace.
 */
export function unreadOutput(): AbortSignal {
  const controller = new AbortController();
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      controller.abort();
    });
  }
  return controller.signal;
}
