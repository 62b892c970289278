/** Is a BTF one that a kernel can have, and what is in it? A moment's work; callers use pipeline/compute.ts. */

import { checkKernelBtf, countKinds, decodeBtf, validateBtf } from '../btf/index.ts';
import { FormatError } from '../elf/format-error.ts';

/** What is in it, or the first thing that is wrong with it. */
export type Inspection =
  | { readonly typeCount: number; readonly typesByKind: Readonly<Record<string, number>> }
  | { readonly problem: string };

export function inspectBtf(bytes: Uint8Array): Inspection {
  try {
    const btf = decodeBtf(bytes);
    const [problem] = validateBtf(btf);
    if (problem !== undefined) throw new FormatError('btf-malformed', { format: 'btf' }, problem.text);
    checkKernelBtf(btf);
    return { typeCount: btf.typeCount - 1, typesByKind: countKinds(btf) };
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    return { problem: thrown.message };
  }
}
