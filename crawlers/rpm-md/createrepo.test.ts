/** Repositories made by createrepo_c, read by us. */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildEmptyRpms, type EmptyRpm } from '../../test/mirrors/rpm-packages.ts';
import { createFakeWeb, type FakeWeb } from '../../test/support/fake-web.ts';
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
async function askRpm(name: string, algorithm = 'sha256'): Promise<unknown> {
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

describe.skipIf(needsTool('rpmbuild', 'createrepo_c', 'rpm'))('createrepo_c', () => {
  beforeAll(async () => {
    rpms = await makeTempDir('createrepo');
    await buildEmptyRpms(rpms, RPMS);
  });

  afterAll(() => removeDir(rpms));

  test('every field is what rpm says', async () => {
    const { web } = await makeRepository();
    const packages = await list(web);
    const names = packages.map(({ name }) => name).toSorted();
    expect(names).toEqual(['kernel-debuginfo', 'kernel-debuginfo-common-x86_64', 'kernel6.12-debuginfo']);
    for (const found of packages) expect(found).toEqual(await askRpm(found.name));
  });
});
