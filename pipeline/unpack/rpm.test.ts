import { link, mkdir, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { array, assert, asyncProperty, double, nat, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DIRECTORY, REGULAR, SYMLINK } from '../../test/builders/cpio-writer.ts';
import {
  headerBytes,
  type HeaderEntry,
  type RpmFileEntry,
  rpmFile,
  rpmLead,
  rpmPackage,
  type RpmSpec,
} from '../../test/builders/rpm-writer.ts';
import { programBytes } from '../../test/support/program-bytes.ts';
import { buildRpm } from '../../test/support/rpm-build.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import { needsTool } from '../../test/support/tools.ts';
import { BtfmillError } from '../../errors/index.ts';
import type { StepProgress, UnpackedVmlinux } from '../types.ts';
import { type UnpackOptions, unpackVmlinux } from './index.ts';

const KERNEL = '5.14.0-503.el9.x86_64';
const MODULES = `usr/lib/debug/lib/modules/${KERNEL}/vmlinux`;
const MERGED = `usr/lib/debug/usr/lib/modules/${KERNEL}/vmlinux`;
/** Longer than one of the writer's blocks. */
const IMAGE = Buffer.from(Uint8Array.from({ length: 5_000_001 }, (_, i) => (i * i) >> 7));
const SMALL = Buffer.from('\x7fELF, as far as this step knows');
const GHOST = 64;

interface Unpacking {
  readonly folder: string;
  readonly work: string;
  readonly run: (options?: Partial<UnpackOptions>) => Promise<UnpackedVmlinux>;
}

async function prepare(bytes: Uint8Array): Promise<Unpacking> {
  const folder = await tempDirForTest('unpack-rpm');
  const path = join(folder, 'x.rpm');
  const work = join(folder, 'work');
  await writeFile(path, bytes);
  return {
    folder,
    work,
    run: (options = {}) => {
      const signal = new AbortController().signal;
      return unpackVmlinux(path, { format: 'rpm', kernel: KERNEL, workDir: work, signal, ...options });
    },
  };
}

async function unpack(spec: RpmSpec): Promise<{ memberPath: string; content: Buffer }> {
  const { run } = await prepare(await rpmPackage(spec));
  const { memberPath, path } = await run();
  return { memberPath, content: await readFile(path) };
}

/** Expects the named error, and nothing left behind. */
async function expectFailure(bytes: Uint8Array, code: string, message: RegExp | string = ''): Promise<void> {
  const { run, work } = await prepare(bytes);
  await expect(run()).rejects.toMatchObject({
    name: 'BtfmillError',
    code,
    message: expect.stringMatching(message),
  });
  expect(await readdir(work)).toEqual([]);
}

const VMLINUX: RpmFileEntry = { name: `./${MODULES}`, data: SMALL };

describe.skipIf(needsTool('rpmbuild', 'rpm2cpio', 'cpio', 'xz', 'zstd', 'bzip2'))(
  'packages made by rpmbuild',
  () => {
    it.each(['w9.gzdio', 'w9.bzdio', 'w6.xzdio', 'w3T.xzdio', 'w6.lzdio', 'w19.zstdio', 'w.ufdio'])(
      '%s: what rpm2cpio and cpio find',
      async (payload) => {
        const folder = await tempDirForTest('rpmbuild');
        const tree = join(folder, 'tree');
        await mkdir(dirname(join(tree, MODULES)), { recursive: true });
        await writeFile(join(tree, 'a'), SMALL);
        await writeFile(join(tree, MODULES), IMAGE);
        await link(join(tree, MODULES), join(tree, `${MODULES}.again`));
        await symlink('vmlinux', join(tree, `${MODULES}-link`));
        const rpm = await buildRpm(folder, {
          name: 'kernel-debuginfo',
          version: '5.14.0',
          release: '503.el9',
          epoch: 1,
          arch: 'x86_64',
          tree,
          files: ['/a', '/usr/lib/debug/lib/*'],
          payload,
        });
        const calls: [number, number | undefined][] = [];
        const unpacked = await unpackVmlinux(rpm, {
          format: 'rpm',
          kernel: KERNEL,
          workDir: folder,
          threads: 2,
          signal: new AbortController().signal,
          onProgress: (done, total) => calls.push([done, total]),
        });
        expect(unpacked).toEqual({
          path: join(folder, `vmlinux-${KERNEL}`),
          sizeBytes: IMAGE.length,
          memberPath: MODULES,
          kernel: KERNEL,
        });
        expect(calls.at(-1)).toEqual([IMAGE.length, IMAGE.length]);

        const cpio = await programBytes('rpm2cpio', [rpm]);
        const extracted = join(folder, 'extracted');
        await mkdir(extracted);
        await execa('cpio', ['--extract', '--make-directories', '--quiet'], { input: cpio, cwd: extracted });
        expect((await readFile(unpacked.path)).equals(await readFile(join(extracted, MODULES)))).toBe(true);
      },
    );
  },
);

describe.skipIf(needsTool('cpio'))('payloads made by cpio', () => {
  it.each(['newc', 'crc'])('%s, with hard links', async (form) => {
    const folder = await tempDirForTest('cpio');
    await mkdir(dirname(join(folder, MODULES)), { recursive: true });
    await writeFile(join(folder, 'a'), 'a');
    await writeFile(join(folder, MODULES), IMAGE);
    await link(join(folder, MODULES), join(folder, 'z'));
    await symlink('a', join(folder, 'l'));
    await writeFile(join(folder, 'empty'), '');
    await link(join(folder, 'empty'), join(folder, 'empty2'));
    const input = ['.', './a', './empty', './l', './empty2', `./${MODULES}`, './z'].join('\n');
    const flags = ['--create', '--quiet', `--format=${form}`];
    const made = await programBytes('cpio', flags, { input, cwd: folder });
    const { content, memberPath } = await unpack({ files: [], damageCpio: () => made });
    expect(memberPath).toBe(MODULES);
    expect(content.equals(IMAGE)).toBe(true);
  });
});

describe('where the image is', () => {
  const others: readonly RpmFileEntry[] = [
    { name: './usr', mode: DIRECTORY, listedSizeBytes: 4096 },
    { name: `./${MODULES}.old`, data: Buffer.from('other') },
    { name: './usr/share/link', mode: SYMLINK, data: Buffer.from('../../../../../etc/passwd') },
    { name: './var/log/x', flags: GHOST, isAbsent: true, listedSizeBytes: 77 },
  ];

  describe.each(['newc', 'crc', 'stripped'] as const)('%s', (form) => {
    it.each([MODULES, MERGED])('%s', async (path) => {
      const files = [...others, { name: `./${path}`, data: SMALL }, { name: './z', data: SMALL }];
      expect(await unpack({ form, files })).toEqual({ memberPath: path, content: SMALL });
    });

    it('passes by a symbolic link that has its name and takes the regular file', async () => {
      const files = [{ name: `./${MERGED}`, mode: SYMLINK, data: SMALL }, ...others, VMLINUX];
      expect((await unpack({ form, files })).memberPath).toBe(MODULES);
    });

    // Content comes with the last link of a set; whichever name is the wanted one stands for it.
    it.each([0, 1, 2])('one of three hard links, number %i', async (place) => {
      const links: RpmFileEntry[] = [0, 1, 2].map((i) => ({
        name: i === place ? `./${MODULES}` : `./link${i}`,
        inode: 7,
        linkCount: 3,
        listedSizeBytes: SMALL.length,
        data: i === 2 ? SMALL : new Uint8Array(0),
      }));
      const files = [links[0], { name: './between', data: IMAGE }, links[1], links[2], ...others];
      expect(await unpack({ form, files })).toEqual({ memberPath: MODULES, content: SMALL });
    });

    it('an empty file that has two names', async () => {
      const empty = { inode: 7, linkCount: 2 };
      const files = [{ name: './e1', ...empty }, { name: './e2', ...empty }, VMLINUX];
      expect((await unpack({ form, files })).content).toEqual(SMALL);
    });
  });

  it('hard links whose content never comes are not the image', async () => {
    const lone = { name: `./${MODULES}`, linkCount: 2, inode: 7 };
    await expectFailure(
      await rpmPackage({ files: [lone] }),
      'package-no-vmlinux',
      /vmlinux \(hard link without content, not a regular file\)/u,
    );
    const listed = { ...VMLINUX, inode: 7, isAbsent: true };
    const files = [{ name: './first', inode: 7 }, listed];
    await expectFailure(await rpmPackage({ files, form: 'stripped' }), 'package-no-vmlinux');
  });

  it('a package of version 6', async () => {
    const { content } = await unpack({ files: [...others, VMLINUX], version: 6, compression: 'zst' });
    expect(content).toEqual(SMALL);
  });

  it('a package of before the compressor’s tag', async () => {
    const changeMain = (entries: readonly HeaderEntry[]) =>
      entries.filter(({ tag }) => tag !== 1125 && tag !== 1124);
    expect((await unpack({ files: [VMLINUX], compression: 'gz', changeMain })).content).toEqual(SMALL);
  });

  it('zeros behind the trailer', async () => {
    const damageCpio = (cpio: Uint8Array) => Buffer.concat([cpio, Buffer.alloc(1000)]);
    expect((await unpack({ files: [VMLINUX], damageCpio })).content).toEqual(SMALL);
  });
});

describe.skipIf(needsTool('xz', 'bzip2', 'zstd'))('every compression', () => {
  const files = [
    { name: './a', data: Buffer.alloc(700_000, 'a') },
    { name: `./${MODULES}`, data: IMAGE },
    { name: './z', data: Buffer.alloc(700_000, 'z') },
  ];

  it.each(['none', 'gz', 'xz', 'zst', 'bz2', 'lzma'] as const)(
    '%s: whole, cut and flipped',
    async (compression) => {
      const bytes = Buffer.from(await rpmPackage({ files, compression }));
      const good = await prepare(bytes);
      const { path } = await good.run();
      expect((await readFile(path)).equals(IMAGE)).toBe(true);

      for (const length of [0, 3, 95, 96, 100, 200, 600, bytes.length >> 1, bytes.length - 100]) {
        await expectFailure(bytes.subarray(0, length), 'package-malformed');
      }
      if (compression === 'none' || compression === 'lzma') return; // nothing to check content with but the digest
      const flipped = Buffer.from(bytes);
      flipped[bytes.length - 1000] ^= 0x08;
      await expectFailure(flipped, 'package-malformed');
    },
  );
});

describe('packages that are not what they claim', () => {
  const main: readonly HeaderEntry[] = [{ tag: 1124, type: 'STRING', value: 'cpio' }];
  const signature = headerBytes([], 62);
  const payload = Buffer.from('070701');

  function parts(change: Partial<Parameters<typeof rpmFile>[0]>): Uint8Array {
    return rpmFile({ signature, main: headerBytes(main, 63), payload, ...change });
  }

  it.each<[string, Uint8Array, RegExp]>([
    ['no lead', parts({ lead: new Uint8Array(96) }), /^rpm lead\+0x0: not an rpm/u],
    ['half a lead', rpmLead(3).subarray(0, 50), /^rpm lead\+0x32: the file ends here$/u],
    ['no signature header', rpmLead(3), /^rpm signature header\+0x0: begins with 0 of 16 bytes$/u],
    [
      'a wrong magic',
      parts({ signature: headerBytes([], 62, { magic: [0x8e, 0xad, 0xe8, 2, 0, 0, 0, 0] }) }),
      /^rpm signature header\+0x0: does not begin with its magic$/u,
    ],
    [
      'no entries',
      parts({ signature: headerBytes([], 62, { entryCount: 0 }) }),
      /^rpm signature header\+0x8: 0 entries, of 1 to 32$/u,
    ],
    [
      'too many entries',
      parts({ signature: headerBytes([], 62, { entryCount: 33 }) }),
      /\+0x8: 33 entries, of 1 to 32$/u,
    ],
    [
      'too much data',
      parts({ signature: headerBytes([], 62, { dataBytes: 0x4000001 }) }),
      /\+0xc: 67108865 bytes of data, of at most 67108864$/u,
    ],
    [
      'more entries in the main header than rpm takes',
      parts({ main: headerBytes(main, 63, { entryCount: 0x10000 }) }),
      /^rpm main header\+0x8: 65536 entries, of 1 to 65535$/u,
    ],
    [
      'more data in the main header than rpm takes',
      parts({ main: headerBytes(main, 63, { dataBytes: 0x10000000 }) }),
      /^rpm main header\+0xc: 268435456 bytes of data/u,
    ],
    [
      'more data than there is file',
      parts({ main: headerBytes(main, 63, { dataBytes: 1000 }) }),
      /^rpm main header\+0x[0-9a-f]+: the file ends here, before the header's 1048 bytes do$/u,
    ],
    [
      'a delta',
      withMain({ tag: 1124, type: 'STRING', value: 'drpm' }),
      /^rpm payload: a delta to another package/u,
    ],
    [
      'a format of another time',
      withMain({ tag: 1124, type: 'STRING', value: 'ustar' }),
      /^rpm payload: unknown format "ustar"$/u,
    ],
    [
      'a compressor of another time',
      withMain({ tag: 1125, type: 'STRING', value: 'lzip' }),
      /^rpm payload: unknown compressor "lzip"$/u,
    ],
    [
      'a compressor that it has not',
      withMain({ tag: 1125, type: 'STRING', value: 'xz' }),
      /^rpm payload\+0x0: the header says xz, the content is none$/u,
    ],
    [
      'no payload',
      parts({ payload: new Uint8Array(0) }),
      /^rpm payload\+0x0: no compressor is named, the content is neither/u,
    ],
    ['half a member', parts({}), /^rpm payload\+0x0: a member header ends after 6 of 14 bytes$/u],
    [
      'an unknown type',
      withMain({ tag: 1125, type: 'STRING', value: 'xz', rawType: 10 }),
      /^rpm main header\+0x20: tag 1125: unknown type 10$/u,
    ],
    ['no type', withMain({ tag: 1125, type: 'STRING', value: 'xz', rawType: 0 }), /unknown type 0$/u],
    [
      'a type that the tag has not',
      withMain({ tag: 1125, type: 'BIN', value: payload }),
      /tag 1125: type 7, not 6$/u,
    ],
    ['no values', withMain({ tag: 1125, type: 'STRING', value: 'xz', rawCount: 0 }), /tag 1125: no values$/u],
    [
      'two values of a text',
      withMain({ tag: 1125, type: 'STRING', value: ['xz', 'xz'] }),
      /tag 1125: a text with 2 values$/u,
    ],
    [
      'an offset beyond the data',
      withMain({ tag: 1125, type: 'STRING', value: 'xz', rawOffset: 1000 }),
      /tag 1125: 1 values of type 6 at 1000 reach beyond/u,
    ],
    [
      'more values than data',
      withMain({ tag: 5, type: 'INT32', value: [1], rawCount: 0x40000001 }),
      /tag 5: 1073741825 values of type 4 at \d+ reach beyond/u,
    ],
    [
      'values that are not aligned',
      withMain({ tag: 5, type: 'INT32', value: [1], rawOffset: 1 }),
      /tag 5: values of 4 bytes at 1$/u,
    ],
    [
      'a text without its end',
      withMain({ tag: 1125, type: 'STRING', value: 'xz', rawOffset: 18 }),
      /tag 1125: a text without its end$/u,
    ],
    [
      'two entries of one tag',
      withMain({ tag: 1124, type: 'STRING', value: 'cpio' }, ...main),
      /tag 1124: a second entry of this tag$/u,
    ],
  ])('%s', async (_, bytes, message) => {
    await expectFailure(bytes, 'package-malformed', message);
  });

  function withMain(...entries: readonly HeaderEntry[]): Uint8Array {
    // The region's trailer, the last 16 bytes of the data, has a text's end; that is not wanted in one case.
    const bytes = headerBytes(entries, 63);
    bytes.fill(1, bytes.length - 1);
    return parts({ main: bytes });
  }

  it('shrinks while it is read', async () => {
    const { run, folder } = await prepare(
      await rpmPackage({ files: [{ name: `./${MODULES}`, data: IMAGE }] }),
    );
    const result = expect(run()).rejects.toMatchObject({ code: 'package-malformed' });
    await truncate(join(folder, 'x.rpm'), 100);
    await result;
  });
});

describe('members that break the format', () => {
  it.each<[string, Partial<RpmFileEntry>, RegExp]>([
    ['another magic', { rawMagic: '070707' }, /^rpm payload\+0x0: "070707" begins no cpio member/u],
    ['a magic that is none', { rawMagic: 'toStri' }, /no compressor is named, the content is neither/u],
    ['an inode', { rawFields: { 0: '-0000001' } }, /^rpm payload\+0x6: a number that is none: "-0000001"$/u],
    ['a mode', { rawFields: { 1: '0000000 ' } }, /^rpm payload\+0xe: a mode that is none/u],
    [
      'a number of links',
      { rawFields: { 4: '0x000001' } },
      /^rpm payload\+0x26: a number of links that is none/u,
    ],
    ['a size', { rawFields: { 6: '0000000g' } }, /^rpm payload\+0x36: a size that is none/u],
    ['a device', { rawFields: { 7: '+0000000' } }, /\+0x3e: a device that is none/u],
    ['a minor device', { rawFields: { 8: '........' } }, /\+0x46: a device that is none/u],
    [
      'a length of the name',
      { rawFields: { 11: '\0'.repeat(8) } },
      /\+0x5e: the length of a name that is none/u,
    ],
    ['no name', { rawFields: { 11: '00000001' } }, /\+0x5e: a name of 1 bytes, its NUL included$/u],
    ['a name of 4097 bytes', { rawFields: { 11: '00001001' } }, /a name of 4097 bytes/u],
    [
      'a name without its NUL',
      { rawName: Buffer.from('./x') },
      /^rpm payload\+0x6e: a name that does not end where it says$/u,
    ],
    ['a name with two', { rawName: Buffer.from('./x\0y\0') }, /a name that does not end/u],
    ['a checksum', { rawFields: { 12: 'checksum' } }, /\+0x66: a checksum that is none/u],
    [
      'a wrong checksum',
      { rawFields: { 12: '00000001' } },
      /^rpm payload: "\.\/x" has the checksum \d+, its header says 1$/u,
    ],
    [
      'more content than there is',
      { rawFields: { 6: '00ffffff' } },
      /^rpm payload\+0x74: "\.\/x" ends after \d+ of 16777215 bytes$/u,
    ],
  ])('%s', async (_, raw, message) => {
    const file = { name: './x', data: SMALL, ...raw };
    await expectFailure(
      await rpmPackage({ form: 'crc', files: [file, VMLINUX] }),
      'package-malformed',
      message,
    );
  });

  it('a magic that is none, of the second member', async () => {
    const files = [
      { name: './x', data: SMALL },
      { ...VMLINUX, rawMagic: 'toStri' },
    ];
    await expectFailure(
      await rpmPackage({ files }),
      'package-malformed',
      /^rpm payload\+0x94: "toStri" begins no cpio member that rpm writes$/u,
    );
  });

  it('a wrong checksum of the image itself', async () => {
    const file = { ...VMLINUX, rawFields: { 12: '00000001' } };
    await expectFailure(await rpmPackage({ form: 'crc', files: [file] }), 'package-malformed', /checksum/u);
  });

  it.each([
    [
      'more behind the trailer',
      (cpio: Uint8Array) => Buffer.concat([cpio, SMALL]),
      /there is more behind the trailer$/u,
    ],
    [
      'no trailer',
      (cpio: Uint8Array) => cpio.subarray(0, -124),
      /a member header ends after 0 of 14 bytes$/u,
    ],
  ])('%s', async (_, damageCpio, message) => {
    await expectFailure(await rpmPackage({ files: [VMLINUX], damageCpio }), 'package-malformed', message);
  });

  describe('stripped ones', () => {
    const files = [{ name: './x', data: SMALL }, VMLINUX];

    it('a file that the header has not', async () => {
      const bytes = await rpmPackage({
        form: 'stripped',
        files: [{ name: './x', rawFields: { 0: '00000002' } }, VMLINUX],
      });
      await expectFailure(
        bytes,
        'package-malformed',
        /^rpm main header: has 2 files, the payload names number 2$/u,
      );
    });

    it('a file that comes twice', async () => {
      const bytes = await rpmPackage({
        form: 'stripped',
        files: [files[0], { ...files[0], rawFields: { 0: '00000000' } }, VMLINUX],
      });
      await expectFailure(bytes, 'package-malformed', /^rpm payload: file 0 comes twice$/u);
    });

    it.each([
      [1030, 'FILEMODES'],
      [1037, 'FILEFLAGS'],
      [1095, 'FILEDEVICES'],
      [1096, 'FILEINODES'],
      [1116, 'DIRINDEXES'],
      [1117, 'BASENAMES'],
      [1118, 'DIRNAMES'],
      [5008, 'FILESIZES'],
    ])('without %i (%s)', async (tag, name) => {
      const changeMain = (entries: readonly HeaderEntry[]) => entries.filter((entry) => entry.tag !== tag);
      await expectFailure(
        await rpmPackage({ form: 'stripped', files, changeMain }),
        'package-malformed',
        `^rpm main header: no ${name}, which a stripped payload needs$`,
      );
    });

    it.each([
      [1030, 'FILEMODES'],
      [1116, 'DIRINDEXES'],
      [5008, 'LONGFILESIZES'],
    ])('one value of %i (%s) for two files', async (tag, name) => {
      const changeMain = (entries: readonly HeaderEntry[]) =>
        entries.map((entry) => (entry.tag === tag ? { ...entry, value: [REGULAR] } : entry));
      await expectFailure(
        await rpmPackage({ form: 'stripped', files, changeMain }),
        'package-malformed',
        `^rpm main header: 1 ${name} for 2 files$`,
      );
    });

    it('a folder that the header has not', async () => {
      const changeMain = (entries: readonly HeaderEntry[]) =>
        entries.map((entry) => (entry.tag === 1116 ? { ...entry, value: [0, 2] } : entry));
      await expectFailure(
        await rpmPackage({ form: 'stripped', files, changeMain }),
        'package-malformed',
        /^rpm main header: file 1 lies in folder 2 of 2$/u,
      );
    });

    it('a name that is longer than any path', async () => {
      const folder = `/${'d'.repeat(10_000_000)}/`;
      const changeMain = (entries: readonly HeaderEntry[]) =>
        entries.map((entry) => (entry.tag === 1118 ? { ...entry, value: [folder] } : entry));
      const flat = [{ name: './x/a' }, { name: './x/b' }];
      await expectFailure(
        await rpmPackage({ form: 'stripped', files: flat, changeMain }),
        'package-malformed',
        /^rpm main header: file 0 has a name of 10000005 bytes$/u,
      );
    });

    it('a size beyond what a number holds', async () => {
      const file = { name: './x', data: SMALL, listedSizeBytes: 2 ** 60 };
      await expectFailure(
        await rpmPackage({ form: 'stripped', files: [file, VMLINUX] }),
        'package-malformed',
        /^rpm main header\+0x[0-9a-f]+: tag 5008: 1152921504606846976 is too large$/u,
      );
    });
  });
});

describe('members that no honest package has', () => {
  it.each(['/usr/lib/x', './../x', 'usr/../../x', './/x', './a\nb'])('%j', async (name) => {
    const files = [{ name }, VMLINUX];
    await expectFailure(await rpmPackage({ files }), 'package-unsafe-path', '^rpm payload: member "');
  });

  it.each(['./usr/../../x', './/x'])('%j in the header', async (name) => {
    const files = [{ name }, VMLINUX];
    await expectFailure(
      await rpmPackage({ files, form: 'stripped' }),
      'package-unsafe-path',
      '^rpm payload: member ',
    );
  });

  it('an image of more than 4 GiB', async () => {
    const file = { name: `./${MODULES}`, listedSizeBytes: 5 * 1024 ** 3 };
    await expectFailure(
      await rpmPackage({ files: [file], form: 'stripped' }),
      'package-too-large',
      /vmlinux has 5368709120 bytes/u,
    );
  });

  it('a header of more files than any package has', async () => {
    const changeMain = (entries: readonly HeaderEntry[]): readonly HeaderEntry[] =>
      entries.map((entry) =>
        entry.tag === 1030 ? { ...entry, value: Array.from({ length: 250_001 }, () => 0) } : entry,
      );
    await expectFailure(
      await rpmPackage({ files: [VMLINUX], form: 'stripped', changeMain }),
      'package-too-large',
      /^rpm main header: tag 1030 has 250001 values, more than 250000$/u,
    );
  });

  it('more hard links than anybody makes', async () => {
    const files = Array.from({ length: 10_001 }, (_, i) => ({ name: `./${i}`, inode: 7, linkCount: 20_000 }));
    await expectFailure(
      await rpmPackage({ files }),
      'package-too-large',
      /more than 10000 hard links before their content$/u,
    );
  });

  it('more hard links than anybody makes, in the header', async () => {
    const files = Array.from({ length: 10_001 }, (_, i) => ({ name: `./${i}`, inode: 7, linkCount: 20_000 }));
    await expectFailure(
      await rpmPackage({ files, form: 'stripped' }),
      'package-too-large',
      /^rpm main header: file 0 is one of 10001 hard links, more than 10000$/u,
    );
  });
});

describe('no vmlinux', () => {
  it('says so', async () => {
    await expectFailure(
      await rpmPackage({ files: [{ name: './usr/share/doc/x', data: SMALL }] }),
      'package-no-vmlinux',
      /^rpm payload: no vmlinux of 5\.14\.0-503\.el9\.x86_64 as a regular file$/u,
    );
    await expectFailure(await rpmPackage({ files: [], compression: 'gz' }), 'package-no-vmlinux');
  });

  it('names a link in its place', async () => {
    const file = { name: `./${MODULES}`, mode: SYMLINK, data: SMALL };
    await expectFailure(
      await rpmPackage({ files: [file] }),
      'package-no-vmlinux',
      /vmlinux \(symlink, not a regular file\)/u,
    );
    const odd = { name: `./${MODULES}`, mode: 0o1777 };
    await expectFailure(
      await rpmPackage({ files: [odd] }),
      'package-no-vmlinux',
      /of unknown type, not a regular file/u,
    );
  });

  it('refuses another kernel’s', async () => {
    const file = { name: './usr/lib/debug/lib/modules/5.14.0-503.el9.x86_64+debug/vmlinux', data: SMALL };
    await expectFailure(
      await rpmPackage({ files: [file] }),
      'kernel-name',
      /^rpm payload: holds the vmlinux of 5\.14\.0-503\.el9\.x86_64\+debug, not of 5\.14\.0-503\.el9\.x86_64 \(usr/u,
    );
  });
});

describe('stopping', () => {
  it.each(['none', 'gz', 'xz', 'zst'] as const)('leaves nothing on abort: %s', async (compression) => {
    const { run, work } = await prepare(
      await rpmPackage({ files: [{ name: `./${MODULES}`, data: IMAGE }], compression }),
    );
    const midway = new AbortController();
    let writtenBytes = 0;
    const onProgress: StepProgress = (done, total) => {
      writtenBytes = done;
      if (total !== undefined && done > 1_000_000) midway.abort();
    };
    await expect(run({ signal: midway.signal, onProgress })).rejects.toMatchObject({ code: 'aborted' });
    expect(writtenBytes).toBeLessThan(IMAGE.length);
    expect(await readdir(work)).toEqual([]);
  });

  it('does not read what lies far behind the image', async () => {
    // The end of the package is damaged, 60 MiB of payload behind the image.
    const files = [VMLINUX, { name: './big', data: Buffer.alloc(60 * 1024 * 1024) }];
    const damageCpio = (cpio: Uint8Array) => cpio.fill(0xff, cpio.length - 124);
    expect((await unpack({ files, damageCpio })).content).toEqual(SMALL);
  });
});

describe.skipIf(needsTool('xz'))('damage anywhere', () => {
  it('ends in the image or a named error, and leaves nothing half-made', async () => {
    const files = [{ name: './x', data: SMALL, linkCount: 2, inode: 1 }, VMLINUX];
    const packages = await Promise.all([
      rpmPackage({ files }),
      rpmPackage({ files, form: 'crc' }),
      rpmPackage({ files, form: 'stripped' }),
      rpmPackage({ files, compression: 'gz' }),
      rpmPackage({ files, compression: 'xz' }),
    ]);
    const folder = await tempDirForTest('mutated');
    const path = join(folder, 'x.rpm');
    const work = join(folder, 'work');
    const change = record({
      at: double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      byte: nat(255),
    });
    await assert(
      asyncProperty(nat(4), array(change, { minLength: 1, maxLength: 3 }), async (which, changes) => {
        const bytes = Uint8Array.from(packages[which]);
        for (const { at, byte } of changes) bytes[Math.floor(at * bytes.length)] = byte;
        await writeFile(path, bytes);
        const signal = new AbortController().signal;
        const asked = { format: 'rpm', kernel: KERNEL, workDir: work, signal } as const;
        const result = await unpackVmlinux(path, asked).catch((error: unknown) => error);
        if (result instanceof Error) {
          expect(result).toBeInstanceOf(BtfmillError);
          expect((result as BtfmillError).code).toMatch(/^package-|^disk-full$|^kernel-name$/u);
          expect(await readdir(work)).toEqual([]);
        } else {
          await rm((result as UnpackedVmlinux).path);
        }
      }),
      { numRuns: 300 },
    );
  });
});
