/**
 * Does somebody else's BTF of the same kernel agree with our conversion of its DWARF? The other one is the kernel's
 * own `.BTF`, or what pahole makes of the same file. What their encoders' rules explain is tolerated and named.
 */

import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
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
import { PROFILES, type ProfileName } from '../dwarf/index.ts';
import { BtfmillError, toBtfmillError } from '../errors/index.ts';
import { comparePerCpuVariables } from './cross-check-variables.ts';
import {
  OLDEST_USABLE_PAHOLE,
  type Pahole,
  encodeWithPahole,
  findPahole,
  profileOfPahole,
} from './pahole.ts';
import type { BtfSource, ConvertedKernel } from './types.ts';

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

export interface CrossCheckVerdict {
  readonly against: 'pahole' | 'native';
  /** `unavailable`: there was nothing to compare with; `skipped`: nobody wanted it (`never`). */
  readonly verdict: 'equal' | 'functions-differ' | 'types-differ' | 'unavailable' | 'skipped';
  /** Absent when there was nothing to compare with. */
  readonly details?: CrossCheckDetails;
  /** For people, at most 20; for `unavailable` and `skipped` the reason. */
  readonly firstDifferences: readonly string[];
  /** pahole's version. */
  readonly tool?: string;
  /** Differences that the other encoder's rules explain, one sentence each. */
  readonly tolerated: readonly string[];
  readonly milliseconds: number;
}

export interface CrossCheckOptions {
  /** `auto`: against native BTF if that is published, else pahole if installed. `always`: pahole. */
  readonly mode: 'auto' | 'always' | 'never';
  readonly workDir: string;
  readonly signal: AbortSignal;
  /** Which BTF will be published. Default: native if the kernel has it. */
  readonly publish?: BtfSource;
  /** Name or path of pahole. */
  readonly paholeCommand?: string;
  /** Converts the same file by the rules of another profile. */
  readonly convert?: (profile: ProfileName, signal: AbortSignal) => Promise<Uint8Array | undefined>;
}

/**
 * Undefined when there is nothing to check: no conversion of ours. Throws `tool-missing` when `always`
 * asks for a pahole that is not there, `oracle-failed` when pahole breaks, `btf-malformed` for our or the native BTF,
 * `aborted`. Without pahole, `auto` gives the verdict `unavailable`; `never` gives
 * `skipped`, so that the record says of every BTF that we made how it was checked.
 */
export async function crossCheck(
  converted: ConvertedKernel,
  vmlinuxPath: string,
  o: CrossCheckOptions,
): Promise<CrossCheckVerdict | undefined> {
  if (converted.fromDwarf === undefined) return undefined;
  const isNativePublished = o.publish !== 'dwarf' && converted.native !== undefined;
  if (o.mode === 'never') return skipped(isNativePublished ? 'native' : 'pahole');
  o.signal.throwIfAborted();
  const start = performance.now();
  const finish = (verdict: Omit<CrossCheckVerdict, 'milliseconds'>): CrossCheckVerdict => ({
    ...verdict,
    milliseconds: Math.round(performance.now() - start),
  });
  const { profile } = converted;
  const ours = decodeBtf(converted.fromDwarf);
  if (o.mode === 'auto' && isNativePublished && converted.native !== undefined) {
    const native = decodeBtf(converted.native);
    // The kernel does not say which encoder made it: if it was one of our rules, nothing has to be tolerated.
    const exact = await compare(ours, native, { against: 'native', profile, hasOurRules: true });
    if (exact.verdict === 'equal') return finish(exact);
    return finish(await compare(ours, native, { against: 'native', profile, hasOurRules: false }));
  }

  const pahole = await findPahole({
    signal: o.signal,
    ...(o.paholeCommand === undefined ? {} : { command: o.paholeCommand }),
  });
  const unusable = whyUnusable(pahole);
  if (pahole === undefined || unusable !== undefined) {
    const reason = unusable ?? 'pahole is not installed';
    if (o.mode === 'always') throw new BtfmillError('tool-missing', `cross-check: ${reason}`);
    const tool = pahole === undefined ? {} : { tool: pahole.version };
    return finish({
      against: 'pahole',
      verdict: 'unavailable',
      firstDifferences: [reason],
      tolerated: [],
      ...tool,
    });
  }
  const theirs = decodeOracle(
    await encodeWithPahole(pahole, vmlinuxPath, join(o.workDir, 'cross-check.btf'), o),
    pahole,
  );
  return finish(await compareWithPahole(ours, theirs, pahole, profile, o));
}

/**
 * A pahole that follows another profile is compared with what we make by that profile, which has to be equal in all,
 * and that with what is published, of which only the rules' differences may be left. A second conversion takes a
 * second or two; looking past the rules would leave all functions and most variables unjudged.
 */
async function compareWithPahole(
  ours: Btf,
  theirs: Btf,
  pahole: Pahole,
  profile: ProfileName,
  { convert, signal }: CrossCheckOptions,
): Promise<Omit<CrossCheckVerdict, 'milliseconds'>> {
  const oracle = { against: 'pahole', pahole, profile } as const;
  const theirProfile = profileOfPahole(pahole);
  if (theirProfile === profile) return compare(ours, theirs, { ...oracle, hasOurRules: true });
  const bytes = theirProfile === undefined ? undefined : await convert?.(theirProfile, signal);
  if (bytes === undefined) return compare(ours, theirs, { ...oracle, hasOurRules: false });
  const likeTheirs = decodeBtf(bytes);
  const exact = await compare(likeTheirs, theirs, { ...oracle, hasOurRules: true });
  if (exact.verdict !== 'equal') return exact;
  const rules = await compare(ours, likeTheirs, { ...oracle, hasOurRules: false });
  const tolerated = rules.verdict === 'equal' ? rules.tolerated : [];
  return { ...rules, tolerated, details: exact.details as CrossCheckDetails };
}

function skipped(against: CrossCheckVerdict['against']): CrossCheckVerdict {
  const firstDifferences = ['not compared: --cross-check never'];
  return { against, verdict: 'skipped', firstDifferences, tolerated: [], milliseconds: 0 };
}

function whyUnusable(pahole: Pahole | undefined): string | undefined {
  if (pahole === undefined || pahole.versionNumber >= OLDEST_USABLE_PAHOLE) return undefined;
  return `pahole ${pahole.version} is too old to compare with, 1.24 is needed`;
}

function decodeOracle(bytes: Uint8Array, pahole: Pahole): Btf {
  try {
    return decodeBtf(bytes);
  } catch (thrown) {
    const message = `pahole ${pahole.version} wrote unreadable BTF: ${toBtfmillError(thrown).message}`;
    throw new BtfmillError('oracle-failed', message, { cause: thrown });
  }
}

/** The other encoder, as far as it is known. */
interface Oracle {
  readonly against: 'pahole' | 'native';
  readonly pahole?: Pahole;
  /** Ours. */
  readonly profile: ProfileName;
  /** Nothing is tolerated then. */
  readonly hasOurRules: boolean;
}

const MAX_DIFFERENCES = 20;

async function compare(
  ours: Btf,
  theirs: Btf,
  oracle: Oracle,
): Promise<Omit<CrossCheckVerdict, 'milliseconds'>> {
  const { against, pahole, profile, hasOurRules } = oracle;
  const { tolerances, reasons } = hasOurRules
    ? { tolerances: {}, reasons: [] }
    : findTolerances(ours, theirs);
  const tolerated = [...reasons];
  // Each step takes a moment of computing; in between, downloads and the display get their turn.
  await setImmediate();
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
    await setImmediate();
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
    ...(pahole === undefined ? {} : { tool: pahole.version }),
  };
}

function whyFunctionsDiffer(ours: Btf, deep: DeepComparison, { against, pahole, profile }: Oracle): string {
  const { onlyA, onlyB } = deep.layers.functions;
  const counts = `${onlyA.length} classes only in ours, ${onlyB.length} only in theirs`;
  if (pahole !== undefined)
    return `functions: pahole ${pahole.version} chooses them by other rules than ${profile} (${counts})`;
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
