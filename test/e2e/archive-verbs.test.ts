/** What is done with an archive once it is there, by the real command: publish, mirror, verify, import, merge and the record's verbs. */

import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openRecord } from '../../db/index.ts';
import { archivePath } from '../../pipeline/archive-path.ts';
import { tarXz } from '../builders/archive-file.ts';
import { debugPackage } from '../support/debug-package.ts';
import { startFileServer } from '../support/file-server.ts';
import { type CommandResult, runBtfmill } from '../support/run-btfmill.ts';
import { makeTempDir, removeDir, tempDirForTest } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';

const NAMES = ['6.1.0-1-amd64', '6.1.0-2-amd64'];
const pathOf = (kernel: string): string =>
  archivePath({ distro: 'debian', release: '12', arch: 'x86_64', kernel });

/** Folders `archive` and `btfmill.sqlite` as a crawl leaves them, made by `import`. */
async function makeSite(names: readonly string[] = NAMES): Promise<{
  readonly cwd: string;
  run(...args: readonly string[]): Promise<CommandResult>;
  file(path: string): string;
}> {
  const cwd = await tempDirForTest('verbs');
  mkdirSync(join(cwd, 'archive'));
  for (const kernel of names) {
    const path = join(cwd, 'archive', pathOf(kernel));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, await tarXz([{ name: `${kernel}.btf` }]));
  }
  const run = (...args: readonly string[]): Promise<CommandResult> => runBtfmill(args, { cwd });
  expect(await run('import', 'archive')).toMatchObject({ exitCode: 0 });
  return { cwd, run, file: (path) => join(cwd, path) };
}

describe.skipIf(needsTool('xz', 'flock'))('an archive for strangers', () => {
  it('is signed, copied, followed, and found out when it is changed', async () => {
    const site = await makeSite();
    const made = await site.run('keygen', 'key');
    expect(made).toMatchObject({ exitCode: 0 });
    expect(statSync(site.file('key')).mode & 0o777).toBe(0o600);
    expect(await site.run('publish')).toMatchObject({ exitCode: 2 });
    const published = await site.run('publish', '--key', 'key', '--json');
    expect(published.exitCode).toBe(0);
    expect(JSON.parse(published.stdout)).toMatchObject({
      serial: 1,
      outcome: 'new',
      added: NAMES.map(pathOf),
    });
    expect(await site.run('verify', '--deep')).toMatchObject({ exitCode: 0 });
    expect((await site.run('verify', '--no-record')).stdout).toContain('against the index of serial 1');

    const server = await startFileServer(site.file('archive'));
    onTestFinished(() => server.close());
    const mirror = (...more: readonly string[]): Promise<CommandResult> =>
      site.run('mirror', server.url, 'copy', '--public-key', 'key.pub', ...more);
    expect(await mirror()).toMatchObject({ exitCode: 0 });
    for (const name of [...NAMES.map(pathOf), 'SHA256SUMS', 'archive.sqlite', 'timestamp.json.minisig']) {
      expect(readFileSync(site.file(`copy/${name}`)).equals(readFileSync(site.file(`archive/${name}`)))).toBe(
        true,
      );
    }
    expect(await site.run('verify', '--archive', 'copy', '--no-record', '--deep')).toMatchObject({
      exitCode: 0,
    });
    const byKey = (key: string): Promise<CommandResult> =>
      site.run('verify', '--archive', 'copy', '--no-record', '--public-key', key);
    expect(await byKey('key.pub')).toMatchObject({ exitCode: 0 });
    await site.run('keygen', 'other');
    expect(await byKey('other.pub')).toMatchObject({ exitCode: 5 });
    server.clear();
    expect((await mirror()).stdout).toContain('0 fetched');
    expect(server.log.some(({ path }) => path.endsWith('.tar.xz'))).toBe(false);

    const victim = site.file(`archive/${pathOf(NAMES[0])}`);
    const bytes = readFileSync(victim);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(victim, bytes);
    rmSync(site.file(`copy/${pathOf(NAMES[0])}`));
    const refused = await mirror();
    expect(refused).toMatchObject({ exitCode: 5 });
    expect(refused.stderr).toContain('archive-digest');
    expect(existsSync(site.file(`copy/${pathOf(NAMES[0])}`))).toBe(false);
    const damaged = await site.run('verify', '--json');
    expect(damaged.exitCode).toBe(7);
    expect(damaged.stdout).toContain('"kind":"digest-differs"');
  });

  it('keys are made in pairs or not at all', async () => {
    const cwd = await tempDirForTest('verbs');
    const keygen = (): Promise<CommandResult> => runBtfmill(['keygen', 'key'], { cwd });
    for (const [there, other] of [
      ['key', 'key.pub'],
      ['key.pub', 'key'],
    ]) {
      writeFileSync(join(cwd, there), 'mine');
      expect(await keygen()).toMatchObject({ exitCode: 2 });
      expect(existsSync(join(cwd, other))).toBe(false);
      expect(readFileSync(join(cwd, there), 'utf8')).toBe('mine');
      rmSync(join(cwd, there));
    }
    expect(await keygen()).toMatchObject({ exitCode: 0 });
  });

  it('a password in an address is neither used nor shown', async () => {
    const cwd = await tempDirForTest('verbs');
    await runBtfmill(['keygen', 'key'], { cwd });
    const args = ['mirror', 'http://me:secret@127.0.0.1:9/x', 'copy', '--public-key', 'key.pub'];
    const refused = await runBtfmill(args, { cwd });
    expect(refused).toMatchObject({ exitCode: 2 });
    expect(refused.stderr).not.toContain('secret');
    expect(existsSync(join(cwd, 'copy'))).toBe(false);
  });

  it('tells everybody that a kernel is withdrawn, and why', async () => {
    const site = await makeSite();
    await site.run('publish', '--unsigned');
    const withdraw = (path: string): Promise<CommandResult> =>
      site.run('withdraw', path, '--reason', 'made from the wrong vmlinux');
    expect(await withdraw(pathOf(NAMES[0]))).toMatchObject({ exitCode: 0 });
    expect(await withdraw(pathOf(NAMES[0]))).toMatchObject({ exitCode: 2 });
    expect(await withdraw('../../etc/passwd')).toMatchObject({ exitCode: 2 });
    const long = ['withdraw', pathOf(NAMES[1]), '--reason', 'x'.repeat(5000)];
    expect(await site.run(...long)).toMatchObject({ exitCode: 2 });
    expect(await site.run('publish', '--unsigned', '--valid-days', '367')).toMatchObject({ exitCode: 2 });
    expect((await site.run('publish', '--unsigned')).stdout).toContain('1 withdrawn: serial 2, 1 kernel');
    const last = readFileSync(site.file('archive/index/debian/12/x86_64.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .at(-1);
    expect(JSON.parse(last ?? '')).toMatchObject({
      state: 'withdrawn',
      reason: 'made from the wrong vmlinux',
    });
    expect((await site.run('why', NAMES[0])).stdout).toContain('withdrawn; no run touches it');
    expect(await site.run('verify')).toMatchObject({ exitCode: 0 });
  });

  it('is joined from the shares of several machines', async () => {
    const [target, one, two] = [await makeSite([]), await makeSite([NAMES[0]]), await makeSite([NAMES[1]])];
    const merged = await target.run('merge', one.cwd, two.cwd);
    expect(merged).toMatchObject({ exitCode: 0 });
    expect(merged.stdout).toMatch(/1 kernel published.*\n.*1 kernel published/u);
    expect(await target.run('verify', '--deep')).toMatchObject({ exitCode: 0 });
    expect((await target.run('merge', one.cwd, two.cwd)).stdout).toContain('0 kernels published');
    expect(await target.run('merge', target.cwd)).toMatchObject({ exitCode: 2 });
  });

  it('an archive with a broken file is imported without it, and said to be', async () => {
    const site = await makeSite([NAMES[0]]);
    writeFileSync(site.file(`archive/${pathOf(NAMES[1])}`), '');
    const again = await site.run('import', 'archive');
    expect(again).toMatchObject({ exitCode: 7 });
    expect(again.stdout).toContain(`empty-file  ${pathOf(NAMES[1])}`);
    expect(again.stdout).toContain('0 files imported, 1 known before, 1 refused');
  });
});

describe('what the record tells', () => {
  const AT = '2026-11-20T02:17:00.000Z';
  // Within what the schedule gives: a time further ahead would be a wrong clock's.
  const LATER = new Date(Date.now() + 3 * 86_400_000).toISOString();
  let cwd: string;
  const run = (...args: readonly string[]): Promise<CommandResult> => runBtfmill(args, { cwd });

  beforeAll(async () => {
    cwd = await makeTempDir('record');
    const record = openRecord(join(cwd, 'btfmill.sqlite'));
    const runId = record.runs.start({ startedAt: AT, btfmillVersion: '0.1.0', options: {} });
    const index = { runId, distro: 'debian', release: '12', suite: 'bookworm', at: AT, asked: '' };
    record.indexReads.add({ ...index, arch: 'x86_64', trust: 'signed-index', kernels: 2 });
    record.indexReads.add({
      ...index,
      suite: 'bookworm-backports',
      code: 'http-not-found',
      message: 'gone | away',
    });
    for (const [kernel, code] of [
      ['6.1.0-1-amd64', 'dwarf-malformed'],
      ['6.1.0-2-amd64', 'cross-check'],
    ]) {
      const pkg = debugPackage(kernel);
      const packageId = record.packages.see(pkg, AT);
      const kernelId = record.kernels.ensure(pkg, AT);
      const id = record.attempts.start({ kernelId, runId, packageId, setup: 's', startedAt: AT });
      record.kernels.markFailed(kernelId, { code, message: 'it is *broken*', packageId }, AT);
      const end = { outcome: 'failed', code, message: 'it is *broken*', retryAfter: LATER } as const;
      record.attempts.finish(id, { ...end, finishedAt: AT, fetchedBytes: 7 });
    }
    const zero = { alreadyPublished: 3, noDebugInfo: 0, fetchedBytes: 14, indexBytes: 9 };
    record.runs.finish(runId, { finishedAt: AT, exitCode: 3, published: 0, failed: 2, ...zero });
    record.close();
  });

  afterAll(() => removeDir(cwd));

  it('report: every failed kernel and index with code and message, safe to paste', async () => {
    const report = await run('report');
    expect(report.exitCode).toBe(0);
    expect(report.stdout).toContain('# Run 1\n');
    expect(report.stdout).toContain(
      '`debian/12/x86_64/6.1.0-1-amd64.btf.tar.xz`: **dwarf-malformed**: it is \\*broken\\*',
    );
    expect(report.stdout).toContain('`debian/12 bookworm-backports`: **http-not-found**: gone \\| away');
    expect(report.stdout).toContain('| failed | 2 (1 dwarf-malformed, 1 cross-check) |');
    const json = JSON.parse((await run('report', '1', '--json')).stdout) as unknown;
    expect(json).toMatchObject({ v: 1, failed: [{ code: 'dwarf-malformed' }, { code: 'cross-check' }] });
    expect((await run('report', '--list')).stdout).toContain('exit code 3');
    expect(await run('report', '2')).toMatchObject({ exitCode: 2 });
  });

  it('why: the whole story, by name, path or pattern', async () => {
    for (const pattern of ['6.1.0-1-amd64', pathOf('6.1.0-1-amd64'), '12/x86_64/6.1.0-1-*']) {
      const { exitCode, stdout } = await run('why', pattern);
      expect(exitCode).toBe(0);
      expect(stdout).toContain('failed (dwarf-malformed) since 2026-11-20');
      expect(stdout).toContain(`not tried again before ${LATER}`);
      expect(stdout).toContain('http://mirror.test/6.1.0-1-amd64.deb');
      expect(stdout).not.toContain('6.1.0-2-amd64');
    }
    expect(await run('why', 'nosuch')).toMatchObject({ exitCode: 2 });
  });

  it('retry: lets the next run try again at once, what was meant and nothing else', async () => {
    expect(await run('retry')).toMatchObject({ exitCode: 2 });
    expect(await run('retry', '--code', 'dwarf-none')).toMatchObject({ exitCode: 2 });
    const { exitCode, stdout } = await run('retry', '--code', 'cross-check');
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `${pathOf('6.1.0-2-amd64')}  cross-check` });
    expect((await run('why', '6.1.0-2-amd64')).stdout).toContain('the next run tries it');
    expect((await run('why', '6.1.0-1-amd64')).stdout).toContain('not tried again before');
  });

  it('retry: what has no debug information only when it is meant', async () => {
    const record = openRecord(join(cwd, 'btfmill.sqlite'));
    const bare = debugPackage('6.1.0-8-amd64');
    const packageId = record.packages.see(bare, AT);
    record.kernels.markNoDebugInfo(record.kernels.ensure(bare, AT), packageId, AT);
    record.close();
    const stateOf = (kernel: string): string | undefined => {
      const again = openRecord(join(cwd, 'btfmill.sqlite'), { forQueries: true });
      const state = again.kernels.find(debugPackage(kernel))?.state;
      again.close();
      return state;
    };
    expect((await run('retry', '--all')).stdout).not.toContain('6.1.0-8-amd64');
    expect(stateOf('6.1.0-8-amd64')).toBe('no-debug-info');
    const named = await run('retry', '6.1.0-8-amd64');
    expect(named.stdout).toBe('debian/12/x86_64/6.1.0-8-amd64.btf.tar.xz  dwarf-none');
    expect(stateOf('6.1.0-8-amd64')).toBe('pending');
  });
});
