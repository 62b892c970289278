/** The base of a module's split BTF, from whatever file a user has of the kernel. */

import { type BaseIndex, decodeBtf, indexBase, isSplitBtf } from '../../btf/index.ts';
import { type ElfFile, openElf } from '../../elf/index.ts';
import { BtfmillError, toBtfmillError } from '../../errors/index.ts';
import type { BaseUse } from '../types.ts';
import { type FileSource, openFileSource } from './file-source.ts';
import { readStoredBtf } from './stored-btf.ts';

export interface LoadedBase {
  readonly index: BaseIndex;
  readonly source: BaseUse['source'];
}

/** Makes BTF of an ELF file's DWARF; undefined when it has none. */
export type ConvertBase = (file: ElfFile) => Promise<Uint8Array | undefined>;

/**
 * Reads a base: raw BTF (`/sys/kernel/btf/vmlinux` too), or an ELF file with a `.BTF` section or else DWARF.
 * @throws BtfmillError `usage` for split BTF, else the code of what is wrong with the file; the message names it
 */
export async function loadBase(path: string, convert: ConvertBase): Promise<LoadedBase> {
  const file = openFileSource(path);
  try {
    const { bytes, source } = readStoredBtf(file) ?? (await makeBtf(file, convert));
    if (isSplitBtf(bytes))
      throw new BtfmillError('usage', 'is split BTF itself; a base is the BTF of a kernel image');
    return { index: indexBase(decodeBtf(bytes)), source };
  } catch (thrown) {
    const { code, message } = toBtfmillError(thrown);
    throw new BtfmillError(code, `base ${path}: ${message}`, { cause: thrown });
  } finally {
    file.close();
  }
}

async function makeBtf(
  file: FileSource,
  convert: ConvertBase,
): Promise<{ readonly bytes: Uint8Array; readonly source: 'dwarf' }> {
  const bytes = await convert(openElf(file));
  if (bytes === undefined) throw new BtfmillError('dwarf-none', 'has neither a .BTF section nor DWARF');
  return { bytes, source: 'dwarf' };
}
