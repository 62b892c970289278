import {
  chmodSync,
  linkSync,
  mkdirSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHttpClient } from '../../crawlers/http/client.ts';
import { smallKernelBtf, type TarMember, tarXz, xz } from '../../test/builders/archive-file.ts';
import { startFileServer } from '../../test/support/file-server.ts';
import { makeArchive, NOW, type PublishedArchive } from '../../test/support/published-archive.ts';
import { addPublished } from '../../test/support/published-kernels.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import { needsTool } from '../../test/support/tools.ts';
import { BtfmillError } from '../../errors/index.ts';
import { sha256Of } from '../publish/layout.ts';
import { mirrorArchive } from '../publish/mirror.ts';
import { expectPublished, expectRecorded } from './expectations.ts';
import { lintDescription } from './lint-description.ts';
import { lintArchive, type LintOptions, type LintReport } from './lint-archive.ts';

const PATH = 'ubuntu/20.04/x86_64/5.4.0-92-generic.btf.tar.xz';
const MEMBER = '5.4.0-92-generic.btf';

function lint(archiveDir: string, more: Partial<LintOptions> = {}): Promise<LintReport> {
  const { signal } = new AbortController();
  return lintArchive({ archiveDir, deep: true, jobs: 2, signal, onFile: () => undefined, ...more });
}

function put(archiveDir: string, path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(join(archiveDir, path)), { recursive: true });
  writeFileSync(join(archiveDir, path), bytes);
}

const found = ({ findings }: LintReport): string[] => findings.map(({ kind, path }) => `${kind} ${path}`);

describe.skipIf(needsTool('xz'))('an archive that nobody vouches for', () => {
  it('is judged by itself; a sound one has nothing wrong', async () => {
    const dir = await tempDirForTest('lint');
    put(dir, PATH, await tarXz([{ name: MEMBER }]));
    symlinkSync('20.04', join(dir, 'ubuntu', 'focal'));
    put(dir, '.git/HEAD', Buffer.from('ref: x'));
    mkdirSync(join(dir, 'lost+found'));
    put(dir, 'ubuntu/20.04/x86_64/.5.4.0-93-generic.btf.tar.xz.77', Buffer.from('half'));
    expect(await lint(dir)).toMatchObject({ checked: 1, findings: [], unfinished: 1 });
  });

  it.each<[string, readonly TarMember[]]>([
    ['no-member', []],
    ['several-members', [{ name: MEMBER }, { name: 'other.btf' }]],
    ['member-type', [{ name: MEMBER, type: 'directory' }]],
    ['member-prefix', [{ name: `home/ubuntu/archive/${MEMBER}` }]],
    ['member-prefix', [{ name: `./${MEMBER}` }]],
    ['member-name', [{ name: '5.4.0-91-generic.btf' }]],
    ['member-mode', [{ name: MEMBER, mode: 0o644 }]],
    ['member-owner', [{ name: MEMBER, uid: 1000 }]],
    ['member-time', [{ name: MEMBER, mtime: new Date(1_600_000_000_000) }]],
    ['no-btf', [{ name: MEMBER, content: new Uint8Array(0) }]],
    ['broken-btf', [{ name: MEMBER, content: Buffer.from('ELF file') }]],
    ['broken-btf', [{ name: MEMBER, content: smallKernelBtf().subarray(0, 60) }]],
  ])('%s', async (kind, members) => {
    const dir = await tempDirForTest('lint');
    put(dir, PATH, await tarXz(members));
    expect(found(await lint(dir))).toEqual([`${kind} ${PATH}`]);
  });

  it.each<[string, Buffer]>([
    ['empty-file', Buffer.alloc(0)],
    ['not-xz', Buffer.from('<html>not found</html>')],
    ['broken-xz', xz(Buffer.alloc(5000)).subarray(0, 40)],
    ['broken-tar', xz(Buffer.from('x'.repeat(1024)))],
  ])('%s', async (kind, bytes) => {
    const dir = await tempDirForTest('lint');
    put(dir, PATH, bytes);
    expect(found(await lint(dir))).toEqual([`${kind} ${PATH}`]);
  });

  it('a file cut off in the middle', async () => {
    const dir = await tempDirForTest('lint');
    const whole = await tarXz([{ name: MEMBER }]);
    put(dir, PATH, whole.subarray(0, whole.length - 20));
    expect(found(await lint(dir))).toEqual([`broken-xz ${PATH}`]);
    expect(found(await lint(dir, { deep: false }))).toEqual([]);
  });

  it('names that are no UTF-8, and goes on', async () => {
    const dir = await tempDirForTest('lint');
    put(dir, PATH, await tarXz([{ name: MEMBER }]));
    const latin1 = Buffer.from('\u00E9', 'latin1');
    const folder = Buffer.concat([Buffer.from(`${dir}/d`), latin1]);
    const file = Buffer.concat([Buffer.from(`${dir}/${dirname(PATH)}/`), latin1]);
    mkdirSync(folder);
    writeFileSync(file, 'x');
    onTestFinished(() => {
      rmdirSync(folder);
      unlinkSync(file);
    });
    expect(found(await lint(dir))).toEqual([`bad-name d\uFFFD`, `bad-name ${dirname(PATH)}/\uFFFD`]);
  });

  it('what does not belong in an archive', async () => {
    const dir = await tempDirForTest('lint');
    put(dir, PATH, await tarXz([{ name: MEMBER }]));
    put(dir, '1/x86_64/4.14.1.amzn1.x86_64.btf.tar.xz', Buffer.from('x'));
    put(dir, 'notes.btf', Buffer.from('x'));
    put(dir, 'a/b/c/d/e.btf.tar.xz', Buffer.from('x'));
    mkdirSync(join(dir, 'debian/12/empty'), { recursive: true });
    mkdirSync(join(dir, `${dirname(PATH)}/k.btf.tar.xz`));
    put(dir, `${dirname(PATH)}/5.4.0-92-generic.hasbtf`, Buffer.alloc(0));
    expect(found(await lint(dir))).toEqual([
      'stray-file 1/x86_64/4.14.1.amzn1.x86_64.btf.tar.xz',
      'stray-folder a/b/c/d',
      'stray-folder debian/12/empty',
      `stray-file notes.btf`,
      `stray-file ${dirname(PATH)}/5.4.0-92-generic.hasbtf`,
      `stray-folder ${dirname(PATH)}/k.btf.tar.xz`,
    ]);
  });

  it('one kernel in two places, unless it is one file', async () => {
    const dir = await tempDirForTest('lint');
    const bytes = await tarXz([{ name: MEMBER }]);
    put(dir, PATH, bytes);
    const copy = PATH.replace('20.04', 'focal');
    put(dir, copy, bytes);
    expect(found(await lint(dir))).toEqual([`same-file ${copy}`]);
    rmSync(join(dir, copy));
    linkSync(join(dir, PATH), join(dir, copy));
    expect(found(await lint(dir))).toEqual([]);
  });

  it('a file that not everybody may read', async () => {
    const dir = await tempDirForTest('lint');
    put(dir, PATH, await tarXz([{ name: MEMBER }]));
    chmodSync(join(dir, PATH), 0o600);
    expect(found(await lint(dir))).toEqual([`file-mode ${PATH}`]);
  });

  it('says when there is no archive at all', async () => {
    const dir = await tempDirForTest('lint');
    await expect(lint(join(dir, 'none'))).rejects.toMatchObject({ code: 'io-failed' });
  });

  it('stops when xz is missing', async () => {
    const dir = await tempDirForTest('lint');
    put(dir, PATH, await tarXz([{ name: MEMBER }]));
    const path = process.env.PATH;
    process.env.PATH = dir;
    try {
      await expect(lint(dir)).rejects.toMatchObject({ code: 'tool-missing' });
    } finally {
      process.env.PATH = path;
    }
  });

  it('stops when it is told to', async () => {
    const dir = await tempDirForTest('lint');
    put(dir, PATH, await tarXz([{ name: MEMBER }]));
    const reason = new BtfmillError('aborted', 'stopped');
    await expect(lint(dir, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe('an archive with a record, or with an index', () => {
  const FIRST = 'debian/12/x86_64/6.1.0-1-amd64.btf.tar.xz';

  it.each(['record', 'index'] as const)('is compared with its %s', async (by) => {
    const archive = await makeArchive();
    archive.add('6.1.0-1-amd64');
    archive.add('6.1.0-2-amd64');
    await archive.publish();
    const check = async (): Promise<string[]> => {
      const expected =
        by === 'record' ? expectRecorded(archive.record) : await expectPublished(archive.archiveDir);
      const report = await lint(archive.archiveDir, { deep: false, ...(expected && { expected }) });
      return found(report).filter((line) => !line.startsWith('not-xz'));
    };
    expect(await check()).toEqual([]);
    const bytes = archive.read(FIRST);
    bytes[0] ^= 1;
    put(archive.archiveDir, FIRST, bytes);
    expect(await check()).toEqual([`digest-differs ${FIRST}`]);
    put(archive.archiveDir, FIRST, bytes.subarray(1));
    expect(await check()).toEqual([`size-differs ${FIRST}`]);
    rmSync(join(archive.archiveDir, FIRST));
    expect(await check()).toEqual([`missing ${FIRST}`]);
    const stray = FIRST.replace('-1-', '-3-');
    put(archive.archiveDir, stray, bytes);
    expect(await check()).toEqual([`missing ${FIRST}`, `unknown ${stray}`]);
  });

  it('forgives the file of a withdrawn kernel', async () => {
    const archive = await makeArchive();
    archive.add('6.1.0-1-amd64');
    await archive.publish();
    const key = { distro: 'debian', release: '12', arch: 'x86_64', kernel: '6.1.0-1-amd64' };
    archive.record.kernels.withdraw(key, 'wrong', '2026-11-21T00:00:00.000Z');
    await archive.publish();
    for (const expected of [expectRecorded(archive.record), await expectPublished(archive.archiveDir)]) {
      const report = await lint(archive.archiveDir, { deep: false, ...(expected && { expected }) });
      expect(found(report)).toEqual([`not-xz ${FIRST}`]);
    }
  });

  it.skipIf(needsTool('xz'))('finds a file that never held what the record says', async () => {
    const archive = await makeArchive();
    const path = archive.add('6.1.0-1-amd64');
    const bytes = await tarXz([{ name: '6.1.0-1-amd64.btf' }]);
    put(archive.archiveDir, path, bytes);
    const row = archive.record.kernels.find({
      distro: 'debian',
      release: '12',
      arch: 'x86_64',
      kernel: '6.1.0-1-amd64',
    });
    archive.record.kernels.markPublished(
      row?.id ?? 0,
      { path, tarSha256: sha256Of(bytes), tarSizeBytes: bytes.length, typeCount: 3, typesByKind: {} },
      '2026-11-21T00:00:00.000Z',
    );
    const report = await lint(archive.archiveDir, { expected: expectRecorded(archive.record) });
    expect(found(report)).toEqual([`btf-differs ${path}`]);
  });

  it('an index that is damaged is said to be', async () => {
    const archive = await makeArchive();
    archive.add('6.1.0-1-amd64');
    await archive.publish();
    put(archive.archiveDir, 'index/debian/12/x86_64.jsonl', Buffer.from('{}\n'));
    await expect(expectPublished(archive.archiveDir)).rejects.toMatchObject({ code: 'archive-digest' });
  });
});

describe('what an archive was published with', () => {
  /** Without what is wrong with the kernels' files of these archives, and the folders that a loss leaves empty. */
  const found = ({ findings }: LintReport): string[] =>
    findings
      .filter(({ kind }) => kind !== 'not-xz' && kind !== 'stray-folder')
      .map(({ kind, path }) => `${kind} ${path}`);
  const publishedOnce = async (): Promise<PublishedArchive> => {
    const archive = await makeArchive();
    archive.add('6.1.0-1-amd64');
    await archive.publish();
    return archive;
  };
  const check = async ({ archiveDir, record }: PublishedArchive): Promise<string[]> =>
    found(await lint(archiveDir, { deep: false, expected: expectRecorded(record) }));

  it.each([
    ['SHA256SUMS', 'digest-differs'],
    ['archive.sqlite', 'digest-differs'],
    ['compat/datadog-catalog.json', 'digest-differs'],
    ['changes/1.txt', 'digest-differs'],
    ['timestamp.json.minisig', 'bad-signature'],
    ['index/debian/12/x86_64.jsonl', 'broken-index'],
  ])('%s: damage is found, and loss', async (name, kind) => {
    const archive = await publishedOnce();
    expect(await check(archive)).toEqual([]);
    put(archive.archiveDir, name, Buffer.from('damaged'));
    expect(await check(archive)).toEqual([`${kind} ${name}`]);
    rmSync(join(archive.archiveDir, name));
    const [finding] = await check(archive);
    expect(finding).toBe(kind === 'broken-index' ? `${kind} ${name}` : `missing ${name}`);
  });

  it('a manifest that is damaged, and a timestamp that is lost', async () => {
    const archive = await publishedOnce();
    put(archive.archiveDir, 'manifest-1.json', Buffer.from('{}'));
    expect(await check(archive)).toEqual(['broken-index timestamp.json']);
    const other = await publishedOnce();
    other.add('6.1.0-2-amd64');
    await other.publish();
    rmSync(join(other.archiveDir, 'timestamp.json'));
    expect(await check(other)).toEqual(['missing timestamp.json']);
  });

  it('is looked at again when it is published meanwhile', async () => {
    const archive = await publishedOnce();
    archive.add('6.1.0-2-amd64');
    const [report] = await Promise.all([lintDescription(archive.archiveDir), archive.publish()]);
    expect(report).toEqual([]);
  });

  it.each([
    ['some planes', { isWanted: ({ arch }: { arch: string }) => arch === 'arm64' }],
    ['what is new', { since: 2 }],
  ])('is not asked of a copy of a part: %s', async (_, choice) => {
    const archive = await publishedOnce();
    addPublished(archive.record, archive.archiveDir, { kernel: '6.1.0-2-arm64', arch: 'arm64' });
    await archive.publish();
    const server = await startFileServer(archive.archiveDir);
    onTestFinished(() => server.close());
    const http = createHttpClient();
    onTestFinished(() => http.close());
    const dir = await tempDirForTest('lint');
    await mirrorArchive({
      source: { base: server.url, http, signal: new AbortController().signal },
      dir,
      publicKey: archive.key.publicKey,
      allowExpired: false,
      recheck: false,
      jobs: 1,
      now: () => NOW,
      onProgress: () => undefined,
      ...choice,
    });
    const part = async (): Promise<string[]> => {
      const expected = await expectPublished(dir);
      return found(await lint(dir, { deep: false, ...(expected && { expected }) }));
    };
    expect(await part()).toEqual([]);
    if ('since' in choice) {
      // One that an earlier copy has brought is not to be missed, but to be sound.
      const older = 'debian/12/x86_64/6.1.0-1-amd64.btf.tar.xz';
      put(dir, older, archive.read(older));
      expect(await part()).toEqual([]);
      put(dir, older, Buffer.from('damaged'));
      expect(await part()).toEqual([`size-differs ${older}`]);
      rmSync(join(dir, older));
    }
    const path = 'debian/12/arm64/6.1.0-2-arm64.btf.tar.xz';
    rmSync(join(dir, path));
    expect(await part()).toEqual([`missing ${path}`]);
  });
});
