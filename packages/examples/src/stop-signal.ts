/**
 * Aborts at SIGINT or SIGTERM. Both stay caught for good: a Ctrl-C reaches a whole process group and often comes twice,
 * and the second one must not cut off a graceful stop.
 */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => controller.abort(name));
  return controller.signal;
}
