import { describe, expect, it } from 'vitest';
import { palette, wantsColor } from './color.ts';
import { formatBytes, formatDuration, oneLine, plural, truncate } from './format.ts';
import { renderTable } from './table.ts';

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [9994, '9.99 kB'],
    [9996, '10.0 kB'],
    [99_949, '99.9 kB'],
    [99_951, '100 kB'],
    [999_499, '999 kB'],
    [999_501, '1.00 MB'],
    [1_210_000_000, '1.21 GB'],
    [5e15, '5.00 PB'],
    [5e18, '5000 PB'],
  ])('%d is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0.00 s'],
    [350, '0.35 s'],
    [994, '0.99 s'],
    [996, '1.0 s'],
    [9940, '9.9 s'],
    [9960, '10 s'],
    [59_400, '59 s'],
    [59_600, '1m 00s'],
    [185_000, '3m 05s'],
    [3_599_400, '59m 59s'],
    [3_599_600, '1h 00m'],
    [7_440_000, '2h 04m'],
    [7_199_999, '2h 00m'],
  ])('%d ms is %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });
});

describe('texts', () => {
  it('takes newlines, control characters and escape sequences out of a message', () => {
    expect(oneLine('a\n\tb\u001B[31mc\u001B[0m\u0007d\r\n')).toBe('a bcd');
    expect(oneLine('fetch: naïve – ok')).toBe('fetch: naïve – ok');
  });

  it('cuts', () => {
    expect(truncate('abc', 3)).toBe('abc');
    expect(truncate('abcd', 3)).toBe('ab…');
    expect(truncate('abcd', 0)).toBe('');
  });

  it('counts', () => {
    expect([plural(0, 'file'), plural(1, 'file'), plural(2, 'file')]).toEqual([
      '0 files',
      '1 file',
      '2 files',
    ]);
  });
});

describe('renderTable', () => {
  it('aligns, and leaves no space at the end of a line', () => {
    const columns = [{ title: 'plane' }, { title: 'n', align: 'right' as const }, { title: '' }];
    const rows = [
      ['debian/12', '1', ''],
      ['a', '100', 'x'],
    ];
    expect(renderTable(columns, rows)).toBe('plane        n\ndebian/12    1\na          100  x\n');
  });
});

describe('wantsColor', () => {
  const tty = { isTTY: true };
  const pipe = {};

  it.each([
    ['a terminal', tty, {}, true, true],
    ['a pipe', pipe, {}, true, false],
    ['--no-color', tty, { FORCE_COLOR: '1' }, false, false],
    ['NO_COLOR', tty, { NO_COLOR: '1' }, true, false],
    ['an empty NO_COLOR', tty, { NO_COLOR: '' }, true, true],
    ['TERM=dumb', tty, { TERM: 'dumb' }, true, false],
    ['FORCE_COLOR', pipe, { FORCE_COLOR: '1', NO_COLOR: '1' }, true, true],
    ['FORCE_COLOR=0', tty, { FORCE_COLOR: '0' }, true, false],
  ])('%s', (_what, stream, env, flag, isWanted) => {
    expect(wantsColor(stream, env, flag)).toBe(isWanted);
  });

  it('paints, or does not', () => {
    expect(palette(true).red('x')).toBe('\u001B[31mx\u001B[39m');
    expect(palette(false).red('x')).toBe('x');
  });
});
