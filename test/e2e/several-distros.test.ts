/** Several distributions at once, as far as their indexes: `doctor --distros` and dry runs, by the real command. */

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { crawlerNames } from '../../crawlers/index.ts';
import { type Internet, INTERNET_TOOLS, startInternet } from '../internet/internet.ts';
import { packageStanza, putSuite } from '../mirrors/apt-indexes.ts';
import { createSigner, type Signer } from '../mirrors/signer.ts';
import { type CommandResult, jsonLines, runBtfmill } from '../support/run-btfmill.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';

const DEBIAN = 'ftp.debian.org';
const TIMEOUT_MS = 120_000;

interface Report {
  readonly v: number;
  readonly ok: boolean;
  readonly distros: readonly {
    readonly distro: string;
    readonly kernels: number;
    readonly indexes: readonly Record<string, unknown>[];
    readonly failures: readonly { suite: string; release: string; code: string; message: string }[];
  }[];
}

describe.skipIf(needsTool('gpg', 'gpgconf', 'gpgv', ...INTERNET_TOOLS))('several distributions', () => {
  let folder: string;
  let signer: Signer;
  let internet: Internet;
  let flags: readonly string[];

  beforeAll(async () => {
    folder = await makeTempDir('several');
    signer = await createSigner(folder);
    const www = join(folder, 'www');
    const kernel = (name: string, version: string) => packageStanza(`linux-image-${name}-dbg`, version);
    await putSuite(www, signer, {
      base: 'debian',
      path: 'bookworm',
      release: ['Suite: oldstable', 'Codename: bookworm', 'Version: 12.15'],
      packages: { amd64: [kernel('6.1.0-47-amd64', '6.1.170-3'), kernel('6.1.0-50-amd64', '6.1.176-1')] },
    });
    await putSuite(www, signer, {
      base: 'debian-security',
      path: 'bookworm-security',
      release: ['Suite: oldstable-security', 'Codename: bookworm-security', 'Version: 12'],
      packages: { amd64: [kernel('6.1.0-53-amd64', '6.1.187-1')] },
    });
    internet = await startInternet(join(folder, 'authority'));
    flags = ['--mirror', `debian=http://${DEBIAN}/debian`, '--keyring', signer.keyring];
  }, TIMEOUT_MS);

  beforeEach(() => {
    internet.reset();
    internet.serve(DEBIAN, join(folder, 'www'));
  });

  afterAll(async () => {
    await internet.close();
    await removeDir(folder);
  });

  function run(...args: readonly string[]): Promise<CommandResult> {
    return runBtfmill([...args, ...flags], { cwd: folder, env: internet.env, timeoutMs: TIMEOUT_MS });
  }

  async function doctor(...args: readonly string[]): Promise<CommandResult & { report: Report }> {
    const result = await run('doctor', '--distros', ...args, '--json');
    return { ...result, report: JSON.parse(result.stdout) as Report };
  }

  describe('doctor --distros', () => {
    it('says what answers, who signed it and how many kernels it has, and fetches no package', async () => {
      const { exitCode, report } = await doctor('debian', '--release', '12', '--arch', 'amd64');
      expect(exitCode).toBe(0);
      expect(report).toMatchObject({
        v: 1,
        ok: true,
        distros: [{ distro: 'debian', kernels: 3, failures: [] }],
      });
      const { indexes } = report.distros[0];
      expect(indexes).toMatchObject([
        { suite: 'bookworm', release: '12', arch: 'x86_64', kernels: 2 },
        { suite: 'bookworm-security', release: '12', arch: 'x86_64', kernels: 1 },
      ]);
      for (const index of indexes) {
        expect(index).toMatchObject({ trust: 'signed-index', signer: indexes[0]['signer'] });
        expect(index['signer']).toMatch(/^[\dA-F]{40}$/u);
        expect(index.date).toBe('2026-11-19T02:12:54.000Z');
        expect(index.url).toMatch(/^http:\/\/ftp\.debian\.org\/.*Packages\.gz$/u);
      }
      expect(internet.requests(/pool/u)).toEqual([]);
    });

    it('prints a table, too', async () => {
      const { exitCode, stdout } = await run(
        'doctor',
        '--distros',
        'debian',
        '--release',
        '12',
        '--arch',
        'amd64',
      );
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(
        /^ok +debian 12 +bookworm +x86_64 +2 +signed-index +[\dA-F]{16} +2026-11-19 +http:.*Packages\.gz$/mu,
      );
      expect(stdout).toMatch(/^debian: 3 kernels in 2 indexes$/mu);
    });

    it('ends with 5 when an index is not what was signed', async () => {
      const packages = join(
        folder,
        'www/debian-security/dists/bookworm-security/main/binary-amd64/Packages.gz',
      );
      const original = await readFile(packages);
      await writeFile(packages, Buffer.concat([original, Buffer.of(0)]));
      const { exitCode, report } = await doctor('debian', '--release', '12', '--arch', 'amd64');
      await writeFile(packages, original);
      expect(exitCode).toBe(5);
      expect(report).toMatchObject({ ok: false, distros: [{ kernels: 2 }] });
      expect(report.distros[0].failures).toMatchObject([
        { suite: 'bookworm-security', code: 'index-digest' },
      ]);
    });

    it(
      'ends with 4 when a mirror does not answer, and tells of the others all the same',
      async () => {
        const { exitCode, report } = await doctor('ubuntu', 'debian', '--arch', 'amd64');
        expect(exitCode).toBe(4);
        const [ubuntu, debian] = report.distros;
        expect(ubuntu.indexes).toEqual([]);
        expect(ubuntu.failures.length).toBeGreaterThan(0);
        expect(ubuntu.failures.every(({ code }) => code === 'http-unreachable')).toBe(true);
        expect(debian).toMatchObject({ distro: 'debian', kernels: 3, failures: [] });
      },
      TIMEOUT_MS,
    );

    it(
      'looks at all of them without a name',
      async () => {
        internet.unplug(DEBIAN);
        const { exitCode, report } = await doctor('--arch', 'amd64');
        expect(exitCode).toBe(4);
        expect(report.distros.map(({ distro }) => distro)).toEqual(crawlerNames());
        for (const { distro, failures } of report.distros) {
          expect(failures.length, distro).toBeGreaterThan(0);
          const codes = failures.map(({ code }) => code);
          expect(
            codes.filter((code) => !code.startsWith('http-')),
            distro,
          ).toEqual([]);
        }
      },
      TIMEOUT_MS,
    );

    it('refuses a name that is none', async () => {
      expect(await run('doctor', '--distros', 'slackware')).toMatchObject({ exitCode: 2, stdout: '' });
    });
  });

  describe('crawl --distro', () => {
    it('means a release for those that know it', async () => {
      const distros = [
        '--distro',
        'fedora',
        '--distro',
        'debian',
        '--release',
        'bookworm',
        '--arch',
        'amd64',
      ];
      const { exitCode, stdout, stderr } = await run('crawl', '--dry-run', '--json', ...distros);
      const kernels = jsonLines(stdout).filter(({ event }) => event === 'plan.kernel');
      expect(kernels.map(({ kernel }) => kernel)).toEqual([
        '6.1.0-53-amd64',
        '6.1.0-50-amd64',
        '6.1.0-47-amd64',
      ]);
      expect(stderr).toContain('fedora: left out of release bookworm: fedora has no release');
      expect(exitCode).toBe(0);
    });

    it(
      'refuses a release that none of them knows',
      async () => {
        const distros = ['--distro', 'fedora', '--distro', 'debian'];
        const result = await run(
          'crawl',
          '--dry-run',
          ...distros,
          '--release',
          '12',
          '--release',
          'bookwrom',
        );
        expect(result).toMatchObject({ exitCode: 2, stdout: '' });
        expect(result.stderr).toMatch(/usage: no release bookwrom: fedora has no release .*debian/u);
      },
      TIMEOUT_MS,
    );

    it(
      'all is every distribution',
      async () => {
        const { stdout } = await run('crawl', '--dry-run', '--json', '--distro', 'all', '--arch', 'vax');
        expect(stdout).toBe('');
        const { stdout: events } = await run(
          'crawl',
          '--dry-run',
          '--json',
          '--distro',
          'all',
          '--arch',
          'mips',
        );
        expect(jsonLines(events)[0]).toMatchObject({ event: 'run.started', distros: crawlerNames() });
      },
      TIMEOUT_MS,
    );

    it('wants to know whose mirror it is given', async () => {
      const { exitCode, stderr } = await run(
        'crawl',
        '--dry-run',
        '--distro',
        'all',
        '--mirror',
        'http://m.test',
      );
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/usage: --mirror http:\/\/m\.test: .*--mirror [a-z]+=http:\/\/m\.test/u);
    });
  });
});
