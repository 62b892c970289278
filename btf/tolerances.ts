/**
 * Two encoders that work by different rules give different BTF for one program. This finds, from the BTFs alone, by
 * which of the known rules they differ, so that a comparison can look past exactly those.
 */

import { type CompareTolerances, uniqueComposites } from './compare-graph.ts';
import { BTF_INT_SIGNED, BTF_KIND } from './constants.ts';
import type { Btf } from './view.ts';

const K = BTF_KIND;

/** What two BTFs' encoders did differently, and the sentences that say so. */
export interface FoundTolerances {
  readonly tolerances: CompareTolerances;
  /** One sentence per tolerance that is on: the rule and how often it shows. */
  readonly reasons: readonly string[];
}

/** What one encoder's rules left in its BTF. */
interface Traits {
  readonly floats: number;
  readonly typeTags: number;
  readonly typeAttributes: number;
  readonly declTags: number;
  readonly signedEnums: number;
  readonly enum64s: number;
  readonly nestedArrays: number;
  readonly resolvableForwards: number;
  readonly hasUnsignedChar: boolean;
  readonly hasSignedChar: boolean;
}

/**
 * `theirs` is the BTF of the encoder whose rules are not ours. A tolerance is on only when one of the two shows an
 * encoder's habit and the other does not; two BTFs of the same habits get no tolerance at all.
 */
export function findTolerances(ours: Btf, theirs: Btf): FoundTolerances {
  const our = readTraits(ours);
  const their = readTraits(theirs);
  const reasons: string[] = [];
  const tolerances: Record<string, true> = {};
  const add = (name: keyof CompareTolerances, reason: string): void => {
    tolerances[name] = true;
    reasons.push(reason);
  };

  const onlyOne = (trait: 'floats' | 'typeTags' | 'typeAttributes' | 'declTags' | 'nestedArrays'): number =>
    our[trait] > 0 && their[trait] > 0 ? 0 : our[trait] + their[trait];
  if (onlyOne('floats') > 0) {
    add('floatAsInt', `floats: ${onlyOne('floats')} FLOAT count as INT (encoded with --btf_gen_floats)`);
  }
  const tags = [
    onlyOne('typeTags') > 0 ? `${onlyOne('typeTags')} TYPE_TAG` : '',
    onlyOne('typeAttributes') > 0 ? `${onlyOne('typeAttributes')} type attributes` : '',
    onlyOne('declTags') > 0 ? `${onlyOne('declTags')} DECL_TAG` : '',
  ].filter((tag) => tag !== '');
  if (tags.length > 0) add('ignoreTags', `tags: ${tags.join(', ')} are looked through`);
  if (their.resolvableForwards > 0 && our.resolvableForwards === 0) {
    const count = their.resolvableForwards;
    add(
      'resolveForwards',
      `forwards: ${count} FWD count as the type of their name (libbpf before 1.1 leaves them)`,
    );
  }
  if (onlyOne('nestedArrays') > 0) {
    add(
      'flattenArrays',
      `arrays: ${onlyOne('nestedArrays')} arrays of arrays count as flat (pahole from 1.32 on)`,
    );
  }
  if (their.hasUnsignedChar && !our.hasUnsignedChar && our.hasSignedChar) {
    add('ignoreCharSign', 'char: its sign is not compared (pahole before 1.24 leaves it out)');
  }
  const lacksSignedEnums = their.signedEnums === 0 && our.signedEnums > 0;
  const lacksEnum64 = their.enum64s === 0 && our.enum64s > 0;
  if (lacksSignedEnums || lacksEnum64) {
    add(
      'ignoreEnumKind',
      'enums: sign and upper 32 bits of values are not compared (encoded without ENUM64)',
    );
  }
  return { tolerances, reasons };
}

function readTraits(btf: Btf): Traits {
  const traits = {
    floats: 0,
    typeTags: 0,
    typeAttributes: 0,
    declTags: 0,
    signedEnums: 0,
    enum64s: 0,
    nestedArrays: 0,
    resolvableForwards: 0,
    hasUnsignedChar: false,
    hasSignedChar: false,
  };
  const definitionOf = uniqueComposites(btf);
  for (let id = btf.firstId; id < btf.typeCount; id++) {
    switch (btf.kind(id)) {
      case K.FLOAT:
        traits.floats++;
        break;
      case K.TYPE_TAG:
        if (btf.kindFlag(id)) traits.typeAttributes++;
        else traits.typeTags++;
        break;
      case K.DECL_TAG:
        traits.declTags++;
        break;
      case K.ENUM:
        if (btf.kindFlag(id)) traits.signedEnums++;
        break;
      case K.ENUM64:
        traits.enum64s++;
        break;
      case K.ARRAY:
        if (btf.kind(btf.arrayElementType(id)) === K.ARRAY) traits.nestedArrays++;
        break;
      case K.FWD:
        if (definitionOf(id) !== undefined) traits.resolvableForwards++;
        break;
      case K.INT:
        if (btf.sizeOrType(id) === 1 && btf.name(id) === 'char') {
          if ((btf.intEncoding(id) & BTF_INT_SIGNED) !== 0) traits.hasSignedChar = true;
          else traits.hasUnsignedChar = true;
        }
        break;
      default:
    }
  }
  return traits;
}
