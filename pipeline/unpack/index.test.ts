import { mkdir, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { array, assert, asyncProperty, double, nat, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  arArchive,
  type ArMember,
  compress,
  type Compression,
  controlFile,
  debPackage,
  tarArchive,
  type TarEntry,
} from '../../test/builders/deb-writer.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import { needsTool } from '../../test/support/tools.ts';
import { BtfmillError } from '../../errors/index.ts';
import type { StepProgress, UnpackedVmlinux } from '../types.ts';
import { type UnpackOptions, unpackVmlinux } from './index.ts';

const KERNEL = '6.1.0-50-cloud-amd64';
const BOOT = `usr/lib/debug/boot/vmlinux-${KERNEL}`;
const MODULES = `usr/lib/debug/lib/modules/${KERNEL}/vmlinux`;
const MERGED = `usr/lib/debug/usr/lib/modules/${KERNEL}/vmlinux`;
/** Longer than one of the writer's blocks. */
const IMAGE = Buffer.from(Uint8Array.from({ length: 5_000_000 }, (_, i) => (i * i) >> 7));
const SMALL = Buffer.from('\x7fELF, as far as this step knows');

const IDENTITY = { name: 'linux-image-dbg', version: '6.1.176-1', architecture: 'amd64' };

function deb(entries: readonly TarEntry[], compression: Compression = 'none'): Promise<Uint8Array> {
  return debPackage({ ...IDENTITY, entries, compression });
}

interface Unpacking {
  readonly folder: string;
  readonly work: string;
  readonly run: (options?: Partial<UnpackOptions>) => Promise<UnpackedVmlinux>;
}

async function prepare(bytes: Uint8Array): Promise<Unpacking> {
  const folder = await tempDirForTest('unpack');
  const path = join(folder, 'x.deb');
  const work = join(folder, 'work');
  await writeFile(path, bytes);
  return {
    folder,
    work,
    run: (options = {}) => {
      const signal = new AbortController().signal;
      return unpackVmlinux(path, { format: 'deb', kernel: KERNEL, workDir: work, signal, ...options });
    },
  };
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

describe.skipIf(needsTool('dpkg-deb', 'xz', 'zstd'))('packages made by dpkg-deb', () => {
  it.each(['xz', 'gzip', 'zstd', 'none'])('-Z%s', async (compression) => {
    const folder = await tempDirForTest('dpkg');
    const tree = join(folder, 'tree');
    for (const file of ['DEBIAN/control', MODULES, BOOT])
      await mkdir(dirname(join(tree, file)), { recursive: true });
    await writeFile(join(tree, 'DEBIAN/control'), controlFile(IDENTITY));
    await writeFile(join(tree, BOOT), IMAGE);
    await symlink(`../../../boot/vmlinux-${KERNEL}`, join(tree, MODULES));
    const path = join(folder, 'x.deb');
    await execa('dpkg-deb', ['--root-owner-group', `-Z${compression}`, '--build', tree, path]);

    const calls: [number, number | undefined][] = [];
    const unpacked = await unpackVmlinux(path, {
      format: 'deb',
      kernel: KERNEL,
      workDir: folder,
      threads: 2,
      signal: new AbortController().signal,
      onProgress: (done, total) => calls.push([done, total]),
    });
    expect(unpacked).toEqual({
      path: join(folder, `vmlinux-${KERNEL}`),
      sizeBytes: IMAGE.length,
      memberPath: BOOT,
      kernel: KERNEL,
    });
    expect((await readFile(unpacked.path)).equals(IMAGE)).toBe(true);
    expect(calls.at(-1)).toEqual([IMAGE.length, IMAGE.length]);
  });
});

describe('where the image is', () => {
  it.each([BOOT, MODULES, MERGED])('%s', async (path) => {
    const { run } = await prepare(
      await deb([
        { name: './', type: 'dir' },
        { name: `./${BOOT}.old`, data: Buffer.from('other') },
        { name: './usr/share/doc/link', type: 'symlink', linkName: '../../../../../etc/passwd' },
        { name: `./${path}`, data: SMALL },
        { name: './later', data: SMALL },
      ]),
    );
    const unpacked = await run();
    expect(unpacked.memberPath).toBe(path);
    expect((await readFile(unpacked.path)).equals(SMALL)).toBe(true);
  });

  it('passes by links that have its name and takes the regular file', async () => {
    const { run } = await prepare(
      await deb([
        { name: `./${BOOT}`, type: 'symlink', linkName: '/etc/shadow' },
        { name: `./${MERGED}`, type: 'hardlink', linkName: './x' },
        { name: `./${MODULES}`, data: SMALL },
      ]),
    );
    expect((await run()).memberPath).toBe(MODULES);
  });

  it('replaces what a killed run has left', async () => {
    const { run, work } = await prepare(await deb([{ name: `./${BOOT}`, data: SMALL }]));
    await mkdir(work);
    await writeFile(join(work, `vmlinux-${KERNEL}.part`), IMAGE);
    const unpacked = await run();
    expect((await readFile(unpacked.path)).equals(SMALL)).toBe(true);
    expect(await readdir(work)).toEqual([`vmlinux-${KERNEL}`]);
  });
});

describe.skipIf(needsTool('xz', 'bzip2', 'zstd'))('every compression', () => {
  const entries = [
    { name: './a', data: Buffer.alloc(700_000, 'a') },
    { name: `./${BOOT}`, data: IMAGE },
    { name: './z', data: Buffer.alloc(700_000, 'z') },
  ];

  it.each(['none', 'gz', 'xz', 'zst', 'bz2', 'lzma'] as const)(
    '%s: whole, cut and flipped',
    async (compression) => {
      const bytes = Buffer.from(await deb(entries, compression));
      const good = await prepare(bytes);
      const { path } = await good.run();
      expect((await readFile(path)).equals(IMAGE)).toBe(true);

      for (const length of [0, 7, 30, 68, 100, bytes.length >> 1, bytes.length - 100]) {
        await expectFailure(bytes.subarray(0, length), 'package-malformed');
      }
      if (compression === 'none' || compression === 'lzma') return; // nothing to check content with but the digest
      const flipped = Buffer.from(bytes);
      flipped[bytes.length - 1000] ^= 0x08;
      await expectFailure(flipped, 'package-malformed');
    },
  );

  it.each(['gz', 'xz', 'zst', 'bz2', 'lzma', 'none'] as const)(
    '%s: member shorter than it began',
    async (compression) => {
      await expectFailure(
        await debPackage({ ...IDENTITY, entries, compression, damage: cut }),
        'package-malformed',
      );
    },
  );
});

describe('containers that are not what they claim', () => {
  const version: ArMember = { name: 'debian-binary', data: Buffer.from('2.0\n') };
  const control: ArMember = { name: 'control.tar', data: tarArchive([]) };
  const data: ArMember = { name: 'data.tar', data: tarArchive([{ name: `./${BOOT}`, data: SMALL }]) };

  it('takes additional members between', async () => {
    const { run } = await prepare(arArchive([version, { name: '_gpgorigin', data: SMALL }, control, data]));
    expect((await run()).sizeBytes).toBe(SMALL.length);
  });

  it.each<[string, readonly ArMember[], RegExp]>([
    ['no members', [], /^deb\+0x8: the file ends before data\.tar$/u],
    ['no data.tar', [version, control], /ends before data\.tar/u],
    ['another first member', [control, data], /first member is control\.tar, not debian-binary/u],
    ['another version', [{ ...version, data: Buffer.from('3.0\n') }, data], /not a \.deb of format 2/u],
    ['a size beyond the file', [version, { ...data, rawSize: '99999999' }], /member data\.tar reaches to/u],
    ['a size that is none', [version, { ...data, rawSize: '0x10' }], /^ar\+0x48: member size/u],
    ['no header mark', [version, { ...data, rawMagic: 'xx' }], /without its end mark/u],
    [
      'too many members',
      [version, ...Array.from({ length: 16 }, () => control), data],
      /among the first 16 members/u,
    ],
    ['an empty data.tar', [version, { ...data, data: new Uint8Array(0) }], /the name says none/u],
    ['an unknown compression', [version, { ...data, name: 'data.tar.br' }], /unknown kind of member/u],
    [
      'a compression that is another',
      [version, { ...data, name: 'data.tar.xz' }],
      /name says xz, the content is none/u,
    ],
    ['a cut tar', [version, { ...data, data: data.data.subarray(0, 520) }], /^deb data\.tar\+0x208: /u],
  ])('%s', async (_, members, message) => {
    await expectFailure(arArchive(members), 'package-malformed', message);
  });

  it('is not there at all', async () => {
    const { run, folder } = await prepare(SMALL);
    await rm(join(folder, 'x.deb'));
    await expect(run()).rejects.toMatchObject({ code: 'io-failed' });
  });

  it('shrinks while it is read', async () => {
    const { run, folder } = await prepare(await deb([{ name: `./${BOOT}`, data: IMAGE }]));
    const result = expect(run()).rejects.toMatchObject({ code: 'package-malformed' });
    await truncate(join(folder, 'x.deb'), 100);
    await result;
  });
});

describe('members that no honest package has', () => {
  it.each(['/usr/lib/x', './../x', 'usr/../../x', './/x'])('%s', async (name) => {
    await expectFailure(
      await deb([{ name }, { name: `./${BOOT}`, data: SMALL }]),
      'package-unsafe-path',
      `member "${name}"`,
    );
  });

  it('an absurd size', async () => {
    const header = { name: `./${BOOT}`, data: SMALL, rawSize: 5 * 1024 ** 3 };
    await expectFailure(await deb([header]), 'package-too-large', /has 5368709120 bytes/u);
  });

  it.skipIf(needsTool('zstd'))('more members than any package has', async () => {
    const member = tarArchive([{ name: './a' }]).subarray(0, 512);
    const data = await compress(Buffer.alloc(250_001 * 512, member), 'zst');
    const parts = [
      { name: 'debian-binary', data: Buffer.from('2.0\n') },
      { name: 'data.tar.zst', data },
    ];
    await expectFailure(arArchive(parts), 'package-too-large', /^deb data\.tar: more than 250000 members$/u);
  });

  it('a size that is no number', async () => {
    const tar = Buffer.from(tarArchive([{ name: `./${BOOT}`, data: SMALL }]));
    tar.fill(0xfe, 124, 136); // base-256, but neither of its two signs
    fixChecksum(tar);
    const version = { name: 'debian-binary', data: Buffer.from('2.0\n') };
    await expectFailure(
      arArchive([version, { name: 'data.tar', data: tar }]),
      'package-malformed',
      /is no number/u,
    );
  });

  it('a wrong header checksum', async () => {
    await expectFailure(
      await deb([{ name: `./${BOOT}`, data: SMALL, rawChecksum: 1 }]),
      'package-malformed',
      /Invalid tar header/u,
    );
  });
});

describe('no vmlinux', () => {
  it('says so', async () => {
    await expectFailure(
      await deb([{ name: './usr/share/doc/x', data: SMALL }]),
      'package-no-vmlinux',
      /regular file$/u,
    );
    await expectFailure(await deb([], 'gz'), 'package-no-vmlinux');
  });

  it('names a link in its place', async () => {
    const link = { name: `./${BOOT}`, type: 'symlink', linkName: './x' } as const;
    await expectFailure(
      await deb([link]),
      'package-no-vmlinux',
      /vmlinux-6\.1\.0-50-cloud-amd64 \(symlink, not a/u,
    );
    const odd = { name: `./${BOOT}`, type: { flag: 'S' }, data: SMALL } as const;
    await expectFailure(await deb([odd]), 'package-no-vmlinux', /unknown type, not a regular file/u);
  });

  it('refuses another kernel’s', async () => {
    const other = { name: './usr/lib/debug/boot/vmlinux-6.1.0-51-cloud-amd64', data: SMALL };
    await expectFailure(
      await deb([other]),
      'kernel-name',
      /holds the vmlinux of 6\.1\.0-51-cloud-amd64, not of 6\.1\.0-50-cloud-amd64 \(usr\/lib/u,
    );
    const link = { name: other.name, type: 'symlink', linkName: './x' } as const;
    await expectFailure(await deb([link]), 'package-no-vmlinux', /6\.1\.0-51-cloud-amd64 \(symlink, not a/u);
  });

  it('does not mind another kernel’s beside the wanted one', async () => {
    const other = { name: './usr/lib/debug/boot/vmlinux-6.1.0-51-cloud-amd64', data: IMAGE };
    const { run } = await prepare(await deb([other, { name: `./${BOOT}`, data: SMALL }]));
    expect((await run()).memberPath).toBe(BOOT);
  });
});

describe('stopping', () => {
  it.each(['none', 'gz', 'xz', 'zst'] as const)('leaves nothing on abort: %s', async (compression) => {
    const { run, work } = await prepare(await deb([{ name: `./${BOOT}`, data: IMAGE }], compression));
    const before = new AbortController();
    before.abort();
    await expect(run({ signal: before.signal })).rejects.toMatchObject({ code: 'aborted' });

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

  it.skipIf(needsTool('xz'))('does not read what lies far behind the image', async () => {
    // The end of the package is damaged, 60 MiB of tar behind the image.
    const entries = [
      { name: `./${BOOT}`, data: SMALL },
      { name: './big', data: Buffer.alloc(60 * 1024 * 1024) },
    ];
    const { run } = await prepare(
      await debPackage({ ...IDENTITY, entries, compression: 'xz', damage: spoilEnd }),
    );
    expect((await run()).sizeBytes).toBe(SMALL.length);
  });
});

describe.skipIf(needsTool('xz'))('damage anywhere', () => {
  it('ends in the image or a named error, and leaves nothing half-made', async () => {
    const entries = [
      { name: './x', data: SMALL },
      { name: `./${BOOT}`, data: SMALL },
    ];
    const packages = await Promise.all((['none', 'gz', 'xz'] as const).map((how) => deb(entries, how)));
    const folder = await tempDirForTest('mutated');
    const path = join(folder, 'x.deb');
    const work = join(folder, 'work');
    const change = record({
      at: double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      byte: nat(255),
    });
    await assert(
      asyncProperty(nat(2), array(change, { minLength: 1, maxLength: 3 }), async (which, changes) => {
        const bytes = Uint8Array.from(packages[which]);
        for (const { at, byte } of changes) bytes[Math.floor(at * bytes.length)] = byte;
        await writeFile(path, bytes);
        const signal = new AbortController().signal;
        const result = await unpackVmlinux(path, {
          format: 'deb',
          kernel: KERNEL,
          workDir: work,
          signal,
        }).catch((error: unknown) => error);
        if (result instanceof Error) {
          expect(result).toBeInstanceOf(BtfmillError);
          expect((result as BtfmillError).code).toMatch(/^package-|^disk-full$/u);
          expect(await readdir(work)).toEqual([]);
        } else {
          await rm((result as UnpackedVmlinux).path);
        }
      }),
      { numRuns: 150 },
    );
  });
});

function cut(data: Uint8Array): Uint8Array {
  return data.subarray(0, Math.floor(data.length * 0.6));
}

function spoilEnd(data: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(data);
  copy[copy.length - 3] ^= 1;
  return copy;
}

function fixChecksum(header: Buffer): void {
  header.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of header.subarray(0, 512)) sum += byte;
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}
