/** Finds the supplementary file that dwz's output names (`.gnu_debugaltlink`, `.debug_sup`). */

import { realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { readSupplementLink } from '../../dwarf/index.ts';
import { type ElfFile, openElf } from '../../elf/index.ts';
import { aboutFile } from '../../errors/index.ts';
import { type FileSource, openFileSource } from './file-source.ts';
import { zstd } from './zstd.ts';

export interface Supplement {
  readonly path: string;
  readonly file: ElfFile;
  readonly source: FileSource;
}

/**
 * Opens the supplementary file of `file`, which was read from `path`.
 * @param given where the user says that it is; else it is looked for where the file says
 * @returns undefined when none is named, or the named one is not there: it may turn out not to be needed
 */
export function openSupplement(
  file: ElfFile,
  path: string,
  given: string | undefined,
): Supplement | undefined {
  const found = given ?? namedPath(file, path);
  if (found === undefined) return undefined;
  const source = openFileSource(found);
  try {
    return { path: found, file: openElf(source, { zstd }), source };
  } catch (thrown) {
    source.close();
    throw aboutFile(thrown, found);
  }
}

/** A name is relative to the folder of the file itself, not of a link to it. */
function namedPath(file: ElfFile, path: string): string | undefined {
  const link = readSupplementLink(file);
  if (link === undefined || link.path === '') return undefined;
  const named = resolve(dirname(realpathSync(path)), link.path);
  // Whatever else a hostile file may name (a FIFO, a device) is not opened.
  return statSync(named, { throwIfNoEntry: false })?.isFile() === true ? named : undefined;
}
