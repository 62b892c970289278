import { spawnSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { needsTool } from '../../test/support/tools.ts';
import { compareDebianVersions } from './version.ts';

/** dpkg's own vectors (lib/dpkg/t/t-version.c), then kernels. */
const VECTORS: readonly (readonly [string, '<' | '=' | '>', string])[] = [
  ['0', '=', '0'],
  ['0:0-0', '=', '0'],
  ['0:0-00', '=', '0-0'],
  ['1:2-3', '=', '1:2-3'],
  ['0:0-0', '<', '1:0-0'],
  ['0:0-0', '<', '0:0-1'],
  ['0:0-0', '<', '0:1-0'],
  ['0:a-0', '<', '0:b-0'],
  ['0:0-a', '<', '0:0-b'],
  ['1:0-0', '>', '0:9-9'],
  ['0:0', '=', '0:00'],
  ['a', '<', 'b'],
  ['1.0~', '<', '1.0'],
  ['1.0~~', '<', '1.0~'],
  ['1.0~rc1', '<', '1.0'],
  ['1.0', '<', '1.0a'],
  ['1.0a', '<', '1.0+'],
  ['1.0-1', '<', '1.0-1.1'],
  ['1.2-3-4', '>', '1.2-3-3'],
  ['2.9', '<', '2.10'],
  ['6.1.176-1', '<', '6.1.192-2'],
  ['6.12.95-1~bpo12+1', '<', '6.12.95-1'],
  ['6.12.115-2~deb12u1', '<', '6.12.115-2'],
  ['7.3~rc7-1~exp1', '<', '7.3-1~exp1'],
  ['7.3~rc7-1~exp1', '>', '7.2.13-1'],
  ['4.19.289-2', '>', '4.19.67-2+deb10u2'],
  ['5.10.218-1', '<', '5.10.223-1'],
];

describe('order', () => {
  test.each(VECTORS)('%s %s %s', (a, relation, b) => {
    const sign = { '<': -1, '=': 0, '>': 1 }[relation];
    expect(Math.sign(compareDebianVersions(a, b))).toBe(sign);
    expect(Math.sign(compareDebianVersions(b, a))).toBe(sign === 0 ? 0 : -sign);
  });
});

describe.skipIf(needsTool('dpkg'))('beside dpkg --compare-versions', () => {
  test.each(VECTORS)('%s %s %s', (a, _relation, b) => {
    expect(Math.sign(compareDebianVersions(a, b))).toBe(compareWithDpkg(a, b));
  });

  test('any two versions', () => {
    const part = fc.string({ unit: fc.constantFrom(...Array.from('0129azAZ.+~')), maxLength: 6 });
    const version = fc
      .tuple(fc.constantFrom('', '0:', '2:'), part, fc.option(part, { nil: undefined }))
      .map(
        ([epoch, upstream, revision]) =>
          `${epoch}1${upstream}${revision === undefined ? '' : `-${revision}1`}`,
      );
    fc.assert(
      fc.property(version, version, (a, b) => {
        expect(Math.sign(compareDebianVersions(a, b))).toBe(compareWithDpkg(a, b));
      }),
      { numRuns: 200 },
    );
  });
});

function compareWithDpkg(a: string, b: string): number {
  const holds = (relation: string) =>
    spawnSync('dpkg', ['--compare-versions', a, relation, b], { stdio: 'ignore' }).status === 0;
  if (holds('lt')) return -1;
  return holds('gt') ? 1 : 0;
}
