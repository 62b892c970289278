/** The BTF of whatever file a user has: BTF itself, or an ELF file that carries it or DWARF to make it of. */

import { BTF_MAGIC, type Btf, decodeBtf, isSplitBtf } from '../btf/index.ts';
import type { ProfileName } from '../dwarf/index.ts';
import { findSection, openElf, readSection } from '../elf/index.ts';
import { BtfmillError, toBtfmillError } from '../errors/index.ts';
import { type FileSource, openFileSource } from './convert/file-source.ts';
import { convertKernel } from './convert.ts';
import type { StepProgress } from './types.ts';

export interface LoadOptions {
  /** What of an ELF file; its `.BTF` section when it has one, else its DWARF, if left out. */
  readonly from?: 'btf' | 'dwarf';
  /** The kernel's BTF, for the split BTF of a module. */
  readonly base?: Btf;
  readonly profile: ProfileName;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly onProgress?: StepProgress;
}

export interface LoadedBtf {
  readonly btf: Btf;
  /** `file`: the file is BTF; `section`: its `.BTF`; `dwarf`: its DWARF, converted. */
  readonly source: 'file' | 'section' | 'dwarf';
}

/** No BTF comes near: the kernel takes strings of 16 MiB, and the types of all of Linux's modules fit into as much. */
const MAX_BTF_BYTES = 256 * 1024 * 1024;

/**
 * Reads or makes the BTF of a file.
 * @throws BtfmillError `usage` for a file that is neither, or split BTF without its base; else the code of what is
 * wrong with it. The message names the file.
 */
export async function loadBtf(path: string, options: LoadOptions): Promise<LoadedBtf> {
  const { base, from, signal } = options;
  try {
    const found = readStored(path, from);
    if (found !== undefined) {
      if (isSplitBtf(found.bytes) && base === undefined) {
        throw new BtfmillError('usage', "is a module's split BTF: --base has to name its kernel's");
      }
      const split = isSplitBtf(found.bytes) ? base : undefined;
      return { btf: decodeBtf(found.bytes, split), source: found.source };
    }
    const { profile, threads, onProgress } = options;
    const { fromDwarf } = await convertKernel(path, {
      source: 'dwarf',
      profile,
      threads,
      signal,
      ...(onProgress === undefined ? {} : { onProgress }),
    });
    if (fromDwarf === undefined) throw new BtfmillError('dwarf-none', 'has no DWARF');
    return { btf: decodeBtf(fromDwarf), source: 'dwarf' };
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    const error = toBtfmillError(thrown);
    const message = error.message.includes(path) ? error.message : `${path}: ${error.message}`;
    throw new BtfmillError(error.code, message, { cause: thrown });
  }
}

/** BTF that lies in the file as it is; undefined when it has to be made of DWARF. */
function readStored(
  path: string,
  from: LoadOptions['from'],
): { readonly bytes: Uint8Array; readonly source: 'file' | 'section' } | undefined {
  const source = openFileSource(path);
  try {
    if (isBtf(source)) {
      if (source.size > MAX_BTF_BYTES)
        throw new BtfmillError('usage', `has ${source.size} bytes, no BTF has`);
      if (from === 'dwarf') throw new BtfmillError('usage', 'is BTF and has no DWARF');
      return { bytes: source.read(0, source.size), source: 'file' };
    }
    if (!isElf(source)) throw new BtfmillError('usage', 'is neither BTF nor an ELF file');
    const file = openElf(source);
    const section = from === 'dwarf' ? undefined : findSection(file, '.BTF');
    if (section !== undefined) return { bytes: readSection(file, section), source: 'section' };
    if (from === 'btf') throw new BtfmillError('native-none', 'has no .BTF section');
    return undefined;
  } finally {
    source.close();
  }
}

function isBtf(source: FileSource): boolean {
  if (source.size < 4) return false;
  const [first, second] = source.read(0, 2);
  return ((second << 8) | first) === BTF_MAGIC || ((first << 8) | second) === BTF_MAGIC;
}

function isElf(source: FileSource): boolean {
  return source.size >= 4 && Buffer.from(source.read(0, 4)).toString('latin1') === '\u007FELF';
}
