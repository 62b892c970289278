/** kill -9 in every step: nothing half-made lies under a final name, and the same command ends in the same archive. */

import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSqlite } from '../../db/sqlite.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type CommandOptions,
  expectExit,
  type RunningCommand,
  spawnBtfmill,
} from '../support/run-btfmill.ts';
import { findTool, needsTool } from '../support/tools.ts';
import { E2E_TOOLS, type Sample, startSample } from './sample.ts';
import { filesBelow, query, type Site, statesOf, treeOf } from './site.ts';

/** One without and one with `.BTF`. */
const KERNELS = ['--kernel', '6.1.0-1-amd64', '--kernel', '6.1.0-2-cloud-amd64'];

describe.skipIf(needsTool(...E2E_TOOLS))('kill -9', () => {
  let sample: Sample;
  let reference: Record<string, string>;

  beforeAll(async () => {
    sample = await startSample();
    const site = await sample.newSite();
    expectExit(await site.crawl(KERNELS), 0);
    reference = await treeOf(site.archive);
    expect(Object.keys(reference)).toHaveLength(2);
  });

  afterAll(async () => {
    await sample.close();
  });

  async function killAndRepeat(site: Site, running: RunningCommand): Promise<void> {
    running.kill('SIGKILL');
    await running.finished;
    await expectNothingHalfMade(site);
    sample.server.setFault(() => undefined);
    sample.server.clear();
    expectExit(await site.crawl(KERNELS), 0);
    await expectComplete(site);
  }

  async function expectNothingHalfMade(site: Site): Promise<void> {
    for (const [path, digest] of Object.entries(await treeOf(site.archive))) {
      // A name with a dot in front is nobody's file (archive-layout.md), e.g. the one that probes for room.
      if (basename(path).startsWith('.')) continue;
      if (path.endsWith('.btf.tar.xz')) expect({ path, digest }).toEqual({ path, digest: reference[path] });
    }
  }

  async function expectComplete(site: Site): Promise<void> {
    expect(await treeOf(site.archive)).toEqual(reference);
    expect(new Set(Object.values(statesOf(site.db)))).toEqual(new Set(['published']));
    expect(query(site.db, 'SELECT count(*) AS n FROM attempts WHERE finished_at IS NULL')).toEqual([
      { n: 0 },
    ]);
    // Half an index is let lie for an hour: a dry run, which takes no lock, may be writing it (sweep-index-cache.ts).
    const left = (await filesBelow(site.cache)).filter(
      (file) => dirname(file) !== join(site.cache, 'indexes'),
    );
    expect(left.filter((file) => /\.deb|\.part|vmlinux|btfmill-work/u.test(file))).toEqual([]);
    expectExit(await site.command(['verify', '--archive', site.archive, '--db', site.db]), 0);
  }

  it('during the download, which is then resumed', async () => {
    const site = await sample.newSite();
    sample.server.setFault((seen) =>
      seen.path.includes('/pool/') ? { kind: 'trickle', chunkBytes: 1000, pauseMs: 150 } : undefined,
    );
    const running = start(site);
    await sample.server.waitFor(/\/pool\//u, 3000);
    await killAndRepeat(site, running);
    expect(
      sample.server.log.some((entry) => entry.headers.range !== undefined && entry.statusCode === 206),
    ).toBe(true);
  });

  it.each([
    ['unpacking', 'xz', '*-d*'],
    ['comparing with pahole', 'pahole', '*--btf_encode_detached*'],
    ['compressing', 'xz', '*--check=crc64*'],
    // The file is written and has not got its name: what is left of it goes with the next run.
    ['reading back', 'xz', '-dc'],
  ])('while %s', async (_step, tool, argumentPattern) => {
    const site = await sample.newSite();
    const hanging = await hangingTool(site.folder, tool, argumentPattern);
    const running = start(site, { pathPrefix: hanging.folder });
    const pid = await hanging.pid();
    try {
      await killAndRepeat(site, running);
    } finally {
      process.kill(pid, 'SIGKILL');
    }
  });

  it('while converting', async () => {
    const site = await sample.newSite();
    const running = start(site);
    await running.waitForStdout(/"step":"convert"/u);
    await killAndRepeat(site, running);
  });

  it('at any moment, again and again', async () => {
    const site = await sample.newSite();
    let delayMs = 250;
    for (;;) {
      const running = start(site);
      const wasKilled = await Promise.race([running.finished.then(() => false), sleep(delayMs, true)]);
      if (!wasKilled) break;
      running.kill('SIGKILL');
      await running.finished;
      await expectNothingHalfMade(site);
      delayMs += 120;
    }
    expectExit(await site.crawl(KERNELS), 0);
    await expectComplete(site);
  });

  it('while making a lost file again: the record still says what was published', async () => {
    const site = await sample.newSite();
    expectExit(await site.crawl(KERNELS), 0);
    const [path] = Object.keys(reference);
    await rm(join(site.archive, path));
    // Stands in for other rules: whatever this command makes now is not what was published.
    const former = '0'.repeat(64);
    const database = openSqlite(site.db);
    database.prepare('UPDATE kernels SET btf_sha256 = ? WHERE path = ?').run(former, path);
    database.close();

    const hanging = await hangingTool(site.folder, 'xz', '*-d*');
    const running = start(site, { pathPrefix: hanging.folder });
    const pid = await hanging.pid();
    running.kill('SIGKILL');
    await running.finished;
    await stop(pid);
    const refused = await site.crawl(KERNELS);
    expectExit(refused, 3);
    expect(refused.stderr).toContain('archive-conflict');
    expect(Object.keys(await treeOf(site.archive))).not.toContain(path);
    expect(query(site.db, `SELECT state, btf_sha256 FROM kernels WHERE path = '${path}'`)).toEqual([
      { state: 'published', btf_sha256: former },
    ]);
  });

  it('by Ctrl-C: ends at once, resumable, with the exit code of the signal', async () => {
    const site = await sample.newSite();
    const hanging = await hangingTool(site.folder, 'xz', '*-d*');
    const running = start(site, { pathPrefix: hanging.folder });
    const pid = await hanging.pid();
    running.kill('SIGINT');
    const { exitCode, signal } = await running.finished;
    try {
      expect([exitCode, signal]).toEqual([130, undefined]);
    } finally {
      await stop(pid);
    }
    expectExit(await site.crawl(KERNELS), 0);
    await expectComplete(site);
  });
});

function start(site: Site, options: Partial<CommandOptions> = {}): RunningCommand {
  return spawnBtfmill(site.args(...KERNELS, '--json'), { cwd: site.folder, ...options });
}

/** A program for the front of PATH that, with matching arguments, says its process id and never ends. */
async function hangingTool(
  folder: string,
  tool: string,
  argumentPattern: string,
): Promise<{ readonly folder: string; pid(): Promise<number> }> {
  const target = join(folder, 'hanging');
  const pidFile = join(folder, 'hanging.pid');
  await mkdir(target);
  const file = join(target, tool);
  await writeFile(
    file,
    `#!/bin/sh
case "$*" in
${argumentPattern}) echo $$ > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; exec sleep 60;;
esac
exec ${findTool(tool)} "$@"
`,
  );
  await chmod(file, 0o755);
  return {
    folder: target,
    async pid() {
      for (;;) {
        const text = await readFile(pidFile, 'utf8').catch(() => undefined);
        if (text !== undefined) {
          await rm(pidFile);
          return Number(text);
        }
        await sleep(10);
      }
    },
  };
}

/** The process may have been stopped along with the command. */
async function stop(pid: number): Promise<void> {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
