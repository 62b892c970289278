/** Debug packages with something wrong in them, each with the error that names it. All are properly signed. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { compress, type DebPackage, debPackage, tarArchive, type TarEntry } from '../builders/deb-writer.ts';
import {
  ATE,
  type Die,
  die,
  form,
  ref,
  unit,
  type UnitOptions,
  writeDwarfElf,
} from '../builders/dwarf-writer.ts';
import { type RawPackage, packageNameOf } from '../mirrors/debian-mirror.ts';
import { type MirrorKernels, nameKernel } from '../mirrors/kernels.ts';

export interface BadKernel {
  readonly kernel: string;
  readonly what: string;
  readonly outcome: 'failed' | 'no-debug-info';
  readonly code?: string;
  /** What the message must say besides: where the fault is. */
  readonly message?: RegExp;
  readonly package: RawPackage;
}

export interface VmlinuxFault {
  readonly what: string;
  readonly outcome?: BadKernel['outcome'];
  readonly code?: string;
  readonly message?: RegExp;
  readonly vmlinux: Uint8Array;
}

type Description = Omit<BadKernel, 'kernel' | 'package' | 'outcome'> & {
  readonly outcome?: BadKernel['outcome'];
  /** Content of the regular file vmlinux. */
  readonly vmlinux?: Uint8Array;
  readonly entries?: (kernel: string) => readonly TarEntry[];
  readonly deb?: Partial<Pick<DebPackage, 'damage' | 'compression' | 'rawMembers'>>;
};

const INT = die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int');
const CHAR = die('base_type', { name: 'char', byte_size: 1, encoding: ATE.signed_char }, [], 'char');

/** All of them; kernels are numbered 6.1.0-101-amd64 and up. */
export async function buildBadKernels(folder: string, kernels: MirrorKernels): Promise<BadKernel[]> {
  const descriptions: Description[] = [
    ...(await containerFaults(kernels)),
    ...(await vmlinuxFaults(folder, kernels)),
  ];
  const bad: BadKernel[] = [];
  for (const [i, { vmlinux, entries, deb, ...description }] of descriptions.entries()) {
    const kernel = `6.1.0-${101 + i}-amd64`;
    const identity = { name: packageNameOf(kernel), version: `6.1.${101 + i}-1`, architecture: 'amd64' };
    const bytes = await debPackage({
      ...identity,
      compression: 'xz',
      entries: entries?.(kernel) ?? [
        { name: vmlinuxPath(kernel), data: nameKernel(vmlinux ?? new Uint8Array(0), kernel) },
      ],
      ...deb,
    });
    bad.push({ outcome: 'failed', ...description, kernel, package: { ...identity, bytes } });
  }
  return bad;
}

function vmlinuxPath(kernel: string): string {
  return `./usr/lib/debug/boot/vmlinux-${kernel}`;
}

function half(data: Uint8Array): Uint8Array {
  return data.subarray(0, data.length >> 1);
}

function flip(data: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(data);
  copy[copy.length >> 1] ^= 0x20;
  return copy;
}

async function containerFaults({ dwarf5 }: MirrorKernels): Promise<Description[]> {
  const vmlinux = await readFile(dwarf5);
  const good = await compress(tarArchive([{ name: vmlinuxPath('x'), data: vmlinux }]), 'xz');
  const malformed = { code: 'package-malformed', vmlinux };
  return [
    { ...malformed, what: 'xz data cut in half', deb: { damage: half } },
    { ...malformed, what: 'xz data with a flipped bit', deb: { damage: flip } },
    { ...malformed, what: 'zstd data cut in half', deb: { damage: half, compression: 'zst' } },
    { ...malformed, what: 'zstd data with a flipped bit', deb: { damage: flip, compression: 'zst' } },
    { ...malformed, what: 'gzip data cut in half', deb: { damage: half, compression: 'gz' } },
    { ...malformed, what: 'bzip2 data cut in half', deb: { damage: half, compression: 'bz2' } },
    { ...malformed, what: 'lzma data cut in half', deb: { damage: half, compression: 'lzma' } },
    { ...malformed, what: 'plain tar cut in half', deb: { damage: half, compression: 'none' } },
    { ...malformed, what: 'nothing in the ar archive', deb: { rawMembers: [] } },
    {
      ...malformed,
      what: 'no data member',
      deb: { rawMembers: [{ name: 'debian-binary', data: Buffer.from('2.0\n') }] },
    },
    {
      ...malformed,
      what: 'a data member that claims more than there is',
      deb: {
        rawMembers: [
          { name: 'debian-binary', data: Buffer.from('2.0\n') },
          { name: 'data.tar.xz', data: good, rawSize: String(good.length * 1000) },
        ],
      },
    },
    {
      ...malformed,
      what: 'a data member in no known compression',
      deb: {
        rawMembers: [
          { name: 'debian-binary', data: Buffer.from('2.0\n') },
          { name: 'data.tar.rar', data: good },
        ],
      },
    },
    {
      ...malformed,
      what: 'a tar header with a wrong checksum',
      entries: (kernel) => [{ name: vmlinuxPath(kernel), data: vmlinux, rawChecksum: 1 }],
    },
    {
      what: 'no vmlinux',
      code: 'package-no-vmlinux',
      entries: () => [{ name: './usr/share/doc/README', data: Buffer.from('nothing here') }],
    },
    {
      what: 'vmlinux as a symbolic link alone',
      code: 'package-no-vmlinux',
      message: /not a regular file/u,
      entries: (kernel) => [{ name: vmlinuxPath(kernel), type: 'symlink', linkName: '/etc/passwd' }],
    },
    {
      what: 'vmlinux as a hard link alone',
      code: 'package-no-vmlinux',
      entries: (kernel) => [{ name: vmlinuxPath(kernel), type: 'hardlink', linkName: './etc/passwd' }],
    },
    {
      what: 'the vmlinux of another kernel',
      code: 'kernel-name',
      message: /6\.9\.9/u,
      entries: () => [{ name: vmlinuxPath('6.9.9-1-amd64'), data: vmlinux }],
    },
    {
      what: 'a vmlinux in its place that says it is another kernel',
      code: 'kernel-name',
      message: /calls itself 6\.9\.9-1-amd64 in its banner/u,
      entries: (kernel) => [{ name: vmlinuxPath(kernel), data: nameKernel(vmlinux, '6.9.9-1-amd64') }],
    },
    {
      what: 'a member that climbs out',
      code: 'package-unsafe-path',
      entries: (kernel) => [
        { name: './usr/../../../../tmp/btfmill-climbed', data: Buffer.from('x') },
        { name: vmlinuxPath(kernel), data: vmlinux },
      ],
    },
    {
      what: 'an absolute member',
      code: 'package-unsafe-path',
      entries: (kernel) => [
        { name: '/tmp/btfmill-absolute', data: Buffer.from('x') },
        { name: vmlinuxPath(kernel), data: vmlinux },
      ],
    },
    {
      what: 'a vmlinux of absurd size',
      code: 'package-too-large',
      entries: (kernel) => [{ name: vmlinuxPath(kernel), data: vmlinux, rawSize: 7 * 1024 ** 3 }],
    },
  ];
}

/** What may be wrong with a vmlinux itself, whatever it is packed in. */
export async function vmlinuxFaults(folder: string, kernels: MirrorKernels): Promise<VmlinuxFault[]> {
  return [...(await elfFaults(folder, kernels)), ...dwarfFaults(), ...btfFaults()];
}

async function elfFaults(folder: string, { dwarf5 }: MirrorKernels): Promise<VmlinuxFault[]> {
  const stripped = join(folder, 'stripped');
  await execa('objcopy', ['--strip-debug', dwarf5, stripped]);
  const whole = await readFile(dwarf5);
  return [
    { what: 'no DWARF', outcome: 'no-debug-info', vmlinux: await readFile(stripped) },
    {
      what: 'text instead of ELF',
      code: 'elf-malformed',
      message: /^elf/u,
      vmlinux: Buffer.from('#!/bin/sh\nexit 0\n'.repeat(99)),
    },
    {
      what: 'half an ELF file',
      code: 'elf-malformed',
      message: /^elf/u,
      vmlinux: whole.subarray(0, whole.length >> 1),
    },
    { what: 'an empty vmlinux', code: 'elf-malformed', message: /^elf/u, vmlinux: new Uint8Array(0) },
  ];
}

function dwarfFaults(): VmlinuxFault[] {
  const located = /^dwarf \.debug_(info|abbrev|str)\+0x[0-9a-f]+: /u;
  const malformed = { code: 'dwarf-malformed', message: located };
  const unsupported = { code: 'dwarf-unsupported', message: located };
  return [
    { ...unsupported, what: 'DWARF version 6', vmlinux: program([INT], { raw: { version: 6 } }) },
    { ...unsupported, what: 'DWARF version 1', vmlinux: program([INT], { raw: { version: 1 } }) },
    {
      ...unsupported,
      what: 'an unknown form',
      message: /^dwarf \.debug_(info|abbrev)\+0x[0-9a-f]+: .*0x7f/u,
      vmlinux: program([INT, die('typedef', { name: 'x', type: form(0x7f, Uint8Array.of(1, 2, 3, 4)) })]),
    },
    {
      ...malformed,
      what: 'an unknown abbreviation',
      vmlinux: program([INT, die('typedef', { name: 'x' }, [], undefined, { abbreviation: 4711 })]),
    },
    {
      ...malformed,
      what: 'an abbreviation table out of range',
      vmlinux: program([INT], { raw: { abbrevOffset: 0x7fffff } }),
    },
    {
      ...malformed,
      what: 'a type reference out of range',
      vmlinux: program([INT, die('typedef', { name: 'x', type: form('ref4', 0x7fffffff) })]),
    },
    {
      ...malformed,
      what: 'a type reference into the middle of a DIE',
      vmlinux: program([INT, die('typedef', { name: 'x', type: form('ref4', 0x0d) })]),
    },
    {
      ...malformed,
      what: 'a name out of range',
      vmlinux: program([INT, die('typedef', { name: form('strp', 0x7fffffff), type: ref('int') })]),
    },
    {
      ...malformed,
      what: 'a unit longer than its section',
      vmlinux: program([INT], { raw: { unitLength: 0x10000 } }),
    },
    {
      ...malformed,
      what: 'types that refer to each other in a circle',
      vmlinux: program([
        INT,
        die('const_type', { type: ref('volatile') }, [], 'const'),
        die('volatile_type', { type: ref('const') }, [], 'volatile'),
      ]),
    },
    {
      ...malformed,
      what: 'a unit that ends in the middle of a DIE',
      vmlinux: program([INT, CHAR], { raw: { unitLength: 24 } }),
    },
  ];
}

function btfFaults(): VmlinuxFault[] {
  const bigTask = die('structure_type', { name: 'task_struct', byte_size: 2000 }, [
    die('member', { name: 'pid', type: ref('int'), data_member_location: 0 }),
  ]);
  return [
    { what: 'no task_struct', code: 'btf-invalid', message: /task_struct/u, vmlinux: program([INT, CHAR]) },
    {
      what: 'a task_struct of four bytes',
      code: 'btf-invalid',
      message: /task_struct/u,
      vmlinux: program([
        INT,
        die('structure_type', { name: 'task_struct', byte_size: 4 }, [
          die('member', { name: 'pid', type: ref('int'), data_member_location: 0 }),
        ]),
      ]),
    },
    {
      what: 'a C++ reference',
      code: 'btf-unencodable',
      vmlinux: program([INT, bigTask, die('reference_type', { type: ref('int') })]),
    },
  ];
}

function program(children: readonly Die[], options: UnitOptions = {}): Uint8Array {
  return writeDwarfElf({ version: 5 }, [unit(children, options)], {
    symbols: [{ name: 'start_kernel', type: 'func', value: 0x1000, size: 16 }],
  });
}
