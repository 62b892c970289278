/** BTF that lies in a file as it is: the file itself, or an ELF file's `.BTF` section. */

import { BTF_MAGIC } from '../../btf/index.ts';
import { findSection, openElf, readSection } from '../../elf/index.ts';
import { BtfmillError } from '../../errors/index.ts';
import type { FileSource } from './file-source.ts';

export interface StoredBtf {
  readonly bytes: Uint8Array;
  /** `file`: the file is BTF; `section`: its `.BTF`. */
  readonly source: 'file' | 'section';
  /**
   * `.BTF.base` of a module that was built apart from its kernel: what `bytes` needs of the kernel's types, as a BTF of
   * its own (libbpf: btf__distill_base).
   */
  readonly base?: Uint8Array;
}

/** No BTF comes near: the kernel takes strings of 16 MiB, and the types of all of Linux's modules fit into as much. */
const MAX_BTF_BYTES = 256 * 1024 * 1024;

/**
 * Reads a file's BTF; undefined for an ELF file without a `.BTF` section.
 * @throws BtfmillError `elf-malformed` for a file that is neither BTF nor ELF
 */
export function readStoredBtf(source: FileSource): StoredBtf | undefined {
  if (isBtf(source)) {
    if (source.size > MAX_BTF_BYTES)
      throw new BtfmillError('btf-malformed', `has ${source.size} bytes, no BTF has`);
    return { bytes: source.read(0, source.size), source: 'file' };
  }
  if (!isElf(source)) throw new BtfmillError('elf-malformed', 'is neither BTF nor an ELF file');
  const file = openElf(source);
  const section = findSection(file, '.BTF');
  if (section === undefined) return undefined;
  const base = findSection(file, '.BTF.base');
  return {
    bytes: readSection(file, section),
    source: 'section',
    ...(base === undefined ? {} : { base: readSection(file, base) }),
  };
}

function isBtf(source: FileSource): boolean {
  if (source.size < 4) return false;
  const [first, second] = source.read(0, 2);
  return ((second << 8) | first) === BTF_MAGIC || ((first << 8) | second) === BTF_MAGIC;
}

function isElf(source: FileSource): boolean {
  return source.size >= 4 && Buffer.from(source.read(0, 4)).toString('latin1') === '\u007FELF';
}
