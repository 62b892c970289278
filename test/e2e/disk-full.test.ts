/** Disks that fill up, as small tmpfs mounts: needs the right to mount. */

import { mkdir } from 'node:fs/promises';
import { execa, execaSync } from 'execa';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { expectExit } from '../support/run-btfmill.ts';
import { needsTool } from '../support/tools.ts';
import { E2E_TOOLS, type Sample, startSample } from './sample.ts';
import { type Site, treeOf } from './site.ts';

describe.skipIf(needsTool('mount', 'umount', ...E2E_TOOLS) || cannotMount())('a full disk', () => {
  let sample: Sample;

  beforeAll(async () => {
    sample = await startSample();
  });

  afterAll(async () => {
    await sample.close();
  });

  it('under the cache fails the kernels before a byte is fetched', async () => {
    const site = await sample.newSite();
    await mountTmpfs(site.cache, '8m');
    const result = await site.crawl(['--kernel', '*-rt-*']);
    expectExit(result, 3);
    expect(result.done.get('6.1.0-4-rt-amd64')).toMatchObject({ outcome: 'failed', code: 'disk-full' });
    expect(sample.server.log.filter((entry) => entry.path.includes('/pool/'))).toEqual([]);
  });

  it('under the archive fails the kernels that do not fit, and leaves no trace of them', async () => {
    const site = await sample.newSite();
    await mountTmpfs(site.archive, '4k');
    const result = await site.crawl(['--jobs', '1']);
    expectExit(result, 3);
    const outcomes = [...result.done.values()].map(({ outcome, code }) =>
      outcome === 'failed' ? code : outcome,
    );
    expect(outcomes.filter((outcome) => outcome === 'published').length).toBeLessThan(2);
    expect(new Set(outcomes.filter((outcome) => outcome !== 'published'))).toEqual(new Set(['disk-full']));
    await expectOnlyPublished(site, outcomes.filter((outcome) => outcome === 'published').length);

    // Room again: the same command completes the archive.
    await execa('mount', ['-o', 'remount,size=8m', site.archive]);
    expectExit(await site.crawl(), 0);
    await expectOnlyPublished(site, outcomes.length);
  });
});

async function expectOnlyPublished(site: Site, count: number): Promise<void> {
  const files = Object.keys(await treeOf(site.archive));
  expect(files.filter((file) => !file.endsWith('.btf.tar.xz'))).toEqual([]);
  expect(files).toHaveLength(count);
}

async function mountTmpfs(folder: string, size: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await execa('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'btfmill-test', folder]);
  onTestFinished(async () => {
    await execa('umount', [folder]);
  });
}

/** A reason, or false. Containers and ordinary users may not mount: that is nothing CI can mend. */
function cannotMount(): string | false {
  const folder = execaSync('mktemp', ['-d']).stdout;
  const mounted = execaSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'btfmill-test', folder], {
    reject: false,
  });
  if (mounted.exitCode === 0) execaSync('umount', [folder]);
  execaSync('rmdir', [folder]);
  if (mounted.exitCode === 0) return false;
  process.stderr.write('skipping tests: not allowed to mount a tmpfs\n');
  return 'not allowed to mount a tmpfs';
}
