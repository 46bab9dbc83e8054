// Core's refusalOf in SQL, of a row aliased `r` that has tenant, recipient_key, scope and needs_consent.

/** The reason of the suppression that forbids the row, or NULL. */
export const suppressedFor: string = `(
  SELECT s.reason FROM {suppressions} s
  WHERE s.tenant = r.tenant AND s.recipient_key = r.recipient_key AND s.scope IN (r.scope, '*')
  ORDER BY s.scope = '*' LIMIT 1)`;

/** Whether the row lacks a consent that it needs. */
export const lacksConsent: string = `(r.needs_consent AND NOT coalesce((
  SELECT c.granted FROM {consents} c
  WHERE c.tenant = r.tenant AND c.recipient_key = r.recipient_key AND c.scope IN (r.scope, '*')
  ORDER BY c.scope = '*' LIMIT 1), false))`;

/** A notification's reason, of columns that hold the two. */
export const refusalReason = (suppressed: string, unconsented: string): string => `CASE
  WHEN ${suppressed} = 'unsubscribed' THEN 'unsubscribed'
  WHEN ${suppressed} IS NOT NULL THEN 'suppressed'
  WHEN ${unconsented} THEN 'no_consent' END`;

/** Those reasons, for a list. */
export const refusals: string = "'suppressed', 'unsubscribed', 'no_consent'";
