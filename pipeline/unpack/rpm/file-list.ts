/**
 * The files of a package as its main header lists them: what the members of a stripped payload refer to by number.
 * Spec: rpm's docs/manual/format_payload.md; which of a set of hard links has the content: lib/rpmfi.cc.
 */

import { BtfmillError } from '../../../errors/index.ts';
import { typeOfMode } from '../cpio.ts';
import type { FileList, ListedFile } from '../cpio-archive.ts';
import { MAX_NAME_BYTES, MAX_OPEN_LINKS } from '../limits.ts';
import { malformed } from '../malformed.ts';
import type { RpmHeader, TextTable } from './header.ts';
import { MAIN_TAG } from './tags.ts';

/** Flag of a file that belongs to the package without being in it. */
const GHOST = 1 << 6;

/** Throws `package-malformed` when the header's columns do not fit together. */
export function listFiles(main: RpmHeader): FileList {
  const table = readTable(main);
  const sets = linkSets(table);
  return { file: (index) => listedFile(main, table, sets, index) };
}

interface FileTable {
  readonly basenames: TextTable;
  readonly dirnames: TextTable;
  readonly dirIndexes: readonly number[];
  readonly sizes: readonly number[];
  readonly modes: readonly number[];
  readonly flags: readonly number[];
  readonly devices: readonly number[];
  readonly inodes: readonly number[];
}

function readTable(main: RpmHeader): FileTable {
  const basenames = required(main, main.texts(MAIN_TAG.BASENAMES), 'BASENAMES');
  const column = (tag: keyof typeof MAIN_TAG): readonly number[] => {
    const numbers = required(main, main.numbers(MAIN_TAG[tag]), tag);
    if (numbers.length !== basenames.length) {
      throw malformed(main.part, undefined, `${numbers.length} ${tag} for ${basenames.length} files`);
    }
    return numbers;
  };
  return {
    basenames,
    dirnames: required(main, main.texts(MAIN_TAG.DIRNAMES), 'DIRNAMES'),
    dirIndexes: column('DIRINDEXES'),
    sizes: column(main.has(MAIN_TAG.LONGFILESIZES) ? 'LONGFILESIZES' : 'FILESIZES'),
    modes: column('FILEMODES'),
    flags: column('FILEFLAGS'),
    devices: column('FILEDEVICES'),
    inodes: column('FILEINODES'),
  };
}

function required<T>(main: RpmHeader, value: T | undefined, name: string): T {
  if (value === undefined)
    throw malformed(main.part, undefined, `no ${name}, which a stripped payload needs`);
  return value;
}

/** Whether a file may share its content with others. */
function isLinkable({ modes, flags, inodes }: FileTable, index: number): boolean {
  return inodes[index] !== 0 && typeOfMode(modes[index]) === 'file' && (flags[index] & GHOST) === 0;
}

function linkKey({ devices, inodes }: FileTable, index: number): string {
  return `${devices[index]}:${inodes[index]}`;
}

/** The numbers of the files that share an inode, in their order. */
function linkSets(table: FileTable): Map<string, number[]> {
  const sets = new Map<string, number[]>();
  for (let index = 0; index < table.basenames.length; index++) {
    if (!isLinkable(table, index)) continue;
    const key = linkKey(table, index);
    const set = sets.get(key);
    if (set === undefined) sets.set(key, [index]);
    else set.push(index);
  }
  return sets;
}

function listedFile(
  main: RpmHeader,
  table: FileTable,
  sets: ReadonlyMap<string, readonly number[]>,
  index: number,
): ListedFile {
  if (index >= table.basenames.length) {
    throw malformed(
      main.part,
      undefined,
      `has ${table.basenames.length} files, the payload names number ${index}`,
    );
  }
  const mode = table.modes[index];
  const set = (isLinkable(table, index) ? sets.get(linkKey(table, index)) : undefined) ?? [index];
  const isEarlierLink = set.at(-1) !== index;
  if (set.length > MAX_OPEN_LINKS) {
    throw new BtfmillError(
      'package-too-large',
      `${main.part}: file ${index} is one of ${set.length} hard links, more than ${MAX_OPEN_LINKS}`,
    );
  }
  const hasContent = !isEarlierLink && ['file', 'symlink'].includes(typeOfMode(mode));
  return {
    names: isEarlierLink ? [] : set.map((each) => nameOf(main, table, each)),
    mode,
    sizeBytes: hasContent ? table.sizes[index] : 0,
    isEarlierLink,
  };
}

/** Relative to the root, as names in the other forms of cpio are. */
function nameOf(main: RpmHeader, { basenames, dirnames, dirIndexes }: FileTable, index: number): string {
  const dirIndex = dirIndexes[index];
  if (dirIndex >= dirnames.length) {
    throw malformed(main.part, undefined, `file ${index} lies in folder ${dirIndex} of ${dirnames.length}`);
  }
  const nameBytes = dirnames.bytesAt(dirIndex) + basenames.bytesAt(index);
  if (nameBytes > MAX_NAME_BYTES) {
    throw malformed(main.part, undefined, `file ${index} has a name of ${nameBytes} bytes`);
  }
  return `${dirnames.at(dirIndex).replace(/^\//u, '')}${basenames.at(index)}`;
}
