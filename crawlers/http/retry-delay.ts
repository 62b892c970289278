/** How long to wait before the same request is tried again. */

const MAX_BACKOFF_MS = 30_000;
/** A server that wants us away for longer is taken at its word: the run gives up on this request. */
const MAX_RETRY_AFTER_MS = 120_000;

/**
 * Milliseconds to wait after failed try number `attempt` (from 1): exponential with jitter, or what the server's
 * Retry-After header (RFC 9110 §10.2.3: seconds or a date) asks for when that is longer. Undefined means that the
 * server asks for more patience than a run has.
 */
export function retryDelayMs(
  attempt: number,
  baseMs: number,
  retryAfter: string | undefined,
  now: number = Date.now(),
): number | undefined {
  const ceiling = Math.min(baseMs * 2 ** (attempt - 1), MAX_BACKOFF_MS);
  const backoff = ceiling * (0.5 + Math.random() / 2);
  const asked = retryAfter === undefined ? 0 : parseRetryAfterMs(retryAfter, now);
  if (asked > MAX_RETRY_AFTER_MS) return undefined;
  return Math.max(backoff, asked);
}

function parseRetryAfterMs(value: string, now: number): number {
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}
