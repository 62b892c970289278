/** A mirror that fails at random: the same seed gives the same kinds of faults, in the order in which it is asked. */

import type { Random } from '../fuzz/random.ts';
import type { Fault, SeenRequest } from '../support/file-server.ts';

/** Roughly in the proportion in which mirrors do such things. */
const FAULTS: readonly ((random: Random) => Fault)[] = [
  () => ({ kind: 'status', statusCode: 404 }),
  () => ({ kind: 'status', statusCode: 500 }),
  () => ({ kind: 'status', statusCode: 503, headers: { 'retry-after': '1' } }),
  () => ({ kind: 'status', statusCode: 403 }),
  () => ({ kind: 'hang-up' }),
  (random) => ({ kind: 'cut', afterBytes: random.below(8000) }),
  (random) => ({ kind: 'truncate', toBytes: random.below(6000) }),
  (random) => ({ kind: 'overstate', byBytes: 1 + random.below(1000) }),
  (random) => ({ kind: 'flip', offset: random.below(6000) }),
  (random) => ({ kind: 'replace', body: random.bytes(random.below(9000)) }),
  () => ({ kind: 'replace', body: Buffer.from('<html><title>Under maintenance</title></html>\n') }),
  () => ({ kind: 'no-ranges' }),
  (random) => ({ kind: 'trickle', chunkBytes: 4000, pauseMs: random.below(50) }),
];

/** Half a minute of silence each, until the client gives the connection up. */
const STALL = (random: Random): Fault => ({ kind: 'stall', afterBytes: random.below(8000) });

export interface RandomMirror {
  /** For the file server. */
  choose(request: SeenRequest): Fault | undefined;
  /** How often each kind of fault was made. */
  readonly counts: ReadonlyMap<string, number>;
}

/** @param oneIn one request in so many goes wrong */
export function randomMirror(
  random: Random,
  { oneIn, hasStalls }: { readonly oneIn: number; readonly hasStalls: boolean },
): RandomMirror {
  const faults = hasStalls ? [...FAULTS, STALL] : FAULTS;
  const counts = new Map<string, number>();
  return {
    counts,
    choose() {
      if (!random.oneIn(oneIn)) return undefined;
      const fault = random.pick(faults)(random);
      counts.set(fault.kind, (counts.get(fault.kind) ?? 0) + 1);
      return fault;
    },
  };
}
