import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pack } from 'tar-stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { BtfBuilder } from '../btf/index.ts';
import { tempDirForTest } from '../test/support/temp.ts';
import { needsTool } from '../test/support/tools.ts';
import { packBtfTar } from './btf-tar.ts';
import { type ArchiveLocation, readArchiveFile, storeBtf } from './store.ts';

const key = { distro: 'debian', release: '12', arch: 'x86_64', kernel: '6.1.0-50-cloud-amd64' };
const PATH = 'debian/12/x86_64/6.1.0-50-cloud-amd64.btf.tar.xz';
const MEMBER = '6.1.0-50-cloud-amd64.btf';

function kernelBtf(o: { taskBytes?: number; typedef?: string; littleEndian?: boolean } = {}): Uint8Array {
  const b = new BtfBuilder({ littleEndian: o.littleEndian ?? true });
  b.addInt('int', 4, 1);
  b.addStruct('task_struct', o.taskBytes ?? 9472, [{ name: 'pid', type: 1, bitOffset: 0 }]);
  b.addTypedef(o.typedef ?? 'pid_t', 1);
  return b.build();
}

async function archive(): Promise<ArchiveLocation> {
  return { archiveDir: await tempDirForTest('store'), key, signal: new AbortController().signal };
}

function filesIn(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => statSync(join(folder, name)).isFile());
}

function xz(bytes: Uint8Array): Buffer {
  return execFileSync('xz', ['-c', '--check=crc64'], { input: bytes });
}

/** Puts bytes under the kernel's final name. */
function plant({ archiveDir }: ArchiveLocation, bytes: Uint8Array): void {
  mkdirSync(dirname(join(archiveDir, PATH)), { recursive: true });
  writeFileSync(join(archiveDir, PATH), bytes);
}

/** Reads an archive whose file has these bytes. */
async function damage(bytes: Uint8Array): Promise<unknown> {
  const place = await archive();
  plant(place, bytes);
  return readArchiveFile(place);
}

async function tarOf(
  members: readonly { name: string; mode?: number; content?: Uint8Array }[],
): Promise<Buffer> {
  const tar = pack();
  for (const { name, mode = 0o444, content = kernelBtf() } of members) {
    const owner = { uid: 0, gid: 0, uname: 'root', gname: 'root', mtime: new Date(0) };
    tar.entry({ name, mode, ...owner }, Buffer.from(content));
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe.skipIf(needsTool('xz', 'tar'))('storeBtf', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test('writes one file that says what it is', async () => {
    const place = await archive();
    const facts = await storeBtf({ ...place, btf: kernelBtf() });
    expect(facts).toMatchObject({
      path: PATH,
      btfSizeBytes: kernelBtf().length,
      typeCount: 3,
      typesByKind: { INT: 1, STRUCT: 1, TYPEDEF: 1 },
    });
    expect(filesIn(place.archiveDir)).toEqual([PATH]);
    const path = join(place.archiveDir, PATH);
    expect(statSync(path)).toMatchObject({ size: facts.tarSizeBytes, mode: 0o100644 });
    const sums = execFileSync('sha256sum', [path], { encoding: 'utf8' });
    expect(sums.slice(0, 64)).toBe(facts.tarSha256);
  });

  test('the file is what the layout promises, by other programs', async () => {
    const place = await archive();
    await storeBtf({ ...place, btf: kernelBtf() });
    const path = join(place.archiveDir, PATH);
    const listing = execFileSync('tar', ['-tvf', path, '--full-time', '--utc'], { encoding: 'utf8' });
    expect(listing.trim().split(/\s+/u)).toEqual([
      '-r--r--r--',
      'root/root',
      String(kernelBtf().length),
      '1970-01-01',
      '00:00:00',
      MEMBER,
    ]);
    expect(execFileSync('tar', ['-xOf', path, MEMBER])).toEqual(Buffer.from(kernelBtf()));
    const robot = execFileSync('xz', ['--robot', '-l', path], { encoding: 'utf8' });
    expect(robot).toContain('CRC64');
  });

  test('the same BTF gives the same bytes, whatever the umask and XZ_OPT', async () => {
    const [one, two] = [await archive(), await archive()];
    await storeBtf({ ...one, btf: kernelBtf() });
    vi.stubEnv('XZ_OPT', '-0 --check=sha256');
    vi.stubEnv('XZ_DEFAULTS', '-T2');
    const before = process.umask(0o077);
    try {
      await storeBtf({ ...two, btf: kernelBtf() });
    } finally {
      process.umask(before);
    }
    expect(readFileSync(join(one.archiveDir, PATH))).toEqual(readFileSync(join(two.archiveDir, PATH)));
    expect(statSync(join(two.archiveDir, PATH)).mode & 0o777).toBe(0o644);
  });

  test('keeps the byte order it was given', async () => {
    const place = await archive();
    const btf = kernelBtf({ littleEndian: false });
    await storeBtf({ ...place, btf });
    expect(Buffer.from((await readArchiveFile(place)).btf)).toEqual(Buffer.from(btf));
  });

  test('replaces what lies under the name', async () => {
    const place = await archive();
    plant(place, Buffer.from('damaged'));
    await storeBtf({ ...place, btf: kernelBtf() });
    expect((await readArchiveFile(place)).typeCount).toBe(3);
  });

  test.each([
    ['no BTF at all', Buffer.from('hello'), /btf header/u],
    ['cut BTF', kernelBtf().subarray(0, 60), /btf header/u],
    [
      'BTF that breaks the rules',
      kernelBtf({ typedef: 'pid t' }),
      /TYPEDEF pid t: has a name that is no identifier/u,
    ],
    ['BTF of something else', kernelBtf({ taskBytes: 16 }), /struct task_struct of 16 bytes/u],
  ])('refuses %s and leaves nothing', async (_, btf, message) => {
    const place = await archive();
    await expect(storeBtf({ ...place, btf })).rejects.toMatchObject({
      code: 'btf-invalid',
      message: expect.stringMatching(message),
    });
    expect(filesIn(place.archiveDir)).toEqual([]);
  });

  test('a failure leaves the file of before', async () => {
    const place = await archive();
    const { tarSha256 } = await storeBtf({ ...place, btf: kernelBtf() });
    await expect(storeBtf({ ...place, btf: Buffer.from('hello') })).rejects.toMatchObject({
      code: 'btf-invalid',
    });
    expect((await readArchiveFile(place)).tarSha256).toBe(tarSha256);
  });

  test.each([{ kernel: '../../escape' }, { release: '..' }, { arch: '' }, { distro: '/etc' }])(
    'refuses a path made of %j',
    async (part) => {
      const place = await archive();
      await expect(storeBtf({ ...place, key: { ...key, ...part }, btf: kernelBtf() })).rejects.toMatchObject({
        code: 'index-unsafe-path',
      });
    },
  );

  test('an abort leaves nothing', async () => {
    const place = { ...(await archive()), signal: AbortSignal.abort() };
    await expect(storeBtf({ ...place, btf: kernelBtf() })).rejects.toThrow();
    expect(filesIn(place.archiveDir)).toEqual([]);
  });

  test('without xz it is tool-missing', async () => {
    const place = await archive();
    vi.stubEnv('PATH', '/nowhere');
    await expect(storeBtf({ ...place, btf: kernelBtf() })).rejects.toMatchObject({ code: 'tool-missing' });
  });
});

describe.skipIf(needsTool('xz'))('readArchiveFile', () => {
  test('gives what was stored', async () => {
    const place = await archive();
    const facts = await storeBtf({ ...place, btf: kernelBtf() });
    const { btf, ...read } = await readArchiveFile(place);
    expect(read).toEqual(facts);
    expect(Buffer.from(btf)).toEqual(Buffer.from(kernelBtf()));
  });

  test('every cut and every flipped bit is noticed', async () => {
    const place = await archive();
    await storeBtf({ ...place, btf: kernelBtf() });
    const whole = readFileSync(join(place.archiveDir, PATH));
    for (let end = 0; end < whole.length; end += 41) {
      await expect(damage(whole.subarray(0, end)), `cut at ${end}`).rejects.toMatchObject({
        code: 'archive-damaged',
      });
    }
    for (let at = 0; at < whole.length; at += 23) {
      const flipped = Buffer.from(whole);
      flipped[at] ^= 4;
      await expect(damage(flipped), `flipped at ${at}`).rejects.toMatchObject({ code: 'archive-damaged' });
    }
  });

  test.each<[string, () => Promise<Uint8Array>, RegExp]>([
    ['no xz', async () => Buffer.from('hello'), /x86_64\/6\.1\.0-50-cloud-amd64\.btf\.tar\.xz: xz: /u],
    [
      'bytes behind the xz stream',
      async () => Buffer.concat([xz(await packBtfTar(MEMBER, kernelBtf())), Buffer.from('x')]),
      /xz/u,
    ],
    ['no tar', async () => xz(Buffer.alloc(2000, 'x')), /its tar is broken/u],
    ['nothing in it', async () => xz(new Uint8Array(1024)), /its tar is empty/u],
    ['a cut tar', async () => xz((await packBtfTar(MEMBER, kernelBtf())).subarray(0, 600)), /its tar/u],
    ['another member', async () => xz(await packBtfTar('other.btf', kernelBtf())), /holds "other\.btf"/u],
    ['a ./ before the name', async () => xz(await tarOf([{ name: `./${MEMBER}` }])), /holds "\.\/6/u],
    ['two members', async () => xz(await tarOf([{ name: MEMBER }, { name: 'x' }])), /second member, "x"/u],
    ['another mode', async () => xz(await tarOf([{ name: MEMBER, mode: 0o644 }])), /not laid out/u],
    [
      'bytes behind the tar',
      async () => xz(Buffer.concat([await packBtfTar(MEMBER, kernelBtf()), new Uint8Array(512)])),
      /not laid out/u,
    ],
    ['something else than BTF', async () => xz(await packBtfTar(MEMBER, Buffer.from('x'))), /btf header/u],
    [
      'the BTF of something else',
      async () => xz(await packBtfTar(MEMBER, kernelBtf({ taskBytes: 16 }))),
      /task_struct/u,
    ],
  ])('a file with %s is archive-damaged', async (_, make, message) => {
    await expect(damage(await make())).rejects.toMatchObject({
      code: 'archive-damaged',
      message: expect.stringMatching(message),
    });
  });

  test('a file that decompresses for ever is archive-damaged', async () => {
    const place = await archive();
    plant(place, xz(new Uint8Array(3_000_000)));
    await expect(readArchiveFile({ ...place, maxTarBytes: 1_000_000 })).rejects.toMatchObject({
      code: 'archive-damaged',
      message: expect.stringContaining('decompresses to more than 1000000 bytes'),
    });
  });

  test('a file that is not there is archive-damaged', async () => {
    await expect(readArchiveFile(await archive())).rejects.toMatchObject({
      code: 'archive-damaged',
      message: `${PATH}: is missing`,
    });
  });
});
