/**
 * Does somebody else's BTF of the same kernel agree with our conversion of its DWARF? The other one is the kernel's
 * own `.BTF`, or what pahole makes of the same file. What their encoders' rules explain is tolerated and named.
 */

import { join } from 'node:path';
import type { ProfileName } from '../dwarf/index.ts';
import { BtfmillError } from '../errors/index.ts';
import type { Comparison, CrossCheckDetails } from './compare-btf.ts';
import { compareInThread } from './compute.ts';
import {
  OLDEST_USABLE_PAHOLE,
  type Pahole,
  encodeWithPahole,
  findPahole,
  profileOfPahole,
} from './pahole.ts';
import type { BtfSource, ConvertedKernel } from './types.ts';

export type { CrossCheckDetails, LayerCounts } from './compare-btf.ts';

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
  const { profile, fromDwarf: ours, native } = converted;
  if (o.mode === 'auto' && isNativePublished && native !== undefined) {
    const oracle = { against: 'native', profile } as const;
    // The kernel does not say which encoder made it: if it was one of our rules, nothing has to be tolerated.
    const exact = { ours, theirs: native, oracle: { ...oracle, hasOurRules: true } };
    const comparison = await compareInThread(exact, o.signal);
    if (comparison.verdict === 'equal') return finish(comparison);
    const tolerant = { ...exact, oracle: { ...oracle, hasOurRules: false } };
    return finish(await compareInThread(tolerant, o.signal));
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
  const theirs = await encodeWithPahole(pahole, vmlinuxPath, join(o.workDir, 'cross-check.btf'), o);
  return finish(await compareWithPahole(ours, theirs, pahole, profile, o));
}

/**
 * A pahole that follows another profile is compared with what we make by that profile, which has to be equal in all,
 * and that with what is published, of which only the rules' differences may be left. A second conversion takes a
 * second or two; looking past the rules would leave all functions and most variables unjudged.
 */
async function compareWithPahole(
  ours: Uint8Array,
  theirs: Uint8Array,
  pahole: Pahole,
  profile: ProfileName,
  { convert, signal }: CrossCheckOptions,
): Promise<Comparison> {
  const compare = async (a: Uint8Array, b: Uint8Array, hasOurRules: boolean): Promise<Comparison> => {
    const oracle = { against: 'pahole', version: pahole.version, profile, hasOurRules } as const;
    return compareInThread({ ours: a, theirs: b, oracle }, signal);
  };
  const theirProfile = profileOfPahole(pahole);
  if (theirProfile === profile) return compare(ours, theirs, true);
  const likeTheirs = theirProfile === undefined ? undefined : await convert?.(theirProfile, signal);
  if (likeTheirs === undefined) return compare(ours, theirs, false);
  const exact = await compare(likeTheirs, theirs, true);
  if (exact.verdict !== 'equal') return exact;
  const rules = await compare(ours, likeTheirs, false);
  const tolerated = rules.verdict === 'equal' ? rules.tolerated : [];
  return { ...rules, tolerated, details: exact.details };
}

function skipped(against: CrossCheckVerdict['against']): CrossCheckVerdict {
  const firstDifferences = ['not compared: --cross-check never'];
  return { against, verdict: 'skipped', firstDifferences, tolerated: [], milliseconds: 0 };
}

function whyUnusable(pahole: Pahole | undefined): string | undefined {
  if (pahole === undefined || pahole.versionNumber >= OLDEST_USABLE_PAHOLE) return undefined;
  return `pahole ${pahole.version} is too old to compare with, 1.24 is needed`;
}
