import { describe, expect, it } from 'vitest';
import { type DoctorReport, judge, renderReport, type ToolFinding } from './report.ts';

const xz: ToolFinding = {
  command: 'xz',
  need: 'required',
  neededFor: 'unpacking',
  withoutIt: 'nothing',
};

function findings(changes: Partial<DoctorReport> = {}): Omit<DoctorReport, 'v' | 'ok'> {
  return {
    node: { version: '20.20.2', required: '>=20.19', napi: '9', fits: true },
    sqlite: { loads: true, version: '3.53.2' },
    tools: [
      { ...xz, path: '/usr/bin/xz', version: '5.4.1' },
      { ...xz, command: 'pahole', need: 'optional' },
    ],
    disks: [{ purpose: 'cache', path: '/cache', freeBytes: 1e9, wantedBytes: 2e9 }],
    keyrings: [{ distro: 'debian', files: ['a.pgp'], unusable: [] }],
    ...changes,
  };
}

describe('judge', () => {
  it('a missing optional program and a small disk do not stop a crawl', () => {
    expect(judge(findings()).ok).toBe(true);
  });

  it.each<[string, Partial<DoctorReport>]>([
    ['a required program is missing', { tools: [xz] }],
    ['Node does not fit', { node: { version: '18.0.0', required: '>=20.19', napi: '8', fits: false } }],
    ['SQLite does not load', { sqlite: { loads: false } }],
    ['no keyrings', { keyrings: [] }],
    ['a distribution without keys', { keyrings: [{ distro: 'debian', files: [], unusable: [] }] }],
    ['a damaged keyring', { keyrings: [{ distro: 'debian', files: ['a.pgp'], unusable: ['b.pgp'] }] }],
  ])('not ready when %s', (_, changes) => {
    expect(judge(findings(changes)).ok).toBe(false);
  });
});

describe('renderReport', () => {
  it('lists every finding, with what a missing program costs', () => {
    expect(renderReport(judge(findings()))).toBe(
      [
        '         what            version       need      for',
        'ok       xz              5.4.1         required  unpacking',
        'missing  pahole          -             optional  unpacking; without it: nothing',
        'ok       Node.js         20.20.2       required  running btfmill (>=20.19; N-API 9)',
        'ok       better-sqlite3  3.53.2        required  the record of every run; without it: only convert works',
        'ok       keyring debian  1 file        required  trusting the indexes of debian',
        'low      cache disk      1.00 GB free  optional  /cache (2.00 GB wanted)',
        '',
        'Ready to crawl.',
        '',
      ].join('\n'),
    );
  });

  it('shouts about what stops a crawl', () => {
    const text = renderReport(
      judge(findings({ tools: [xz], sqlite: { loads: false, problem: 'Error: bad' } })),
    );
    expect(text).toMatch(/^MISSING +xz /m);
    expect(text).toMatch(/^BROKEN +better-sqlite3 .*\(Error: bad\)$/m);
    expect(text).toContain('Not ready');
    expect(renderReport(judge(findings({ keyrings: [] })))).toMatch(/^MISSING +keyrings /m);
  });
});
