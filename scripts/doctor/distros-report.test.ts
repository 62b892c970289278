import { describe, expect, it } from 'vitest';
import { BtfmillError, type ErrorCode } from '../../errors/index.ts';
import type { DistroListing } from '../../pipeline/list-distros.ts';
import { debugPackage } from '../../test/support/debug-package.ts';
import { exitCodeOfDistros, renderDistros, reportDistros } from './distros-report.ts';

const SIGNER = '99DB70FAE1D7CE227FB6488205B555B38483C65D';

const DEBIAN: DistroListing = {
  distro: 'debian',
  packages: [debugPackage('6.1.0-50-amd64'), debugPackage('6.1.0-47-amd64')],
  indexes: [
    {
      suite: 'bookworm',
      release: '12',
      arch: 'x86_64',
      url: 'http://m.test/Packages',
      trust: 'signed-index',
      signer: SIGNER,
      date: new Date('2026-11-19T02:12:54Z'),
      kernels: 2,
    },
  ],
  failures: [],
  indexBytes: 1,
  indexRequests: 1,
};

const FEDORA: DistroListing = {
  ...DEBIAN,
  distro: 'fedora',
  packages: [],
  indexes: [
    {
      suite: 'updates',
      release: '39',
      arch: 'x86_64',
      url: 'http://m.test/repomd.xml',
      trust: 'unanchored',
      kernels: 0,
    },
  ],
};

function failing(...codes: readonly ErrorCode[]): DistroListing {
  const failures = codes.map((code) => ({
    suite: 'updates',
    release: '39',
    error: new BtfmillError(code, `http://f.test/repomd.xml: \u001b[31mno\nway`),
  }));
  return { ...FEDORA, failures };
}

describe('what the indexes look like', () => {
  it('is plain values', () => {
    const report = reportDistros([DEBIAN, failing('http-not-found')]);
    expect(report).toEqual({
      v: 1,
      ok: false,
      distros: [
        { distro: 'debian', kernels: 2, indexes: DEBIAN.indexes, failures: [] },
        {
          distro: 'fedora',
          kernels: 0,
          indexes: FEDORA.indexes,
          failures: [
            {
              suite: 'updates',
              release: '39',
              code: 'http-not-found',
              message: expect.stringContaining('no'),
            },
          ],
        },
      ],
    });
  });

  it('is a table in which what failed stands out, on one line each', () => {
    const text = renderDistros(reportDistros([DEBIAN, FEDORA, failing('index-signature')]));
    const lines = text.split('\n');
    expect(lines[1]).toMatch(
      /^ok +debian 12 +bookworm +x86_64 +2 +signed-index +05B555B38483C65D +2026-11-19 +http/u,
    );
    expect(lines[2]).toMatch(/^ok +fedora 39 +updates +x86_64 +0 +unanchored +- +- +http/u);
    expect(lines[4]).toMatch(
      /^FAILED +fedora 39 +updates .* index-signature: http:\/\/f\.test\/repomd\.xml: no way$/u,
    );
    expect(lines.slice(5)).toEqual([
      '',
      'debian: 2 kernels in 1 index',
      'fedora: 0 kernels in 1 index',
      'fedora: 0 kernels in 1 index, 1 FAILED',
      '',
    ]);
  });

  it('says when a distribution could not be looked at at all', () => {
    const error = new BtfmillError('tool-missing', 'gpgv is not installed');
    const report = reportDistros([{ ...FEDORA, indexes: [], error }]);
    expect(report.distros[0].failures).toMatchObject([{ suite: '*', release: '*', code: 'tool-missing' }]);
    expect(exitCodeOfDistros(report)).toBe(2);
  });
});

describe('the exit code', () => {
  it.each<[readonly ErrorCode[], number]>([
    [[], 0],
    [['http-not-found'], 4],
    [['http-unreachable', 'index-digest', 'http-refused'], 5],
    [['index-expired'], 5],
  ])('of %j is %i', (codes, exitCode) => {
    expect(exitCodeOfDistros(reportDistros([DEBIAN, failing(...codes)]))).toBe(exitCode);
  });
});
