/**
 * A Debian mirror with as many kernels as wanted, each as small as a kernel can be: a copy of one program under its own
 * name and with a type of its own, so that the BTF of one cannot pass for that of another. Packages and index are
 * written by hand, a thousand in some seconds; the index is signed with gpg.
 *
 * ```
 * <root>/debian/dists/bookworm/{InRelease,main/binary-amd64/Packages.gz}
 * <root>/debian/pool/main/l/linux/*.deb
 * ```
 */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { arArchive, compress, controlFile, tarArchive } from '../builders/deb-writer.ts';
import { buildProgram, TOOLCHAINS, toolsOf } from '../support/programs.ts';
import { packageStanza, putSuite } from './apt-indexes.ts';
import { nameKernel } from './kernels.ts';
import { createSigner } from './signer.ts';

/** Programs that {@link createSmallMirror} runs. */
export const SMALL_MIRROR_TOOLS: readonly string[] = [
  ...toolsOf(TOOLCHAINS['gcc x86_64']),
  'gpg',
  'gpgconf',
  'xz',
];

/** `6.1.0-<number>-amd64`; another `build` is the same kernel in a package that was made again. */
export interface SmallKernel {
  readonly number: number;
  /** From 1, the default. */
  readonly build?: number;
}

export interface SmallMirror {
  /** Holds `debian/`. */
  readonly root: string;
  readonly keyring: string;
  /** Makes these the kernels of the mirror, and no others: packages of those that were there before are removed. */
  put(kernels: readonly SmallKernel[]): Promise<void>;
  close(): Promise<void>;
}

/** `uname -r` of a kernel. */
export function smallKernelName(number: number): string {
  return `6.1.0-${number}-amd64`;
}

/** Kernels `first` to `first + count - 1`. */
export function smallKernels(count: number, first = 1): SmallKernel[] {
  return Array.from({ length: count }, (_, i) => ({ number: first + i }));
}

/** Everything lies below `folder`, which is the caller's to remove. */
export async function createSmallMirror(folder: string): Promise<SmallMirror> {
  await mkdir(folder, { recursive: true });
  const signer = await createSigner(folder);
  const program = await buildProgram({
    program: 'kernel',
    toolchain: TOOLCHAINS['gcc x86_64'],
    flags: ['-gdwarf-5', '-O2'],
    output: join(folder, 'vmlinux'),
  });
  const vmlinux = await readFile(program);
  const root = join(folder, 'mirror');
  const pool = join(root, 'debian', POOL);
  await mkdir(pool, { recursive: true });
  return {
    root,
    keyring: signer.keyring,
    async put(kernels) {
      const stanzas: string[] = [];
      const names = new Set<string>();
      for (const kernel of kernels) {
        const { name, stanza } = await putPackage(pool, vmlinux, kernel);
        names.add(name);
        stanzas.push(stanza);
      }
      await putSuite(root, signer, {
        base: 'debian',
        path: 'bookworm',
        release: RELEASE,
        packages: { amd64: stanzas },
      });
      for (const name of await readdir(pool)) if (!names.has(name)) await rm(join(pool, name));
    },
    close: () => signer.close(),
  };
}

const POOL = 'pool/main/l/linux';
const RELEASE = [
  'Origin: Debian',
  'Label: Debian',
  'Suite: oldstable',
  'Version: 12.11',
  'Codename: bookworm',
  'Architectures: amd64',
  'Components: main',
];
/** Real packages are compressed; one in so many is here, too. Uncompressed, a kernel costs a process less. */
const COMPRESSED_EVERY = 4;
/** A struct of the program, and as long a name that holds the kernel's number. */
const OWN_TYPE = 'boot_argument\0';

async function putPackage(
  pool: string,
  vmlinux: Buffer,
  { number, build = 1 }: SmallKernel,
): Promise<{ readonly name: string; readonly stanza: string }> {
  const packageName = `linux-image-${smallKernelName(number)}-dbg`;
  const version = `6.1.${number}-${build}`;
  const name = `${packageName}_${version}_amd64.deb`;
  const file = join(pool, name);
  if (!existsSync(file)) await writeFile(file, await kernelDeb(packageName, version, vmlinux, number));
  const bytes = await readFile(file);
  const stanza = packageStanza(packageName, version, {
    Source: 'linux',
    Filename: `${POOL}/${name}`,
    Size: String(bytes.length),
    SHA256: createHash('sha256').update(bytes).digest('hex'),
  });
  return { name, stanza };
}

async function kernelDeb(
  name: string,
  version: string,
  vmlinux: Buffer,
  number: number,
): Promise<Uint8Array> {
  const kernel = smallKernelName(number);
  const own = Buffer.from(nameKernel(vmlinux, kernel));
  const at = own.indexOf(OWN_TYPE);
  if (at < 0) throw new Error(`the program has no ${OWN_TYPE}`);
  own.write(`boot_${String(number).padStart(8, '0')}`, at, 'latin1');
  const control = tarArchive([
    { name: './control', data: Buffer.from(controlFile({ name, version, architecture: 'amd64' })) },
  ]);
  const data = tarArchive([{ name: `./usr/lib/debug/boot/vmlinux-${kernel}`, data: own }]);
  const isCompressed = number % COMPRESSED_EVERY === 0;
  return arArchive([
    { name: 'debian-binary', data: Buffer.from('2.0\n') },
    { name: 'control.tar.gz', data: gzipSync(control) },
    isCompressed ? { name: 'data.tar.xz', data: await compress(data, 'xz') } : { name: 'data.tar', data },
  ]);
}
