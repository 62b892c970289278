/**
 * Per-CPU variables of two BTFs whose encoders choose and name them by different rules: up to pahole 1.27 by ELF symbol
 * and at any depth, from 1.28 on by top-level DWARF entry. Tells what these rules explain from what they do not.
 */

import { BTF_KIND, type Btf, type LayerComparison, typeExpression } from '../btf/index.ts';
import type { VariableRules } from '../dwarf/index.ts';

const K = BTF_KIND;

export interface VariableComparison {
  /** No difference is left that the rules do not explain. */
  readonly isExplained: boolean;
  /** One sentence per rule that was needed. */
  readonly reasons: readonly string[];
}

interface PlacedVariable {
  readonly id: number;
  readonly name: string;
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

/**
 * @param differing what the deep comparison of the same two BTFs found of variables
 * @param ourRules which rules ours were chosen by; theirs may follow the same or the others
 */
export function comparePerCpuVariables(
  ours: Btf,
  theirs: Btf,
  differing: LayerComparison,
  ourRules: VariableRules = 'symbol',
): VariableComparison {
  const areOursNewer = ourRules === 'top-level';

  const our = variablesByPlace(ours);
  const their = variablesByPlace(theirs);
  if (their.size === 0 && our.size > 0) {
    const reason = `variables: theirs has none of ${our.size} (encoded with --skip_encoding_btf_vars)`;
    return { isExplained: true, reasons: [reason] };
  }
  const differentA = new Set(differing.onlyA);
  const differentB = new Set(differing.onlyB);
  const missing: string[] = [];
  const additional: string[] = [];
  const renamed: string[] = [];
  let isExplained = true;
  for (const [place, mine] of our) {
    const other = their.get(place);
    if (other === undefined) {
      missing.push(mine.name);
      isExplained &&= isExplainedAlone(mine, areOursNewer);
    } else if (mine.name !== other.name) {
      renamed.push(`${mine.name} as ${other.name}`);
      isExplained &&= isSameButForName(mine, other);
    } else {
      isExplained &&= mine.size === other.size && !differentA.has(mine.id) && !differentB.has(other.id);
    }
  }
  for (const [place, other] of their) {
    if (our.has(place)) continue;
    additional.push(other.name);
    isExplained &&= isExplainedAlone(other, !areOursNewer);
  }
  if (!isExplained) return { isExplained, reasons: [] };
  const reasons: string[] = [];
  const [newer, older] = areOursNewer ? ['ours', 'theirs'] : ['theirs', 'ours'];
  const [onlyNewer, onlyOlder] = areOursNewer ? [missing, additional] : [additional, missing];
  if (onlyOlder.length > 0) {
    reasons.push(
      `variables: ${onlyOlder.length} only in ${older}, left out by name or depth from pahole 1.28 on`,
    );
  }
  if (onlyNewer.length > 0) {
    reasons.push(
      `variables: ${onlyNewer.join(', ')} only in ${newer}, at address 0, seen from pahole 1.28 on`,
    );
  }
  if (renamed.length > 0) {
    reasons.push(
      `variables: ${renamed.join(', ')}, named by DWARF instead of ELF symbol from pahole 1.28 on`,
    );
  }
  return { isExplained, reasons };

  /** Two symbols may lie at one address; which of them names the variable depends on where one looks. */
  function isSameButForName(a: PlacedVariable, b: PlacedVariable): boolean {
    const typeA = typeExpression(ours, ours.sizeOrType(a.id));
    const typeB = typeExpression(theirs, theirs.sizeOrType(b.id));
    return a.size === b.size && typeA === typeB && ours.linkage(a.id) === theirs.linkage(b.id);
  }
}

/** Whether the rules explain why only one of the two encoders, the newer or the older, has a variable. */
function isExplainedAlone({ name, offset }: PlacedVariable, isNewer: boolean): boolean {
  // The variable at the very start of the section has address 0, which older ones take for "no address".
  return isNewer ? offset === 0 : isDroppedLater(name);
}

function isDroppedLater(name: string): boolean {
  // A symbol with a number behind a dot is a variable inside a function.
  return /\.\d+$/u.test(name) || DROPPED_PREFIXES.some((prefix) => name.startsWith(prefix));
}

function variablesByPlace(btf: Btf): Map<string, PlacedVariable> {
  const placed = new Map<string, PlacedVariable>();
  for (let section = btf.firstId; section < btf.typeCount; section++) {
    if (btf.kind(section) !== K.DATASEC) continue;
    const sectionName = btf.name(section);
    for (let i = 0; i < btf.vlen(section); i++) {
      const id = btf.sectionVariable(section, i);
      const offset = btf.sectionOffset(section, i);
      const size = btf.sectionSize(section, i);
      placed.set(`${sectionName} ${offset}`, { id, name: btf.name(id), offset, size });
    }
  }
  return placed;
}
