import { describe, expect, it } from 'vitest';
import type { AttemptRow } from '../db/types.ts';
import { BtfmillError } from '../errors/index.ts';
import { retryAfter } from './retry-policy.ts';

const AT = new Date('2026-11-20T00:00:00.000Z');
const MALFORMED = new BtfmillError('dwarf-malformed', 'dwarf .debug_info+0x0: no');

function earlier(...attempts: readonly Partial<AttemptRow>[]): AttemptRow[] {
  return attempts.map((attempt, id) => ({
    id,
    kernelId: 1,
    runId: 1,
    packageId: 1,
    setup: 's',
    startedAt: AT.toISOString(),
    outcome: 'failed',
    code: 'dwarf-malformed',
    ...attempt,
  }));
}

function hoursUntil(error: BtfmillError, attempts: AttemptRow[]): number | undefined {
  const time = retryAfter({ error, packageId: 1, setup: 's', at: AT, earlier: attempts });
  return time === undefined ? undefined : (Date.parse(time) - AT.getTime()) / 3_600_000;
}

describe('retryAfter', () => {
  it('lets the first failure try again at once, then waits for longer and longer', () => {
    const waits = [0, 1, 2, 3, 4, 5, 6].map((n) =>
      hoursUntil(MALFORMED, earlier(...Array.from({ length: n }, () => ({})))),
    );
    expect(waits).toEqual([undefined, 22, 46, 94, 190, 718, 718]);
  });

  it('starts over when the failure, the package or the setup was another', () => {
    expect(hoursUntil(MALFORMED, earlier({ code: 'cross-check' }, {}, {}))).toBeUndefined();
    expect(hoursUntil(MALFORMED, earlier({ packageId: 2 }, {}, {}))).toBeUndefined();
    expect(hoursUntil(MALFORMED, earlier({ setup: 't' }, {}, {}))).toBeUndefined();
    expect(hoursUntil(MALFORMED, earlier({}, { setup: 't' }, {}))).toBe(22);
  });

  it('does not count attempts that were stopped', () => {
    const stopped = { outcome: 'interrupted', code: undefined } as unknown as Partial<AttemptRow>;
    expect(hoursUntil(MALFORMED, earlier(stopped, {}, stopped, {}))).toBe(46);
  });

  it('does not fetch a package every night whose signature is bad', () => {
    const error = new BtfmillError('package-signature', 'x.rpm: signed by nobody');
    expect(hoursUntil(error, earlier({ code: 'package-signature' }))).toBe(22);
    // What the mirror has is what the index says, and still not what the package says of itself.
    const inside = new BtfmillError('package-digest', 'rpm payload: no', { retryable: false });
    expect(hoursUntil(inside, earlier({ code: 'package-digest' }))).toBe(22);
  });

  it.each([
    'http-stalled',
    'package-digest',
    'disk-full',
    'oracle-failed',
    'tool-missing',
    'io-failed',
  ] as const)('does not wait after three times %s', (code) => {
    expect(hoursUntil(new BtfmillError(code, 'x'), earlier({ code }, { code }))).toBeUndefined();
  });

  const times = (n: number, code: AttemptRow['code']): AttemptRow[] =>
    earlier(...Array.from({ length: n }, () => ({ code }) as Partial<AttemptRow>));

  it.each(['http-not-found', 'http-stalled', 'package-digest', 'oracle-failed', 'tool-failed'] as const)(
    'does not ask every night for ever after %s',
    (code) => {
      const waits = [3, 4, 5, 6].map((n) => hoursUntil(new BtfmillError(code, 'x'), times(n, code)));
      expect(waits).toEqual([22, 46, 94, 190]);
    },
  );

  it('asks a mirror again at least every eighth day', () => {
    expect(hoursUntil(new BtfmillError('http-not-found', 'gone'), times(20, 'http-not-found'))).toBe(190);
    expect(hoursUntil(new BtfmillError('package-digest', 'other'), times(20, 'package-digest'))).toBe(718);
  });

  it.each(['disk-full', 'io-failed', 'tool-missing'] as const)('never waits after %s', (code) => {
    expect(hoursUntil(new BtfmillError(code, 'x'), times(20, code))).toBeUndefined();
  });

  it('waits after a package that never fits, whose download is wasted', () => {
    const error = new BtfmillError('disk-full', 'never fits', { retryable: false });
    expect(hoursUntil(error, times(1, 'disk-full'))).toBe(22);
  });
});
