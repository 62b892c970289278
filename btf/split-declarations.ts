/** What declarations mean when a module and its base are taken together: FWDs, and enums without values. */

import type { BaseIndex, NamedInBase } from './base-index.ts';
import { BTF_KIND } from './constants.ts';
import { NameOffsets } from './type-labels.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

/** A type of the module that the base only declares. */
export interface DefinedByModule {
  readonly id: number;
  /** The base's FWD or empty enum. */
  readonly declaration: number;
}

export interface Declarations {
  /** By id of the module: the definition in the base that a declaration stands for; 0 for all other types. */
  readonly declared: Uint32Array;
  readonly defined: readonly DefinedByModule[];
}

export function matchDeclarations(module: Btf, base: BaseIndex): Declarations {
  const declared = new Uint32Array(module.typeCount);
  const names = new NameOffsets(module.strings, base.strings);
  const forwards: number[] = [];
  const definedNames = new Set<number>();
  const defined = new Map<number, DefinedByModule>();
  for (let id = 1; id < module.typeCount; id++) {
    const kind = module.kind(id);
    const isEnum = kind === K.ENUM || kind === K.ENUM64;
    if (!isEnum && kind !== K.STRUCT && kind !== K.UNION && kind !== K.FWD) continue;
    const name = names.offsetOf(module.nameOffset(id));
    const found = name > 0 ? base.named.get(name) : undefined;
    if (found === undefined) continue;
    if (kind === K.FWD) {
      forwards.push(id);
    } else if (isEnum && module.vlen(id) === 0) {
      declared[id] = found.enumeration;
    } else {
      if (!isEnum) definedNames.add(name);
      const declaration = declarationOf(found, kind);
      if (declaration !== 0 && !defined.has(declaration)) defined.set(declaration, { id, declaration });
    }
  }
  for (const id of forwards) {
    const name = names.offsetOf(module.nameOffset(id));
    const found = base.named.get(name) as NamedInBase;
    if (!definedNames.has(name)) declared[id] = onlyDefinition(base.btf, found, module.kindFlag(id));
  }
  return { declared, defined: [...defined.values()] };
}

/** What the base has of a type that it only declares; 0 when it has a definition, or nothing, of the name. */
function declarationOf(found: NamedInBase, kind: number): number {
  const isComposite = kind === K.STRUCT || kind === K.UNION;
  if (!isComposite) return found.enumeration === 0 ? found.enumDeclaration : 0;
  if (found.composites.length > 0) return 0;
  return kind === K.UNION ? found.unionForward : found.structForward;
}

/**
 * The only struct or union of a name, if it is what the declaration says. A name that the base also declares stays
 * declared (libbpf: btf_dedup_resolve_fwd leaves a FWD that is equal to another).
 */
function onlyDefinition(base: Btf, { composites, ...found }: NamedInBase, isUnion: boolean): number {
  if (composites.length !== 1) return 0;
  if ((isUnion ? found.unionForward : found.structForward) !== 0) return 0;
  const [id] = composites;
  return (base.kind(id) === K.UNION) === isUnion ? id : 0;
}
