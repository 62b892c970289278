/** How long to wait before the same request is tried again. */

const MAX_BACKOFF_MS = 30_000;
/** A server that wants us away for longer is taken at its word: the run gives up on this request. */
const MAX_RETRY_AFTER_MS = 120_000;

/** Milliseconds to wait after failed try number `attempt` (from 1): exponential, with jitter. */
export function retryDelayMs(attempt: number, baseMs: number): number {
  const ceiling = Math.min(baseMs * 2 ** (attempt - 1), MAX_BACKOFF_MS);
  return ceiling * (0.5 + Math.random() / 2);
}

/** Whether a Retry-After of so many milliseconds is more patience than a run has. */
export function isTooLongToWait(retryAfterMs: number): boolean {
  return retryAfterMs > MAX_RETRY_AFTER_MS;
}

/** Milliseconds that a Retry-After header asks for (RFC 9110 §10.2.3: seconds or a date); 0 for none or nonsense. */
export function retryAfterMs(value: string | undefined, now: number = Date.now()): number {
  if (value === undefined) return 0;
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}
