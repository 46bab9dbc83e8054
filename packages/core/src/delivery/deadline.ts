/**
 * Runs `work` with a signal that aborts after `milliseconds` or when `stop` does. For `answerTime` milliseconds more it
 * takes what the work answers to the abort: it may know that nothing was done. It waits no longer than that, also for work
 * that does not obey its signal; what such work comes to later goes to `late`. A throw after the abort says no more than
 * the abort's reason, and is told as that.
 */
export async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  milliseconds: number,
  stop: AbortSignal,
  late?: (result: T) => void,
  answerTime = 0,
): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let onStop = () => {};
  let givenUp = false;
  const over = new Promise<never>((_, reject) => {
    const end = (why: string) => {
      if (controller.signal.aborted) return;
      clearTimeout(timer);
      const error = new Error(why);
      const giveUp = () => {
        givenUp = true;
        reject(error);
      };
      if (answerTime === 0) giveUp();
      else timer = setTimeout(giveUp, answerTime);
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
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
    stop.removeEventListener("abort", onStop);
    if (givenUp) working.then(late).catch(() => {});
  }
}
