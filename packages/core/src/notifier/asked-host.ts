import { describeError } from "../errors.js";

/** What the host's function answered, or why there is no answer, in words that may be stored and told. */
export type HostAnswer<T> = { readonly answer: T } | { readonly problem: string };

/**
 * What a function of the host answers, such as a token: waited for no longer than the call may take. What it threw is told
 * without addresses and credentials.
 */
export async function askedHost<T>(ask: () => T | Promise<T>, signal: AbortSignal): Promise<HostAnswer<T>> {
  let onAbort = () => {};
  const aborted = new Promise<HostAnswer<T>>((resolve) => {
    onAbort = () => resolve({ problem: "it took too long" });
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
  });
  const asked: Promise<HostAnswer<T>> = (async () => ({ answer: await ask() }))().catch((error) => ({
    problem: describeError(error),
  }));
  try {
    return await Promise.race([aborted, asked]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
