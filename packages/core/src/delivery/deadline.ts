/**
 * Runs `work` with a signal that aborts after `milliseconds` or when `stop` does, and waits no longer than that, also
 * for work that does not obey its signal. What such work comes to later goes to `late`.
 */
export async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  milliseconds: number,
  stop: AbortSignal,
  late?: (result: T) => void,
): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let onStop = () => {};
  const over = new Promise<never>((_, reject) => {
    const end = (why: string) => {
      const error = new Error(why);
      reject(error);
      controller.abort(error);
    };
    onStop = () => end("the worker stopped");
    timer = setTimeout(() => end(`no answer within ${milliseconds} ms`), milliseconds);
    if (stop.aborted) onStop();
    else stop.addEventListener("abort", onStop, { once: true });
  });
  over.catch(() => {});
  const working = (async () => work(controller.signal))();
  try {
    return await Promise.race([working, over]);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener("abort", onStop);
    if (controller.signal.aborted) working.then(late).catch(() => {});
  }
}
