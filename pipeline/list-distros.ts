/**
 * Asks the crawlers of several distributions for what one request names, a few at once. What one of them cannot do, or
 * breaks on, is no matter to the others; a name that only some of them know is meant for those.
 */

import pLimit from 'p-limit';
import type { CrawlRequest, CrawlResult } from '../crawlers/types.ts';
import { BtfmillError, EXIT, toBtfmillError } from '../errors/index.ts';

/** Listing is waiting for mirrors, and for the one thread that parses: more at once would only take more memory. */
const DISTROS_AT_ONCE = 3;

/** What is asked of all of them. */
export interface DistrosRequest {
  readonly distros: readonly string[];
  readonly request: DistroRequest;
  /** Base URLs that replace the distributions' own, by distribution. */
  readonly mirrors: Readonly<Record<string, string>>;
  /** What is asked of a distribution by itself, in place of `request`: no name in it is meant for the others. */
  readonly own?: Readonly<Record<string, DistroRequest>>;
}

export type DistroRequest = Omit<CrawlRequest, 'mirror'>;

/** What one distribution is asked. */
export function requestOf(
  { request, own }: Pick<DistrosRequest, 'request' | 'own'>,
  distro: string,
): DistroRequest {
  return own?.[distro] ?? request;
}

export interface DistroTools {
  readonly list: (
    distro: string,
    request: CrawlRequest,
    say: (message: string) => void,
  ) => Promise<CrawlResult>;
  /** The architectures that a distribution has, or has had. */
  readonly archsOf: (distro: string) => readonly string[];
  readonly say: (message: string) => void;
  readonly signal: AbortSignal;
}

export interface DistroListing extends CrawlResult {
  readonly distro: string;
  /** Why there is nothing of it. */
  readonly error?: BtfmillError;
}

/**
 * The listings, in the order of the request.
 *
 * Throws `aborted`; `usage` for what makes no sense to any of the distributions; and, when no distribution could be
 * listed at all for reasons that lie on this machine, the first reason. A single distribution's error that does not lie
 * upstream is thrown as well.
 */
export async function listDistros(what: DistrosRequest, tools: DistroTools): Promise<DistroListing[]> {
  const sharing = what.distros.filter((distro) => what.own?.[distro] === undefined);
  const isShared = sharing.length > 1;
  const requests = new Map(Object.entries(what.own ?? {}));
  for (const distro of sharing) requests.set(distro, what.request);
  if (isShared) narrowArchs(sharing, requests, tools);
  const asked = what.distros.flatMap((distro) => {
    const request = requests.get(distro);
    return request === undefined ? [] : [{ distro, request }];
  });
  const limit = pLimit(DISTROS_AT_ONCE);
  const answers = await Promise.all(
    asked.map(({ distro, request }) =>
      limit(() => {
        const say = what.distros.length > 1 ? (text: string) => tools.say(`${distro}: ${text}`) : tools.say;
        const mirror = what.mirrors[distro];
        const own = { ...request, ...(mirror === undefined ? {} : { mirror }) };
        const ask = (releases: readonly string[]) =>
          answerOf(() => tools.list(distro, { ...own, releases }, say));
        const isAlone = !isShared || what.own?.[distro] !== undefined;
        return isAlone ? askAlone(distro, request.releases, ask) : askShared(distro, request.releases, ask);
      }),
    ),
  );
  tools.signal.throwIfAborted();
  if (isShared) {
    const shared = answers.filter(({ distro }) => sharing.includes(distro));
    judgeNames(what.request.releases, shared, tools);
  }
  const listings = answers.map(toListing);
  const broken = listings.flatMap(({ error }) => (error === undefined || isUpstream(error) ? [] : [error]));
  if (broken.length > 0 && broken.length === listings.length) throw broken[0];
  return listings;
}

/** How one call of a crawler ended. */
type Answer = { readonly result: CrawlResult } | { readonly error: BtfmillError };

interface DistroAnswer {
  readonly distro: string;
  /** Of what the distribution knows. */
  readonly known?: Answer;
  /** How it took the releases that it does not know, by name. */
  readonly unknown: ReadonlyMap<string, Answer>;
  /** Requests and bytes of questions whose answers are not among `known`. */
  readonly cost: { readonly indexBytes: number; readonly indexRequests: number };
}

async function answerOf(list: () => Promise<CrawlResult>): Promise<Answer> {
  try {
    return { result: await list() };
  } catch (thrown) {
    return { error: toBtfmillError(thrown) };
  }
}

interface Ask {
  (releases: readonly string[]): Promise<Answer>;
}

async function askAlone(distro: string, releases: readonly string[], ask: Ask): Promise<DistroAnswer> {
  return { distro, known: await ask(releases), unknown: new Map(), cost: NO_COST };
}

/** Each release by itself first, to see which are known; then, when there are several, those together and in order. */
async function askShared(distro: string, releases: readonly string[], ask: Ask): Promise<DistroAnswer> {
  if (releases.length === 0) return askAlone(distro, releases, ask);
  const unknown = new Map<string, Answer>();
  const known = new Map<string, Answer>();
  for (const release of releases) {
    const answer = await ask([release]);
    (isUnknown(answer) ? unknown : known).set(release, answer);
  }
  if (known.size > 1) {
    const cost = costOf([...unknown.values(), ...known.values()]);
    return { distro, known: await ask([...known.keys()]), unknown, cost };
  }
  const [only] = known.values();
  return { distro, unknown, cost: costOf(unknown.values()), ...(only === undefined ? {} : { known: only }) };
}

/** A name that cannot be one of its releases, or that its mirror has never heard of. */
function isUnknown(answer: Answer): boolean {
  if ('error' in answer) return answer.error.code === 'usage';
  const { packages, indexes, failures } = answer.result;
  return (
    packages.length === 0 &&
    indexes.length === 0 &&
    failures.length > 0 &&
    failures.every(({ error }) => error.code === 'http-not-found')
  );
}

/** Throws `usage` for a release that no distribution knows. One that some know is left out of the others' listings. */
function judgeNames(
  releases: readonly string[],
  answers: readonly DistroAnswer[],
  { say }: DistroTools,
): void {
  for (const release of new Set(releases)) {
    const strangers = answers.filter(({ unknown }) => unknown.has(release));
    if (strangers.length === answers.length) {
      const reasons = answers.map((answer) => reasonOf(answer.unknown.get(release)));
      throw new BtfmillError('usage', `no release ${release}: ${reasons.join('; ')}`);
    }
    for (const { distro, unknown } of strangers) {
      say(`${distro}: left out of release ${release}: ${reasonOf(unknown.get(release))}`);
    }
  }
}

function reasonOf(answer: Answer | undefined): string {
  if (answer === undefined) return '';
  return 'error' in answer ? answer.error.message : (answer.result.failures[0]?.error.message ?? '');
}

/** Leaves out of the shared requests the architectures that a distribution has never had. */
function narrowArchs(
  distros: readonly string[],
  requests: Map<string, DistroRequest>,
  { archsOf, say }: DistroTools,
): void {
  const known = new Map(distros.map((distro) => [distro, new Set(archsOf(distro))]));
  for (const arch of new Set(distros.flatMap((distro) => requests.get(distro)?.archs ?? []))) {
    if ([...known.values()].every((archs) => !archs.has(arch))) {
      throw new BtfmillError('usage', `none of ${distros.join(', ')} has kernels for ${arch}`);
    }
  }
  for (const [distro, archs] of known) {
    const request = requests.get(distro);
    if (request === undefined || request.archs.length === 0) continue;
    const left = request.archs.filter((arch) => archs.has(arch));
    const without = request.archs.filter((arch) => !archs.has(arch));
    if (without.length > 0) say(`${distro}: has no kernels for ${without.join(', ')}`);
    if (left.length === 0) requests.delete(distro);
    else requests.set(distro, { ...request, archs: left });
  }
}

const NO_COST = { indexBytes: 0, indexRequests: 0 };

const NOTHING: CrawlResult = { packages: [], indexes: [], failures: [], ...NO_COST };

function costOf(answers: Iterable<Answer>): { indexBytes: number; indexRequests: number } {
  const cost = { ...NO_COST };
  for (const answer of answers) {
    if ('error' in answer) continue;
    cost.indexBytes += answer.result.indexBytes;
    cost.indexRequests += answer.result.indexRequests;
  }
  return cost;
}

function toListing({ distro, known, cost }: DistroAnswer): DistroListing {
  if (known !== undefined && 'error' in known) return { distro, ...NOTHING, ...cost, error: known.error };
  const result = known?.result ?? NOTHING;
  return {
    distro,
    ...result,
    indexBytes: result.indexBytes + cost.indexBytes,
    indexRequests: result.indexRequests + cost.indexRequests,
  };
}

function isUpstream({ exitCode }: BtfmillError): boolean {
  return exitCode === EXIT.upstreamUnreachable || exitCode === EXIT.integrity;
}
