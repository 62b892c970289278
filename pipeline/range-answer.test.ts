import { describe, expect, it } from 'vitest';
import { type Have, judgeAnswer, rangeHeaders } from './range-answer.ts';

const URL = 'http://mirror/x.deb';
const OTHER = 'http://other/x.deb';
const WANT = { url: URL, sizeBytes: 1000 };

function have(position: number, source: Partial<NonNullable<Have['source']>> = {}): Have {
  return { position, source: { url: URL, size: 1000, ...source } };
}

describe('rangeHeaders', () => {
  it.each<[string, Have, Record<string, string>]>([
    ['nothing there', { position: 0, source: undefined }, {}],
    ['nothing there, validator known', have(0, { etag: '"a"' }), {}],
    [
      'a strong ETag',
      have(9, { etag: '"a"', lastModified: 'then' }),
      { range: 'bytes=9-', 'if-range': '"a"' },
    ],
    [
      'a weak ETag',
      have(9, { etag: 'W/"a"', lastModified: 'then' }),
      { range: 'bytes=9-', 'if-range': 'then' },
    ],
    ['a weak ETag alone', have(9, { etag: 'W/"a"' }), { range: 'bytes=9-' }],
    ['no validator', have(9), { range: 'bytes=9-' }],
    ['bytes of another mirror', have(9, { url: OTHER, etag: '"a"' }), { range: 'bytes=9-' }],
  ])('%s', (_, state, expected) => {
    expect(rangeHeaders(state, WANT)).toEqual(expected);
  });
});

describe('judgeAnswer', () => {
  it.each<[number, Record<string, string>, Have, string]>([
    [200, { 'content-length': '1000' }, have(0), 'whole'],
    [200, {}, have(400), 'whole'],
    [200, { 'content-length': '999' }, have(0), 'different'],
    [206, { 'content-range': 'bytes 400-999/1000' }, have(400), 'rest'],
    [206, { 'content-range': 'bytes 400-999/*' }, have(400), 'rest'],
    [206, { 'content-range': 'bytes 400-1999/2000' }, have(400), 'different'],
    [206, { 'content-range': 'bytes 300-999/1000' }, have(400), 'unfit'],
    [206, { 'content-range': 'rows 400-999/1000' }, have(400), 'unfit'],
    [206, {}, have(400), 'unfit'],
    [206, { 'content-range': 'bytes 400-999/1000', etag: '"b"' }, have(400, { etag: '"a"' }), 'unfit'],
    [206, { 'content-range': 'bytes 400-999/1000', etag: '"a"' }, have(400, { etag: '"a"' }), 'rest'],
    [
      206,
      { 'content-range': 'bytes 400-999/1000', etag: '"b"' },
      have(400, { url: OTHER, etag: '"a"' }),
      'rest',
    ],
    [416, { 'content-range': 'bytes */1000' }, have(400), 'unfit'],
    [416, {}, have(400), 'unfit'],
    [416, { 'content-range': 'bytes */300' }, have(400), 'different'],
  ])('%i %j is %4$s', (statusCode, headers, state, kind) => {
    expect(judgeAnswer({ statusCode, headers, url: URL }, state, WANT).kind).toBe(kind);
  });

  it.each([
    [404, 'http-not-found'],
    [410, 'http-not-found'],
    [304, 'http-status'],
    [412, 'http-status'],
    [204, 'http-status'],
  ])('%i throws %s', (statusCode, code) => {
    expect(() => judgeAnswer({ statusCode, headers: {}, url: URL }, have(0), WANT)).toThrow(
      expect.objectContaining({ code }),
    );
  });
});
