/** The base of a module's split BTF, from whatever file a user has of the kernel. */

import { BTF_MAGIC, type BaseIndex, decodeBtf, indexBase, isSplitBtf } from '../../btf/index.ts';
import { type ElfFile, findSection, openElf, readSection } from '../../elf/index.ts';
import { BtfmillError, toBtfmillError } from '../../errors/index.ts';
import { type FileSource, openFileSource } from './file-source.ts';

export interface LoadedBase {
  readonly index: BaseIndex;
  /** `btf`: the file is BTF; `native`: its `.BTF` section; `dwarf`: its DWARF, converted. */
  readonly source: 'btf' | 'native' | 'dwarf';
}

const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46] as const;

/**
 * Reads a base: raw BTF (`/sys/kernel/btf/vmlinux` too), or an ELF file with a `.BTF` section or else DWARF.
 * @param convert makes BTF of an ELF file's DWARF; undefined when it has none
 * @throws BtfmillError `usage` when the file is no base, else the code of what is wrong with it; the message names it
 */
export async function loadBase(
  path: string,
  convert: (file: ElfFile) => Promise<Uint8Array | undefined>,
): Promise<LoadedBase> {
  const source = openFileSource(path);
  try {
    const { bytes, from } = await readBase(source, convert);
    if (isSplitBtf(bytes))
      throw new BtfmillError('usage', 'is split BTF itself; a base is the BTF of a kernel image');
    return { index: indexBase(decodeBtf(bytes)), source: from };
  } catch (thrown) {
    const { code, message } = toBtfmillError(thrown);
    throw new BtfmillError(code, `base ${path}: ${message}`, { cause: thrown });
  } finally {
    source.close();
  }
}

async function readBase(
  source: FileSource,
  convert: (file: ElfFile) => Promise<Uint8Array | undefined>,
): Promise<{ readonly bytes: Uint8Array; readonly from: LoadedBase['source'] }> {
  const start = source.read(0, Math.min(source.size, ELF_MAGIC.length));
  const isBtf = [(start[1] << 8) | start[0], (start[0] << 8) | start[1]].includes(BTF_MAGIC);
  if (isBtf) return { bytes: source.read(0, source.size), from: 'btf' };
  if (!ELF_MAGIC.every((byte, i) => byte === start[i]))
    throw new BtfmillError('usage', 'is neither BTF nor an ELF file');
  const file = openElf(source);
  const section = findSection(file, '.BTF');
  if (section !== undefined) return { bytes: readSection(file, section), from: 'native' };
  const converted = await convert(file);
  if (converted === undefined) throw new BtfmillError('usage', 'has neither a .BTF section nor DWARF');
  return { bytes: converted, from: 'dwarf' };
}
