import { describe, expect, it } from 'vitest';
import { BtfmillError, type ErrorCode } from '../errors/index.ts';
import { MAX_MIRRORS, mirrorsFailed, mirrorsToAsk, rememberTrouble } from './mirrors.ts';

function failure(host: string, code: ErrorCode, retryable?: boolean) {
  const url = `http://${host}/x.rpm`;
  const options = retryable === undefined ? {} : { retryable };
  return { url, error: new BtfmillError(code, `${url}: no`, options) };
}

describe('the order of mirrors', () => {
  it('is as given, each once', () => {
    const urls = ['http://a/x', 'http://b/x', 'http://a/x', 'http://c/x'];
    expect(mirrorsToAsk(urls, new Set())).toEqual(['http://a/x', 'http://b/x', 'http://c/x']);
  });

  it('has hosts that gave trouble at its end', () => {
    const troubled = new Set<string>();
    rememberTrouble(failure('a:80', 'http-unreachable'), troubled);
    rememberTrouble(failure('b', 'http-not-found'), troubled);
    rememberTrouble(failure('c', 'package-digest'), troubled);
    expect(mirrorsToAsk(['http://a/x', 'http://b/x', 'http://c/x'], troubled)).toEqual([
      'http://b/x',
      'http://c/x',
      'http://a/x',
    ]);
    expect(mirrorsToAsk(['http://a/x'], troubled)).toEqual(['http://a/x']);
  });

  it('has an end', () => {
    const urls = Array.from({ length: 30 }, (_, n) => `http://m${n}/x`);
    expect(mirrorsToAsk(urls, new Set())).toEqual(urls.slice(0, MAX_MIRRORS));
  });
});

describe('the error for all mirrors', () => {
  it('is the mirror’s own when there is only one', () => {
    const only = failure('a', 'http-refused');
    expect(mirrorsFailed([only], 0)).toBe(only.error);
  });

  it.each([
    [['http-not-found', 'http-not-found'], 'http-not-found'],
    [['http-not-found', 'http-unreachable'], 'http-unreachable'],
    [['http-stalled', 'http-unreachable'], 'http-stalled'],
    [['http-unreachable', 'package-digest', 'http-not-found'], 'package-digest'],
  ] as const)('of %j is %s, and names them all', (codes, code) => {
    const failures = codes.map((each, n) => failure(`m${n}`, each));
    const error = mirrorsFailed(failures, 3);
    expect(error.code).toBe(code);
    for (const { url } of failures) expect(error.message.split(url)).toHaveLength(2);
    expect(error.message).toContain('3 further mirrors');
  });

  it('names the address asked for, where the failure was behind a redirect', () => {
    const error = new BtfmillError('http-not-found', 'http://cdn/y.rpm: answered 404');
    const all = mirrorsFailed([{ url: 'http://a/x.rpm', error }, failure('b', 'http-not-found')], 0);
    expect(all.message).toContain('http://a/x.rpm: http://cdn/y.rpm: answered 404');
  });

  it('is worth another try when one of them is', () => {
    const never = failure('a', 'http-status', false);
    expect(mirrorsFailed([never, failure('b', 'http-refused', false)], 0).retryable).toBe(false);
    expect(mirrorsFailed([never, failure('b', 'http-unreachable')], 0).retryable).toBe(true);
  });
});
