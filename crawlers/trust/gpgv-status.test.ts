import { expect, test } from 'vitest';
import { parseGpgvStatus } from './gpgv-status.ts';

const FPR = 'A'.repeat(40);
const PRIMARY = 'B'.repeat(40);

interface StatusOptions {
  readonly keyAlgorithm?: string;
  readonly hash?: string;
  readonly signatureClass?: string;
  readonly signedAt?: number;
}

function valid({
  keyAlgorithm = '1',
  hash = '8',
  signatureClass = '01',
  signedAt = 1000,
}: StatusOptions = {}): string {
  return `VALIDSIG ${FPR} 1970-01-01 ${signedAt} 0 4 0 ${keyAlgorithm} ${hash} ${signatureClass} ${PRIMARY}`;
}

function verdicts(...lines: readonly string[]): string[] {
  return parseGpgvStatus(lines.map((line) => `[GNUPG:] ${line}`).join('\n')).map(({ verdict }) => verdict);
}

test('a good signature: who and when', () => {
  expect(parseGpgvStatus(`[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG AAAA Somebody\n[GNUPG:] ${valid()}\n`)).toEqual([
    { verdict: 'good', signer: FPR, primaryFingerprint: PRIMARY, signedAt: new Date(1_000_000) },
  ]);
});

test.each([
  ['bad', ['BADSIG AAAA Somebody']],
  ['unknown-key', ['ERRSIG AAAA 1 8 01 1000 9 -', 'NO_PUBKEY AAAA']],
  ['unusable', ['ERRSIG AAAA 1 8 01 1000 5 -']],
  ['unusable', []],
  ['unusable', [valid()]],
  ['revoked-key', ['REVKEYSIG AAAA Somebody', valid()]],
  ['expired', ['EXPSIG AAAA Somebody', valid()]],
  ['weak', ['GOODSIG AAAA Somebody', valid({ hash: '2' })]],
  ['weak', ['GOODSIG AAAA Somebody', valid({ hash: '1' })]],
  ['weak', ['GOODSIG AAAA Somebody', valid({ keyAlgorithm: '17' })]],
  ['weak', ['GOODSIG AAAA Somebody', valid({ signatureClass: '10' })]],
  ['good', ['KEYEXPIRED 1001', 'EXPKEYSIG AAAA Somebody', valid()]],
  ['good', ['KEYEXPIRED 19700101T001641', 'EXPKEYSIG AAAA Somebody', valid()]],
  ['expired-key', ['KEYEXPIRED 1000', 'EXPKEYSIG AAAA Somebody', valid()]],
  ['expired-key', ['KEYEXPIRED 2000', 'KEYEXPIRED 999', 'EXPKEYSIG AAAA Somebody', valid()]],
  ['expired-key', ['EXPKEYSIG AAAA Somebody', valid()]],
])('%s: %j', (verdict, lines) => {
  expect(verdicts('NEWSIG', ...lines)).toEqual([verdict]);
});

test.each([
  ['good', valid({ hash: '2' })],
  ['good', valid({ keyAlgorithm: '17' })],
  ['good', valid({ keyAlgorithm: '17', hash: '2' })],
  ['weak', valid({ hash: '1' })],
  ['weak', valid({ hash: '3' })],
  ['weak', valid({ hash: '2', signatureClass: '10' })],
])('with weak ones allowed: %s %s', (verdict, line) => {
  const status = ['NEWSIG', 'GOODSIG AAAA Somebody', line].map((words) => `[GNUPG:] ${words}`).join('\n');
  expect(parseGpgvStatus(status, { allowWeak: true })[0].verdict).toBe(verdict);
});

test('each signature is judged by its own lines', () => {
  const good = ['NEWSIG', 'GOODSIG AAAA Somebody', valid()];
  expect(
    verdicts('NEWSIG', 'BADSIG AAAA x', ...good, 'NEWSIG', 'ERRSIG C 1 8 01 1 9', 'NO_PUBKEY C'),
  ).toEqual(['bad', 'good', 'unknown-key']);
});

test('a user id that looks like a status line is none', () => {
  expect(verdicts('NEWSIG', `BADSIG AAAA Somebody GOODSIG VALIDSIG ${FPR}`)).toEqual(['bad']);
  expect(parseGpgvStatus(`gpgv: GOODSIG\n${valid()}`)).toEqual([]);
});
