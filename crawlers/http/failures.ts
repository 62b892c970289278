/** What undici and the sockets below it throw, as the named errors of btfmill. */

import { BtfmillError, type ErrorCode } from '../../errors/index.ts';
import { TooSlow } from './pace.ts';

/** System and undici codes after which the same request may well succeed. */
const TRANSIENT_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
  // A resolver that does not answer; ENOTFOUND is an answer and final.
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_SOCKET',
]);

/** What a failed request was about. */
export interface FailedRequest {
  readonly url: URL;
  readonly signal: AbortSignal;
  readonly stallTimeoutMs: number;
}

/**
 * Whether a mirror said 401 or 403, which some (S3 among them) say of what they do not have. 429 only asks for
 * patience.
 */
export function isRefusal(error: unknown): boolean {
  return error instanceof BtfmillError && error.code === 'http-refused' && !error.retryable;
}

/** Whether a connection was made, and closed by the other side before the head of an answer came. */
export function isHangUp(error: BtfmillError): boolean {
  if (error.cause instanceof BtfmillError) return isHangUp(error.cause);
  const { code } = describe(error.cause);
  return code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE';
}

/** Whether nothing on that host can be had; one that hung up may have done so because of the one address. */
export function isOutOfReach(error: BtfmillError): boolean {
  return error.code === 'http-unreachable' && !isHangUp(error);
}

/** A failure before the head of an answer came. */
export function connectError(thrown: unknown, { url, signal, stallTimeoutMs }: FailedRequest): BtfmillError {
  if (signal.aborted) return new BtfmillError('aborted', `${url.href}: stopped`, { cause: thrown });
  const { code, message } = describe(thrown);
  const isStall = code === 'UND_ERR_HEADERS_TIMEOUT';
  return new BtfmillError(
    isStall ? 'http-stalled' : 'http-unreachable',
    isStall ? `${url.href}: no answer for ${stallTimeoutMs / 1000} s` : `${url.href}: ${message}`,
    { cause: thrown, retryable: TRANSIENT_CODES.has(code) },
  );
}

/** A failure while the body was coming. */
export function bodyError(thrown: unknown, { url, signal, stallTimeoutMs }: FailedRequest): BtfmillError {
  if (signal.aborted) return new BtfmillError('aborted', `${url.href}: stopped`, { cause: thrown });
  const { code, message } = describe(thrown);
  if (thrown instanceof TooSlow) {
    return new BtfmillError('http-stalled', `${url.href}: ${message}`, { cause: thrown });
  }
  const isStall = code === 'UND_ERR_BODY_TIMEOUT';
  const errorCode: ErrorCode = isStall ? 'http-stalled' : 'http-truncated';
  const what = isStall ? `no byte for ${stallTimeoutMs / 1000} s` : `cut before its end (${message})`;
  return new BtfmillError(errorCode, `${url.href}: ${what}`, { cause: thrown });
}

function describe(thrown: unknown): { code: string; message: string } {
  if (!(thrown instanceof Error)) return { code: '', message: String(thrown) };
  // Happy-eyeballs failures are an AggregateError with an empty message.
  const inner =
    thrown instanceof AggregateError && thrown.errors[0] instanceof Error ? thrown.errors[0] : thrown;
  const { code = '' } = inner as NodeJS.ErrnoException;
  return { code, message: inner.message || code };
}
