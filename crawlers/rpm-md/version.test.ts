import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { needsTool } from '../../test/support/tools.ts';
import { compareRpmVersions, compareVersionPart, formatEvr, parseEvr } from './version.ts';

type Relation = '<' | '=' | '>';
type Vector = readonly [string, Relation, string];

/** The pairs of rpm's own test of its comparison (rpm, tests/rpmvercmp.at). */
const PARTS: readonly Vector[] = [
  ['1.0', '=', '1.0'],
  ['1.0', '<', '2.0'],
  ['2.0.1', '=', '2.0.1'],
  ['2.0', '<', '2.0.1'],
  ['2.0.1a', '=', '2.0.1a'],
  ['2.0.1a', '>', '2.0.1'],
  ['5.5p1', '=', '5.5p1'],
  ['5.5p1', '<', '5.5p2'],
  ['5.5p10', '=', '5.5p10'],
  ['5.5p1', '<', '5.5p10'],
  ['10xyz', '<', '10.1xyz'],
  ['xyz10', '=', 'xyz10'],
  ['xyz10', '<', 'xyz10.1'],
  ['xyz.4', '=', 'xyz.4'],
  ['xyz.4', '<', '8'],
  ['xyz.4', '<', '2'],
  ['5.5p2', '<', '5.6p1'],
  ['5.6p1', '<', '6.5p1'],
  ['6.0.rc1', '>', '6.0'],
  ['10b2', '>', '10a1'],
  ['10a2', '<', '10b2'],
  ['1.0aa', '=', '1.0aa'],
  ['1.0a', '<', '1.0aa'],
  ['10.0001', '=', '10.0001'],
  ['10.0001', '=', '10.1'],
  ['10.0001', '<', '10.0039'],
  ['4.999.9', '<', '5.0'],
  ['20101121', '=', '20101121'],
  ['20101121', '<', '20101122'],
  ['2_0', '=', '2_0'],
  ['2.0', '=', '2_0'],
  ['a', '=', 'a'],
  ['a+', '=', 'a+'],
  ['a+', '=', 'a_'],
  ['+a', '=', '+a'],
  ['+a', '=', '_a'],
  ['+_', '=', '+_'],
  ['_+', '=', '+_'],
  ['+', '=', '_'],
  ['1.0~rc1', '=', '1.0~rc1'],
  ['1.0~rc1', '<', '1.0'],
  ['1.0~rc1', '<', '1.0~rc2'],
  ['1.0~rc1~git123', '=', '1.0~rc1~git123'],
  ['1.0~rc1~git123', '<', '1.0~rc1'],
  ['1.0^', '=', '1.0^'],
  ['1.0^', '>', '1.0'],
  ['1.0^git1', '=', '1.0^git1'],
  ['1.0^git1', '>', '1.0'],
  ['1.0^git1', '<', '1.0^git2'],
  ['1.0^git1', '<', '1.01'],
  ['1.0^20160101', '=', '1.0^20160101'],
  ['1.0^20160101', '<', '1.0.1'],
  ['1.0^20160101^git1', '=', '1.0^20160101^git1'],
  ['1.0^20160102', '>', '1.0^20160101^git1'],
  ['1.0~rc1^git1', '=', '1.0~rc1^git1'],
  ['1.0~rc1^git1', '>', '1.0~rc1'],
  ['1.0^git1~pre', '=', '1.0^git1~pre'],
  ['1.0^git1', '>', '1.0^git1~pre'],
  // What looks odd there and is kept for what was released with it.
  ['1b.fc17', '=', '1b.fc17'],
  ['1b.fc17', '<', '1.fc17'],
  ['1.fc17', '=', '1.fc17'],
  ['1.fc17', '<', '1g.fc17'],
  // Not Latin: only separates.
  ['1.1.α', '=', '1.1.α'],
  ['1.1.α', '=', '1.1.β'],
  ['1.1.αα', '=', '1.1.α'],
  ['1.1.α', '=', '1.1.ββ'],
];

/** Whole versions of kernels, and epochs. */
const VERSIONS: readonly Vector[] = [
  ['3.10.0-957.el7', '<', '3.10.0-1160.el7'],
  ['3.10.0-1160.el7', '<', '3.10.0-1160.2.1.el7'],
  ['4.18.0-193.el8', '>', '4.18.0-147.8.1.el8_1'],
  ['4.14.355-196.647.amzn1', '>', '4.14.336-180.566.amzn1'],
  ['6.1.5-200.fc37', '<', '6.1.10-200.fc37'],
  ['6.12.0-0.rc3.20241017git6485cf5ea253.33.fc42', '<', '6.12.0-0.rc4.37.fc42'],
  ['6.12~rc3-1', '<', '6.12-1'],
  ['1:4.0-1', '>', '5.0-1'],
  ['0:5.0-1', '=', '5.0-1'],
  ['10:1-1', '>', '9:1-1'],
  ['5.14.0-70.el9', '=', '5.14.0-70.el9'],
];

const SIGN = { '<': -1, '=': 0, '>': 1 } as const;

test.each(PARTS)('%s %s %s', (a, relation, b) => {
  expect(Math.sign(compareVersionPart(a, b))).toBe(SIGN[relation]);
  expect(Math.sign(compareVersionPart(b, a))).toBe(0 - SIGN[relation]);
});

test.each(VERSIONS)('%s %s %s', (a, relation, b) => {
  expect(Math.sign(compareRpmVersions(a, b))).toBe(SIGN[relation]);
  expect(Math.sign(compareRpmVersions(b, a))).toBe(0 - SIGN[relation]);
});

test('digits beyond any number type are compared all the same', () => {
  const long = '9'.repeat(400);
  expect(compareVersionPart(`1${long}`, `2${long}`)).toBeLessThan(0);
  expect(compareVersionPart(`1.${long}0`, `1.${long}`)).toBeGreaterThan(0);
});

test('a version is printed as it was parsed, without an epoch of 0', () => {
  expect(parseEvr('1:6.12~rc3-9.1^2024')).toEqual({ epoch: 1, version: '6.12~rc3', release: '9.1^2024' });
  expect(parseEvr('6.1')).toEqual({ epoch: 0, version: '6.1', release: '' });
  expect(parseEvr('')).toEqual({ epoch: 0, version: '', release: '' });
  expect(formatEvr(parseEvr('1:6.12~rc3-9.1^2024'))).toBe('1:6.12~rc3-9.1^2024');
  expect(formatEvr(parseEvr('0:6.1-2'))).toBe('6.1-2');
});

describe.skipIf(needsTool('rpm'))('beside rpm', () => {
  test('its own pairs', () => {
    const pairs = PARTS.map(([a, , b]): [string, string] => [a, b]);
    expect(pairs.map(([a, b]) => Math.sign(compareVersionPart(a, b)))).toEqual(askRpm(pairs));
  });

  test('random parts', () => {
    const part = fc.string({
      unit: fc.constantFrom(...Array.from('00129aazAZ..~^+_')),
      minLength: 1,
      maxLength: 9,
    });
    // One run of rpm for all of them; fast-check's own loop would start it each time.
    const pairs = fc.sample(fc.tuple(part, part), { numRuns: 3000, seed: 20261121 });
    const ours = pairs.map(([a, b]) => Math.sign(compareVersionPart(a, b)));
    const theirs = askRpm(pairs);
    for (const [index, [a, b]] of pairs.entries()) expect([a, b, ours[index]]).toEqual([a, b, theirs[index]]);
    expect(new Set(ours)).toEqual(new Set([-1, 0, 1]));
  });

  test('random versions with epochs and releases', () => {
    const part = fc
      .string({ unit: fc.constantFrom(...Array.from('019az.~^')), maxLength: 4 })
      .map((text) => `1${text}`);
    const version = fc
      .tuple(fc.constantFrom('', '0:', '1:', '12:'), part, part)
      .map(([epoch, first, second]) => `${epoch}${first}-${second}`);
    const pairs = fc.sample(fc.tuple(version, version), { numRuns: 3000, seed: 4 });
    const theirs = askRpm(pairs);
    for (const [index, [a, b]] of pairs.entries()) {
      expect([a, b, Math.sign(compareRpmVersions(a, b))]).toEqual([a, b, theirs[index]]);
    }
  });
});

/** rpm's verdict on each pair, from its embedded Lua. */
function askRpm(pairs: readonly (readonly [string, string])[]): number[] {
  const answers: number[] = [];
  // A macro has a limited length, and so has an argument.
  for (let start = 0; start < pairs.length; start += 100) {
    const calls = pairs.slice(start, start + 100).map(([a, b]) => `print(rpm.vercmp("${a}","${b}") .. " ")`);
    const output = execFileSync('rpm', ['--eval', `%{lua: ${calls.join(' ')}}`], { encoding: 'utf8' });
    answers.push(...output.trim().split(/\s+/).map(Number));
  }
  if (answers.length !== pairs.length)
    throw new Error(`rpm gave ${answers.length} of ${pairs.length} answers`);
  return answers;
}
