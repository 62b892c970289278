/** Repositories made by createrepo_c, read by us. */

import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildEmptyRpms, type EmptyRpm } from '../../test/mirrors/rpm-packages.ts';
import { createFakeWeb, type FakeWeb } from '../../test/support/fake-web.ts';
import { programBytes } from '../../test/support/program-bytes.ts';
import { makeTempDir, removeDir, tempDirForTest } from '../../test/support/temp.ts';
import { needsTool } from '../../test/support/tools.ts';
import { openRepository, readPackages, type RpmEntry } from './index.ts';

const RPMS: readonly EmptyRpm[] = [
  { name: 'kernel-debuginfo', version: '6.1.5', release: '200.fc37', arch: 'x86_64' },
  { name: 'kernel-debuginfo-common-x86_64', version: '6.1.5', release: '200.fc37', arch: 'x86_64' },
  {
    name: 'kernel6.12-debuginfo',
    epoch: 1,
    version: '6.12~rc3',
    release: '9.1^20241021',
    arch: 'x86_64',
    summary: 'a "b" & <c> \'d\'',
    description: '</package><package type="rpm"><name>kernel-debuginfo</name> ]]> <!-- &amp;',
  },
  { name: 'bash-debuginfo', version: '5', release: '1', arch: 'x86_64' },
];
const BASE = 'https://mirror.example/fedora/debug/';
const POLICY = { keyrings: [], repomdSignature: 'none', insecure: false } as const;

let rpms: string;

async function makeRepository(...flags: readonly string[]): Promise<{ web: FakeWeb; folder: string }> {
  const folder = await tempDirForTest('repository');
  await execa('createrepo_c', ['--quiet', '--outputdir', folder, ...flags, rpms]);
  const web = createFakeWeb(join(folder, 'cache'));
  web.mount(BASE, folder);
  return { web, folder };
}

async function list(web: FakeWeb): Promise<readonly RpmEntry[]> {
  const location = { name: 'debug', anchor: { kind: 'base', url: BASE } } as const;
  const repository = await openRepository(location, POLICY, web.context);
  if (repository === undefined) throw new Error('no repository');
  return (await readPackages(repository, web.context, (name) => name.startsWith('kernel'))).packages;
}

/** What rpm itself says about a package. */
async function askRpm(name: string, algorithm: string): Promise<object> {
  const file = (await readdir(rpms)).find(
    (entry) => entry.startsWith(`${name}-`) && entry.endsWith('.rpm'),
  ) as string;
  const format = '%{EPOCHNUM} %{VERSION} %{RELEASE} %{ARCH} %{BUILDTIME} %{SOURCERPM}';
  const { stdout } = await execa('rpm', ['-qp', '--qf', format, join(rpms, file)]);
  const [epoch, version, release, arch, buildTime, sourceRpm] = stdout.split(' ');
  const sum = await execa(`${algorithm}sum`, [join(rpms, file)]);
  const size = await execa('stat', ['-c', '%s', join(rpms, file)]);
  return {
    name,
    epoch: Number(epoch),
    version,
    release,
    arch,
    buildTime: new Date(Number(buildTime) * 1000),
    sourceRpm,
    digest: `${algorithm}:${sum.stdout.split(' ')[0]}`,
    sizeBytes: Number(size.stdout),
    urls: [BASE + file.replaceAll('^', '%5E')],
  };
}

describe.skipIf(needsTool('rpmbuild', 'createrepo_c', 'modifyrepo_c', 'rpm', 'xz', 'zstd', 'bzip2', 'gzip'))(
  'createrepo_c',
  () => {
    beforeAll(async () => {
      rpms = await makeTempDir('createrepo');
      await buildEmptyRpms(rpms, RPMS);
    });

    afterAll(() => removeDir(rpms));

    /** Every package that was wanted, each compared with what rpm says about it. */
    async function expectAll(
      web: FakeWeb,
      change: (expected: object) => object = (same) => same,
    ): Promise<void> {
      const packages = await list(web);
      const names = packages.map(({ name }) => name).toSorted();
      expect(names).toEqual(['kernel-debuginfo', 'kernel-debuginfo-common-x86_64', 'kernel6.12-debuginfo']);
      for (const found of packages) {
        const [algorithm] = found.digest.split(':');
        expect(found).toEqual(change(await askRpm(found.name, algorithm)));
      }
    }

    test.each([['gz'], ['xz'], ['bz2']])('primary.xml.%s', async (compression) => {
      const { web } = await makeRepository('--general-compress-type', compression);
      await expectAll(web);
      expect(web.log.at(-1)).toMatch(new RegExp(`-primary\\.xml\\.${compression}$`));
    });

    test.each([['.zst'], ['']])('primary.xml%s, which this createrepo_c cannot write', async (suffix) => {
      const { web, folder } = await makeRepository();
      await recompress(folder, 'primary', 'xml', suffix);
      await expectAll(web);
      expect(web.log.at(-1)).toMatch(new RegExp(`primary\\.xml${suffix.replace('.', '\\.')}$`));
    });

    test.each([['.gz'], ['.xz'], ['.bz2'], ['.zst'], ['']])('only primary.sqlite%s', async (suffix) => {
      const { web, folder } = await makeRepository('--database');
      await recompress(folder, 'primary_db', 'sqlite', suffix);
      await execa('modifyrepo_c', ['--remove', 'primary', join(folder, 'repodata')]);
      await expectAll(web);
      expect(web.log.at(-1)).toMatch(/primary\.sqlite/);
      const cached = await readdir(web.context.indexCacheDir);
      expect(cached.filter((name) => !/^[0-9a-f]{64}$/.test(name))).toEqual([]);
    });

    test('primary.xml goes before primary.sqlite', async () => {
      const { web } = await makeRepository('--database');
      await expectAll(web);
      expect(web.log.at(-1)).toMatch(/primary\.xml\.gz$/);
    });

    test.each([['sha1'], ['sha256'], ['sha512']])('checksums of type %s', async (algorithm) => {
      const { web } = await makeRepository(
        '--database',
        '--checksum',
        algorithm,
        '--repomd-checksum',
        algorithm,
      );
      await expectAll(web);
      for (const found of await list(web)) expect(found.digest.split(':')[0]).toBe(algorithm);
      // The second listing came out of the cache.
      expect(web.log.filter((url) => url.includes('primary'))).toHaveLength(1);
    });

    test.each([['primary.xml'], ['primary.sqlite']])('--baseurl, in %s', async (form) => {
      const { web, folder } = await makeRepository(
        '--database',
        '--baseurl',
        'https://mirror.example/elsewhere',
      );
      if (form === 'primary.sqlite') {
        await execa('modifyrepo_c', ['--remove', 'primary', join(folder, 'repodata')]);
      }
      await expectAll(web, (expected) => ({
        ...expected,
        urls: (expected as RpmEntry).urls.map((url) => url.replace('/fedora/debug/', '/elsewhere/')),
      }));
      expect(web.log.at(-1)).toContain(form);
    });

    test('--location-prefix that climbs', async () => {
      const { web } = await makeRepository('--location-prefix', '../../blobstore');
      await expectAll(web, (expected) => ({
        ...expected,
        urls: (expected as RpmEntry).urls.map((url) => url.replace('/fedora/debug/', '/blobstore/')),
      }));
    });

    test('file names without digests', async () => {
      const { web } = await makeRepository('--simple-md-filenames');
      await expectAll(web);
      expect(web.log.at(-1)).toBe(`${BASE}repodata/primary.xml.gz`);
    });
  },
);

const COMPRESSORS: Readonly<Record<string, string>> = {
  '.gz': 'gzip',
  '.xz': 'xz',
  '.bz2': 'bzip2',
  '.zst': 'zstd',
};

/** Puts a metadata file of a repository into another compression, and repomd.xml right. */
async function recompress(folder: string, type: string, form: string, suffix: string): Promise<void> {
  const repodata = join(folder, 'repodata');
  const repomd = await readFile(join(repodata, 'repomd.xml'), 'utf8');
  const entry = new RegExp(`<data type="${type}">[\\s\\S]*?</data>`).exec(repomd)?.[0] ?? '';
  const old = /href="repodata\/([^"]*)"/.exec(entry)?.[1] ?? '';
  const from = COMPRESSORS[/\.[a-z0-9]+$/.exec(old)?.[0] ?? ''];
  const plain = await programBytes(from, ['-dc', join(repodata, old)]);
  const bytes = suffix === '' ? plain : await programBytes(COMPRESSORS[suffix], ['-c'], { input: plain });
  const name = `primary.${form}${suffix}`;
  await writeFile(join(repodata, name), bytes);
  const digest = createHash('sha256').update(bytes).digest('hex');
  const changed = entry
    .replace(/(<checksum type="sha256">)[0-9a-f]*/, `$1${digest}`)
    .replace(old, name)
    .replace(/<size>\d*/, `<size>${bytes.length}`);
  await writeFile(join(repodata, 'repomd.xml'), repomd.replace(entry, changed));
}
