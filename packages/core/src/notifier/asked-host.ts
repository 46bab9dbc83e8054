/**
 * What a function of the host answers, such as a token: waited for no longer than the call may take. Undefined where it
 * threw or came too late; what it threw may hold what nobody else is to read.
 */
export async function askedHost<T>(
  ask: () => T | Promise<T>,
  signal: AbortSignal,
): Promise<{ readonly answer: T } | undefined> {
  let onAbort = () => {};
  const aborted = new Promise<undefined>((resolve) => {
    onAbort = () => resolve(undefined);
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  const asked = (async () => ({ answer: await ask() }))().catch(() => undefined);
  try {
    return await Promise.race([aborted, asked]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
