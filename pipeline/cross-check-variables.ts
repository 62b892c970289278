/**
 * Per-CPU variables of two BTFs whose encoders choose and name them by different rules: up to pahole 1.27 by ELF symbol
 * and at any depth, from 1.28 on by top-level DWARF entry. Tells what these rules explain from what they do not.
 */

import { BTF_KIND, type Btf } from '../btf/index.ts';

const K = BTF_KIND;

export interface VariableComparison {
  /** No difference is left that the rules do not explain. */
  readonly isExplained: boolean;
  /** One sentence per rule that was needed. */
  readonly reasons: readonly string[];
}

interface Placed {
  readonly section: string;
  readonly offset: number;
  readonly size: number;
}

/** Names that pahole from 1.28 on drops. */
const DROPPED_PREFIXES = [
  '__UNIQUE_ID',
  '__tpstrtab_',
  '__exitcall_',
  '__func_stack_frame_non_standard_',
  '__gendwarfksyms_ptr_',
];

/** Compares by section, name, offset and size; that types agree is the business of the deep comparison. */
export function comparePerCpuVariables(ours: Btf, theirs: Btf): VariableComparison {
  const our = placedVariables(ours);
  const their = placedVariables(theirs);
  if (their.size === 0 && our.size > 0) {
    return {
      isExplained: true,
      reasons: [`variables: theirs has none of ${our.size} (encoded with --skip_encoding_btf_vars)`],
    };
  }
  const onlyOurs: string[] = [];
  const onlyTheirs: string[] = [];
  let isExplained = true;
  for (const [name, place] of our) {
    const other = their.get(name);
    if (other === undefined) {
      onlyOurs.push(name);
      // A symbol with a number behind a dot is a variable inside a function.
      isExplained &&= /\.\d+$/u.test(name) || DROPPED_PREFIXES.some((prefix) => name.startsWith(prefix));
    } else if (!isSamePlace(place, other)) {
      isExplained = false;
    }
  }
  for (const [name, place] of their) {
    if (our.has(name)) continue;
    onlyTheirs.push(name);
    // The variable at the very start of the section has address 0, which older ones take for "no address".
    isExplained &&= place.offset === 0;
  }
  const reasons: string[] = [];
  if (onlyOurs.length > 0) {
    reasons.push(
      `variables: ${onlyOurs.length} only in ours, inside functions or dropped by name from pahole 1.28 on`,
    );
  }
  if (onlyTheirs.length > 0) {
    reasons.push(
      `variables: ${onlyTheirs.join(', ')} only in theirs, at address 0, seen from pahole 1.28 on`,
    );
  }
  return isExplained ? { isExplained, reasons } : { isExplained, reasons: [] };
}

function isSamePlace(a: Placed, b: Placed): boolean {
  return a.section === b.section && a.offset === b.offset && a.size === b.size;
}

function placedVariables(btf: Btf): Map<string, Placed> {
  const placed = new Map<string, Placed>();
  for (let id = btf.firstId; id < btf.typeCount; id++) {
    if (btf.kind(id) !== K.DATASEC) continue;
    const section = btf.name(id);
    for (let i = 0; i < btf.vlen(id); i++) {
      const name = btf.name(btf.sectionVariable(id, i));
      placed.set(name, { section, offset: btf.sectionOffset(id, i), size: btf.sectionSize(id, i) });
    }
  }
  return placed;
}
