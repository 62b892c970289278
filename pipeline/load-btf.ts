/** The BTF of whatever file a user has: BTF itself, or an ELF file that carries it or DWARF to make it of. */

import { type Btf, decodeBtf, isSplitBtf } from '../btf/index.ts';
import type { ProfileName } from '../dwarf/index.ts';
import { aboutFile, BtfmillError } from '../errors/index.ts';
import { openFileSource } from './convert/file-source.ts';
import { type StoredBtf, readStoredBtf } from './convert/stored-btf.ts';
import { convertKernel } from './convert.ts';
import type { StepProgress } from './types.ts';

export interface LoadOptions {
  /** What of an ELF file; its `.BTF` section when it has one, else its DWARF, if left out. */
  readonly from?: 'btf' | 'dwarf';
  /** A file that is BTF is read as that, whatever `from` says: of two files it may be meant for the other. */
  readonly fromIsForElf?: boolean;
  /** The kernel's BTF, for the split BTF of a module that does not carry its own base. */
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

/**
 * Reads or makes the BTF of a file.
 * @throws BtfmillError `usage` for split BTF without its base, or BTF where `from` says DWARF; else the code of what
 * is wrong with the file. The message names it.
 */
export async function loadBtf(path: string, options: LoadOptions): Promise<LoadedBtf> {
  const { base, signal } = options;
  try {
    const found = readStored(path, options);
    if (found !== undefined) {
      if (!isSplitBtf(found.bytes)) return { btf: decodeBtf(found.bytes), source: found.source };
      // Ids count from the module's own base if it has one, whatever the kernel has.
      const itsBase = found.base === undefined ? base : decodeBtf(found.base);
      if (itsBase === undefined)
        throw new BtfmillError('usage', "is a module's split BTF: --base has to name its kernel's");
      return { btf: decodeBtf(found.bytes, itsBase), source: found.source };
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
    throw aboutFile(thrown, path);
  }
}

/** BTF that lies in the file as it is; undefined when it has to be made of DWARF. */
function readStored(path: string, { from, fromIsForElf }: LoadOptions): StoredBtf | undefined {
  const source = openFileSource(path);
  try {
    const found = readStoredBtf(source);
    if (found?.source === 'file' && fromIsForElf === true) return found;
    if (from === 'dwarf' && found?.source === 'file')
      throw new BtfmillError('usage', 'is BTF and has no DWARF');
    if (from === 'btf' && found === undefined) throw new BtfmillError('native-none', 'has no .BTF section');
    return from === 'dwarf' ? undefined : found;
  } finally {
    source.close();
  }
}
