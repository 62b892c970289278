/**
 * Whose behaviour a conversion reproduces: the rules that differ between pahole versions, as data. What each version
 * does was measured on kernels and small programs, and looked up in dwarves' btf_encoder.c and dwarf_loader.c.
 */

import type { PointedFunctions } from './prototypes.ts';

/** Names of the profiles this version of btfmill knows. */
export type ProfileName = 'pahole-1.24' | 'pahole-1.30' | 'pahole-1.32';

/** Which functions become a FUNC, and where it stands. */
export interface FunctionRules {
  /**
   * What of an ELF symbol's name a function's name has to be: all of it, or the part before the first dot
   * (`f` for `f.isra.0`). `grouped`: that part, but of symbols of whole functions (not `f.cold`, `f.part.0`); a name
   * whose symbols have several addresses is left out, and of several prototypes one at such an address is preferred.
   */
  readonly symbolName: 'whole' | 'before-dot' | 'grouped';
  /**
   * `first-in-unit`: the first of a name in the stream, right there. `sorted-at-end`: all of a name are compared, and
   * those that pass stand behind all units, by name; the names of their parameters still count where they were met.
   */
  readonly placement: 'first-in-unit' | 'sorted-at-end';
  /** In a file without function symbols: every external one, or none. */
  readonly withoutSymbols: 'external' | 'none';
  /**
   * Leave out those of which one parameter was found in another register than the ABI says. `by-number`: every
   * parameter is expected in the register of its number. `by-size`: wide ones take several; functions that optimisation
   * took parameters from, or changed the order of, are left out, too.
   */
  readonly unexpectedRegisters: 'kept' | 'by-number' | 'by-size';
  /**
   * Leave out those whose name has several prototypes, and what of pointed-to functions makes them differ. `kept`: do
   * not.
   */
  readonly inconsistent: 'kept' | PointedFunctions;
  /**
   * DECL_TAG `bpf_kfunc` and `bpf_fastcall` on the functions that `.BTF_ids` lists, before or after the function's own
   * tags.
   */
  readonly tagKfuncs: 'no' | 'first' | 'last';
  /** Names of parameters and values of tags are cut to this. */
  readonly maxNameBytes: number;
}

/**
 * Which per-CPU variables become a VAR. `symbol`: at any depth, named and sized by the ELF symbol at their address.
 * `top-level`: outside of functions, named and sized by their DWARF.
 */
export type VariableRules = 'symbol' | 'top-level';

/**
 * What an array of several dimensions becomes. `flat`: one ARRAY of as many elements as all dimensions have, one
 * element without any dimension. `chained`: an ARRAY per dimension, the innermost first; none means no elements.
 */
export type ArrayRules = 'flat' | 'chained';

/** The rules of one pahole version, as a conversion follows them. */
export interface Profile {
  readonly name: ProfileName;
  /** Units of these DW_LANG_* are left out (pahole's --lang_exclude). */
  readonly excludedLanguages: readonly number[];
  /** What floating point types become; complex ones have no FLOAT. */
  readonly floats: 'INT' | 'FLOAT';
  readonly arrays: ArrayRules;
  /** gcc's annotations (DW_AT_GNU_annotation) become TYPE_TAG and DECL_TAG like clang's. */
  readonly gnuAnnotations: boolean;
  readonly functions: FunctionRules;
  readonly variables: VariableRules;
}

const DW_LANG_RUST = 0x1c;

/** pahole copies names of parameters through a buffer of the kernel's KSYM_NAME_LEN. */
const KSYM_NAME_BYTES = 127;

/** Every profile by name. All but their rules is common to all of them. */
export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  'pahole-1.24': {
    name: 'pahole-1.24',
    excludedLanguages: [DW_LANG_RUST],
    floats: 'INT',
    arrays: 'flat',
    gnuAnnotations: false,
    functions: {
      symbolName: 'whole',
      placement: 'first-in-unit',
      withoutSymbols: 'external',
      unexpectedRegisters: 'kept',
      inconsistent: 'kept',
      tagKfuncs: 'no',
      maxNameBytes: Number.POSITIVE_INFINITY,
    },
    variables: 'symbol',
  },
  'pahole-1.30': {
    name: 'pahole-1.30',
    excludedLanguages: [DW_LANG_RUST],
    floats: 'FLOAT',
    arrays: 'flat',
    gnuAnnotations: false,
    functions: {
      symbolName: 'before-dot',
      placement: 'sorted-at-end',
      withoutSymbols: 'none',
      unexpectedRegisters: 'by-number',
      inconsistent: 'result',
      tagKfuncs: 'first',
      maxNameBytes: KSYM_NAME_BYTES,
    },
    variables: 'top-level',
  },
  'pahole-1.32': {
    name: 'pahole-1.32',
    excludedLanguages: [DW_LANG_RUST],
    floats: 'FLOAT',
    arrays: 'chained',
    gnuAnnotations: true,
    functions: {
      symbolName: 'grouped',
      placement: 'sorted-at-end',
      withoutSymbols: 'none',
      unexpectedRegisters: 'by-size',
      inconsistent: 'result-and-parameters',
      tagKfuncs: 'last',
      maxNameBytes: KSYM_NAME_BYTES,
    },
    variables: 'top-level',
  },
};

/** What is reproduced when nobody says otherwise. */
export const DEFAULT_PROFILE: ProfileName = 'pahole-1.30';
