/** Disks that are full or read-only, as small tmpfs mounts: needs the right to mount. */

import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cannotMount, mountTmpfs } from '../support/mount.ts';
import { expectExit } from '../support/run-btfmill.ts';
import { needsTool } from '../support/tools.ts';
import { E2E_TOOLS, type Sample, startSample } from './sample.ts';
import { treeOf } from './site.ts';

describe.skipIf(needsTool(...E2E_TOOLS) || cannotMount())('a full disk', () => {
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

  it('under the archive ends the run before a byte is asked for', async () => {
    const site = await sample.newSite();
    await mountTmpfs(site.archive, '4k');
    const result = await site.crawl();
    expectExit(result, 3);
    expect(result.stderr).toMatch(/^btfmill: disk-full: the archive [^\n]*$/mu);
    expect(sample.server.log).toEqual([]);

    // Room again: the same command completes the archive.
    await execa('mount', ['-o', 'remount,size=8m', site.archive]);
    expectExit(await site.crawl(), 0);
    const files = Object.keys(await treeOf(site.archive));
    expect(files.filter((file) => !file.endsWith('.btf.tar.xz'))).toEqual([]);
  });

  it('under the record has its name', async () => {
    const site = await sample.newSite();
    const folder = join(site.folder, 'small');
    await mountTmpfs(folder, '64k');
    const result = await site.crawl(['--db', join(folder, 'record.sqlite')]);
    expectExit(result, 3);
    expect(result.stderr).toMatch(/btfmill: disk-full: [^\n]*$/u);
  });

  it.each(['', 'new/folder'])(
    'that is read-only, under the archive %s, is called read-only',
    async (below) => {
      const site = await sample.newSite();
      const { makeReadOnly } = await mountTmpfs(site.archive);
      makeReadOnly();
      const result = await site.crawl(['--archive', join(site.archive, below)]);
      expectExit(result, 1);
      expect(result.stderr).toMatch(
        /^btfmill: io-failed: the archive [^\n]*: its file system is read-only$/mu,
      );
      expect(sample.server.log).toEqual([]);
    },
  );
});
