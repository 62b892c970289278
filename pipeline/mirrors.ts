/** Several places that have the same file: which is asked when, and what is said when none of them would give it. */

import { BtfmillError, type ErrorCode } from '../errors/index.ts';

/** More are not asked: by then it is the file, or our way out, that is at fault. */
export const MAX_MIRRORS = 8;

/** After these, the next file need not be asked for there first: it is the host that fails, not the one file. */
const TROUBLES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'http-unreachable',
  'http-stalled',
  'http-truncated',
  'http-refused',
]);

/** Hosts that have given trouble, for as long as their owner remembers. */
export interface TroubledHosts {
  add(host: string): unknown;
  has(host: string): boolean;
}

/** One place and how it failed. */
export interface MirrorFailure {
  readonly url: string;
  readonly error: BtfmillError;
}

/** The places to ask, in this order: each once, those at troubled hosts last, at most {@link MAX_MIRRORS}. */
export function mirrorsToAsk(urls: readonly string[], troubled: TroubledHosts): string[] {
  const unique = [...new Set(urls)];
  const isTroubled = (url: string): boolean => troubled.has(hostOf(url));
  return [...unique.filter((url) => !isTroubled(url)), ...unique.filter(isTroubled)].slice(0, MAX_MIRRORS);
}

/** Remembers the host of a failure that the next file would most likely meet as well. */
export function rememberTrouble({ url, error }: MirrorFailure, troubled: TroubledHosts): void {
  if (TROUBLES.has(error.code)) troubled.add(hostOf(url));
}

/**
 * The one error for all of them; of a single place, its own. `package-digest` when any of them had another file,
 * `http-not-found` when none has it, else how the first of the others failed.
 *
 * @param notAsked how many further places there would have been
 */
export function mirrorsFailed(failures: readonly MirrorFailure[], notAsked: number): BtfmillError {
  const [first] = failures;
  if (failures.length === 1 && notAsked === 0) return first.error;
  const decisive =
    failures.find(({ error }) => error.code === 'package-digest') ??
    failures.find(({ error }) => error.code !== 'http-not-found') ??
    first;
  const more = notAsked === 0 ? '' : `; ${notAsked} further mirrors were not asked`;
  return new BtfmillError(
    decisive.error.code,
    `none of ${failures.length} mirrors gave the package: ${failures.map(describe).join('; ')}${more}`,
    { cause: decisive.error, retryable: failures.some(({ error }) => error.retryable) },
  );
}

/** A message is about the address that a redirect led to at times. */
function describe({ url, error: { message } }: MirrorFailure): string {
  return message.startsWith(url) ? message : `${url}: ${message}`;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}
