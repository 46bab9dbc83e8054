/** People as a host answers them: all at once, or as they come. */
export type Resolved<T> = Promise<readonly T[]> | AsyncIterable<T>;

export function isStream<T>(resolved: Resolved<T>): resolved is AsyncIterable<T> {
  return typeof resolved === "object" && resolved !== null && Symbol.asyncIterator in resolved;
}

/**
 * One by one; each wait for the list, or for the next one of a stream, goes through `wait`, which gives it its deadline.
 */
export async function* inTime<T>(
  resolved: Resolved<T>,
  wait: <R>(work: () => Promise<R>) => Promise<R>,
): AsyncGenerator<T, void, undefined> {
  if (!isStream(resolved)) {
    const list: unknown = await wait(async () => resolved);
    if (!Array.isArray(list)) throw new TypeError("a list or a stream of recipients must be answered");
    yield* list as readonly T[];
    return;
  }
  const iterator = resolved[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await wait(() => iterator.next());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    // not awaited: a stream that is stuck would never answer
    void (async () => iterator.return?.())().catch(() => {});
  }
}

/** A promise is no data and is refused; that it rejects is then nobody's error any more. */
export function synchronous(data: unknown): unknown {
  if (data instanceof Promise) data.catch(() => {});
  return data;
}
