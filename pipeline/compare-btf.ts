/** Compares a conversion of ours with somebody else's BTF of the same kernel, and says in words what differs. */

import {
  BTF_KIND,
  type Btf,
  type DeepComparison,
  type LayerComparison,
  type ShallowDifference,
  compareDeep,
  compareShallow,
  decodeBtf,
  findTolerances,
  typeExpression,
} from '../btf/index.ts';
import { PROFILES, type ProfileName } from '../dwarf/profile.ts';
import { BtfmillError, toBtfmillError } from '../errors/index.ts';
import { comparePerCpuVariables } from './cross-check-variables.ts';

/** Numbers of classes (distinct types) in one part of the two BTFs. */
export interface LayerCounts {
  readonly common: number;
  readonly onlyOurs: number;
  readonly onlyTheirs: number;
}

export interface CrossCheckDetails {
  readonly types: LayerCounts;
  readonly functions: LayerCounts;
  readonly variables: LayerCounts;
  /** Types that are there more than once. */
  readonly duplicatesOurs: number;
  readonly duplicatesTheirs: number;
  /** Whether both encoders select functions by the same rules, so that a difference in them counts. */
  readonly functionsJudged: boolean;
}

/** The other encoder, as far as it is known. */
export interface Oracle {
  readonly against: 'pahole' | 'native';
  /** pahole's. */
  readonly version?: string;
  /** Ours. */
  readonly profile: ProfileName;
  /** Nothing is tolerated then. */
  readonly hasOurRules: boolean;
}

export interface CompareInput {
  readonly ours: Uint8Array;
  readonly theirs: Uint8Array;
  readonly oracle: Oracle;
}

export interface Comparison {
  readonly against: Oracle['against'];
  readonly verdict: 'equal' | 'functions-differ' | 'types-differ';
  readonly details: CrossCheckDetails;
  /** For people, at most {@link MAX_DIFFERENCES}. */
  readonly firstDifferences: readonly string[];
  /** Differences that the other encoder's rules explain, one sentence each. */
  readonly tolerated: readonly string[];
  /** pahole's version. */
  readonly tool?: string;
}

const MAX_DIFFERENCES = 20;

/**
 * Compares two BTFs of one kernel; up to a second of computing, so that callers use pipeline/compute.ts.
 * @throws FormatError `btf-malformed`; BtfmillError `oracle-failed` for what a pahole wrote.
 */
export function compareBtf(input: CompareInput): Comparison {
  const { oracle } = input;
  const { against, version, profile, hasOurRules } = oracle;
  const ours = decodeBtf(input.ours);
  const theirs = version === undefined ? decodeBtf(input.theirs) : decodeOracle(input.theirs, version);
  const { tolerances, reasons } = hasOurRules
    ? { tolerances: {}, reasons: [] }
    : findTolerances(ours, theirs);
  const tolerated = [...reasons];
  const deep = compareDeep(ours, theirs, tolerances);

  let sameVariables = deep.equalVariables;
  if (!sameVariables && !hasOurRules) {
    const variables = comparePerCpuVariables(
      ours,
      theirs,
      deep.layers.variables,
      PROFILES[profile].variables,
    );
    sameVariables = variables.isExplained;
    tolerated.push(...variables.reasons);
  }
  if (!deep.equalFunctions && !hasOurRules) tolerated.push(whyFunctionsDiffer(ours, deep, oracle));

  const verdict =
    !deep.equalTypes || !sameVariables
      ? 'types-differ'
      : hasOurRules && !deep.equalFunctions
        ? 'functions-differ'
        : 'equal';
  let firstDifferences: string[] = [];
  if (verdict !== 'equal') {
    const shallow = compareShallow(ours, theirs, { max: MAX_DIFFERENCES, tolerances });
    firstDifferences = shallow.differences.map(differenceText);
    if (firstDifferences.length === 0) firstDifferences = deepDifferences(ours, theirs, deep);
  }
  return {
    against,
    verdict,
    details: detailsOf(deep, hasOurRules),
    firstDifferences,
    tolerated,
    ...(version === undefined ? {} : { tool: version }),
  };
}

function whyFunctionsDiffer(ours: Btf, deep: DeepComparison, { against, version, profile }: Oracle): string {
  const { onlyA, onlyB } = deep.layers.functions;
  const counts = `${onlyA.length} classes only in ours, ${onlyB.length} only in theirs`;
  if (version !== undefined)
    return `functions: pahole ${version} chooses them by other rules than ${profile} (${counts})`;
  if (against === 'native' && onlyA.every((id) => ours.kind(id) !== BTF_KIND.FUNC)) {
    return `functions: theirs has all of ours and more, as parallel pahole before 1.29 leaves them (${counts})`;
  }
  return `functions: not judged, the rules of the kernel's own encoder are not known (${counts})`;
}

function detailsOf(deep: DeepComparison, functionsJudged: boolean): CrossCheckDetails {
  return {
    types: countsOf(deep.layers.types),
    functions: countsOf(deep.layers.functions),
    variables: countsOf(deep.layers.variables),
    duplicatesOurs: deep.duplicatesA,
    duplicatesTheirs: deep.duplicatesB,
    functionsJudged,
  };
}

function countsOf({ common, onlyA, onlyB }: LayerComparison): LayerCounts {
  return { common, onlyOurs: onlyA.length, onlyTheirs: onlyB.length };
}

function differenceText({ kind, name, what, linesA, linesB }: ShallowDifference): string {
  const subject = `${kind} ${name === '' ? '(anonymous)' : name}`;
  const ours = linesA.join(' | ');
  const theirs = linesB.join(' | ');
  if (what === 'only-a') return `${subject} only in ours: ${ours}`;
  if (what === 'only-b') return `${subject} only in theirs: ${theirs}`;
  return `${subject} differs: ours ${ours || '(same)'}; theirs ${theirs || '(same)'}`;
}

/** For differences that no single definition shows, e.g. which of two structs of one name a pointer means. */
function deepDifferences(ours: Btf, theirs: Btf, deep: DeepComparison): string[] {
  const { onlyA, onlyB } = deep.layers.types;
  return [
    ...onlyA.slice(0, MAX_DIFFERENCES / 2).map((id) => `[${id}] ${typeExpression(ours, id)} only in ours`),
    ...onlyB
      .slice(0, MAX_DIFFERENCES / 2)
      .map((id) => `[${id}] ${typeExpression(theirs, id)} only in theirs`),
  ];
}

function decodeOracle(bytes: Uint8Array, version: string): Btf {
  try {
    return decodeBtf(bytes);
  } catch (thrown) {
    const message = `pahole ${version} wrote unreadable BTF: ${toBtfmillError(thrown).message}`;
    throw new BtfmillError('oracle-failed', message, { cause: thrown });
  }
}
