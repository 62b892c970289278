/** Reading a file's BTF for a user who watches: a kernel's DWARF takes seconds. */

import { type LoadedBtf, loadBtf, type LoadOptions } from '../../pipeline/load-btf.ts';
import { showConversion } from '../ui/conversion-progress.ts';

/**
 * {@link loadBtf}, with a line on the terminal while it converts.
 * @param shownName what the user calls the file; `path` may be that of a copy
 */
export async function loadShown(
  path: string,
  shownName: string,
  options: Omit<LoadOptions, 'onProgress'>,
): Promise<LoadedBtf> {
  const progress = showConversion(shownName === '-' ? 'stdin' : shownName);
  try {
    return await loadBtf(path, { ...options, onProgress: progress.onProgress });
  } finally {
    progress.close();
  }
}
