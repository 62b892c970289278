/**
 * Asking for the rest of a file, and what an answer to that is good for. Spec: RFC 9110 §13.1.5 (If-Range), §14 (ranges).
 * Pure: headers in, a verdict out.
 */

import type { HttpResponse } from '../crawlers/http/client.ts';
import { BtfmillError } from '../errors/index.ts';
import type { PartSource } from './partial-file.ts';

/** What is there already, and of which file. */
export interface Have {
  readonly position: number;
  readonly source: PartSource | undefined;
}

export interface Want {
  readonly url: string;
  readonly sizeBytes: number;
}

export type Verdict =
  /** The body goes on at `position`. */
  | { readonly kind: 'rest' }
  /** The body is the file from its start. */
  | { readonly kind: 'whole' }
  /** The body is of no use, and what is there cannot be continued: ask again from zero. */
  | { readonly kind: 'unfit'; readonly why: string }
  /** The server has a file of another size under this name. */
  | { readonly kind: 'different'; readonly why: string };

type Answer = Pick<HttpResponse, 'statusCode' | 'headers' | 'url'>;

/** Headers that ask for what is missing. A validator belongs to the address it came from. */
export function rangeHeaders({ position, source }: Have, { url }: Want): Record<string, string> {
  if (position === 0) return {};
  const range = { range: `bytes=${position}-` };
  if (source?.url !== url) return range;
  // A weak ETag (`W/"…"`) does not promise equal bytes, and If-Range may not carry one.
  const validator = source.etag?.startsWith('"') === true ? source.etag : source.lastModified;
  return validator === undefined ? range : { ...range, 'if-range': validator };
}

/** Throws BtfmillError `http-not-found` or `http-status` for answers that have no body for us. */
export function judgeAnswer(answer: Answer, have: Have, want: Want): Verdict {
  const { statusCode, headers, url } = answer;
  const range = contentRange(headers['content-range']);
  switch (statusCode) {
    case 200:
      return differentSize(numberOf(headers['content-length']), want) ?? { kind: 'whole' };
    case 206: {
      const different = differentSize(range?.total, want);
      if (different !== undefined) return different;
      if (range?.start !== have.position)
        return { kind: 'unfit', why: 'with a range that was not asked for' };
      if (isOtherVersion(headers['etag'], have, want)) return { kind: 'unfit', why: 'with another ETag' };
      return { kind: 'rest' };
    }
    case 416:
      return differentSize(range?.total, want) ?? { kind: 'unfit', why: 'as if the file were shorter' };
    case 404:
    case 410:
      throw new BtfmillError('http-not-found', `${url}: answered ${statusCode}`);
    default:
      throw new BtfmillError('http-status', `${url}: answered ${statusCode}`, { retryable: false });
  }
}

/** A server that ignores If-Range may still tell by its ETag. */
function isOtherVersion(etag: string | undefined, { source }: Have, { url }: Want): boolean {
  return source?.url === url && source.etag !== undefined && etag !== undefined && etag !== source.etag;
}

function differentSize(size: number | undefined, { sizeBytes }: Want): Verdict | undefined {
  if (size === undefined || size === sizeBytes) return undefined;
  return { kind: 'different', why: `it has ${size} bytes, the index says ${sizeBytes}` };
}

/** `bytes 5-9/10`, `bytes 5-9/*` or, with 416, `bytes *\/10`. */
function contentRange(value: string | undefined): { start?: number; total?: number } | undefined {
  const match = /^bytes (?:(?<start>\d+)-\d+|\*)\/(?:(?<total>\d+)|\*)$/u.exec(value ?? '');
  if (match === null) return undefined;
  const start = numberOf(match.groups?.start);
  const total = numberOf(match.groups?.total);
  return { ...(start === undefined ? {} : { start }), ...(total === undefined ? {} : { total }) };
}

function numberOf(digits: string | undefined): number | undefined {
  return digits !== undefined && /^\d+$/u.test(digits) ? Number(digits) : undefined;
}
