/** A day: a longer wait is no wait but a refusal, and an engine that gave up meanwhile says more. */
const longestRetryAfter = 86_400_000;

/** IMF-fixdate, the one form that servers may send (RFC 9110 section 5.6.7). */
const httpDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Milliseconds that `Retry-After` asks for (RFC 9110 section 10.2.3): seconds, or a date; null where it cannot be read. A
 * date is measured from the answer's own `Date`, where there is one, so that a wrong clock on either side changes nothing.
 */
export function retryAfterOf(
  headers: { readonly "retry-after"?: string | undefined; readonly date?: string | undefined },
  now: Date,
): number | null {
  const asked = headers["retry-after"]?.trim() ?? "";
  if (/^\d{1,15}$/.test(asked)) return Math.min(Number(asked) * 1_000, longestRetryAfter);
  const at = dateOf(asked);
  if (at === null) return null;
  const from = dateOf(headers.date?.trim() ?? "") ?? now.getTime();
  return Math.min(Math.max(0, at - from), longestRetryAfter);
}

function dateOf(text: string): number | null {
  if (!httpDate.test(text)) return null;
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : time;
}
