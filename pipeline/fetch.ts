/**
 * The fetch step: a package from its mirror into the cache folder, resumed within a run and across runs, and
 * verified against the digest its index gives. Cache names: `<digest>.deb`, `.rpm`; `<digest>.part` while it comes.
 *
 * The digest, not the server, decides whether the file is right: a server's validators (ETag, Last-Modified) are
 * used to avoid splicing two versions, but one that lies costs a second download at most. The next mirror goes on
 * where the one before gave up.
 */

import { createHash } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpClient, HttpResponse } from '../crawlers/http/client.ts';
import { retryDelayMs } from '../crawlers/http/retry-delay.ts';
import { type DigestParts, parsePackageDigest } from '../crawlers/package-digest.ts';
import type { DebugPackage } from '../crawlers/types.ts';
import { BtfmillError, type ErrorCode, toBtfmillError } from '../errors/index.ts';
import { ensureDiskSpace } from './disk-space.ts';
import { hashContent, PartialFile, type PartSource } from './partial-file.ts';
import {
  type MirrorFailure,
  mirrorsFailed,
  mirrorsToAsk,
  rememberTrouble,
  type TroubledHosts,
} from './mirrors.ts';
import { judgeAnswer, rangeHeaders } from './range-answer.ts';
import type { FetchedPackage, StepProgress } from './types.ts';

export interface FetchOptions {
  readonly http: HttpClient;
  /** Created when missing. */
  readonly cacheDir: string;
  readonly signal: AbortSignal;
  /** Bytes of the package that are there, and its size. */
  readonly onProgress?: StepProgress;
  /** Bytes that came over the network since the last call; also before a failure. */
  readonly onTraffic?: (bytes: number) => void;
  /** Cuts and stalls in a row, each without a MiB of progress, after which the mirror is given up. */
  readonly maxAttempts?: number;
  /** First pause after a cut; doubles each time, with jitter. */
  readonly backoffBaseMs?: number;
  /** Kept between packages: hosts that gave trouble are asked last. */
  readonly troubledHosts?: TroubledHosts;
}

type IndexedPackage = Pick<DebugPackage, 'url' | 'otherUrls' | 'digest' | 'sizeBytes' | 'format'>;

interface WantedPackage extends Omit<IndexedPackage, 'digest'> {
  readonly digest: DigestParts;
  /** Of one request to this mirror; default: the client's own number. */
  readonly requestTries?: number;
}

const DEFAULT_MAX_ATTEMPTS = 6;
const DEFAULT_BACKOFF_BASE_MS = 1000;

/** A mirror that cuts every connection after some MiB is slow but usable; one that gives less is not. */
const MIN_PROGRESS_BYTES = 1024 * 1024;

/**
 * Tries of one request, and cuts in a row, where another mirror may have the rest: a dead one takes 15 s to be known as
 * such each time, a stalled one 30 s, and going on elsewhere loses nothing.
 */
const TRIES_WITH_OTHERS_LEFT = 2;

/** The client's names for a body that did not come to its end. */
const CUT_CODES: ReadonlySet<ErrorCode> = new Set(['http-truncated', 'http-stalled']);

/** How one request ended. */
type Round =
  | { readonly kind: 'ended' }
  /** Cut, stalled, or an answer that does not fit the question: worth another request. */
  | { readonly kind: 'interrupted'; readonly error: BtfmillError }
  /** The mirror has another file under this name. */
  | { readonly kind: 'different'; readonly why: string };

/**
 * Gets one package into the cache and verifies it; a copy that is there and verifies costs no request. Mirrors are
 * asked one after the other until one has given the rest of it.
 *
 * Throws BtfmillError: `package-digest` when a mirror's file is another one (twice, the second time from zero
 * and past all caches), `http-truncated` or `http-stalled` when the mirror keeps failing in the middle,
 * `http-not-found`, `http-status`, what the client throws (of several mirrors, one error that names them all:
 * {@link mirrorsFailed}), `disk-full`, `io-failed`, `aborted`. What has come is kept for the next run, unless it was
 * all of another file.
 */
export async function fetchPackage(indexed: IndexedPackage, options: FetchOptions): Promise<FetchedPackage> {
  const digest = parsePackageDigest(indexed.digest);
  if (digest === undefined || !Number.isSafeInteger(indexed.sizeBytes) || indexed.sizeBytes <= 0) {
    throw new BtfmillError(
      'index-malformed',
      `${indexed.url}: impossible digest ${JSON.stringify(indexed.digest)} or size ${indexed.sizeBytes}`,
    );
  }
  const pkg = { ...indexed, digest };
  try {
    await mkdir(options.cacheDir, { recursive: true });
    const path = join(options.cacheDir, `${digest.hex}.${pkg.format}`);
    if (await isVerified(path, pkg, options.signal)) {
      options.onProgress?.(pkg.sizeBytes, pkg.sizeBytes);
      return { path, sizeBytes: pkg.sizeBytes, fetchedBytes: 0, resumedAt: pkg.sizeBytes };
    }
    return await download(path, pkg, options);
  } catch (error) {
    throw toBtfmillError(error);
  }
}

/** Whether the cache has the package. A damaged copy is removed. */
async function isVerified(path: string, pkg: WantedPackage, signal: AbortSignal): Promise<boolean> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (handle === undefined) return false;
  try {
    const hash = createHash(pkg.digest.algorithm);
    await hashContent(handle, hash, signal);
    if (hash.digest('hex') === pkg.digest.hex) return true;
  } finally {
    await handle.close();
  }
  await rm(path, { force: true });
  return false;
}

async function download(path: string, pkg: WantedPackage, options: FetchOptions): Promise<FetchedPackage> {
  const { cacheDir, signal } = options;
  const { algorithm, hex } = pkg.digest;
  const wanted = { sizeBytes: pkg.sizeBytes, algorithm };
  const part = await PartialFile.open(join(cacheDir, `${hex}.part`), wanted, signal);
  try {
    await ensureDiskSpace(cacheDir, pkg.sizeBytes - part.position, `the package ${pkg.url}`);
    const traffic = { bytes: 0 };
    await fillFromMirrors(part, pkg, options, traffic);
    await part.publish(path);
    return { path, sizeBytes: pkg.sizeBytes, fetchedBytes: traffic.bytes, resumedAt: part.resumedAt };
  } finally {
    await part.close();
  }
}

/** Completes the part from whichever mirror can. Throws the one error for all of them when none could. */
async function fillFromMirrors(
  part: PartialFile,
  pkg: WantedPackage,
  options: FetchOptions,
  traffic: { bytes: number },
): Promise<void> {
  const { troubledHosts = new Set() } = options;
  const urls = [pkg.url, ...(pkg.otherUrls ?? [])];
  const mirrors = mirrorsToAsk(urls, troubledHosts);
  const failures: MirrorFailure[] = [];
  for (const [index, url] of mirrors.entries()) {
    const hasOthers = index < mirrors.length - 1;
    const mirror = { ...pkg, url, ...(hasOthers ? { requestTries: TRIES_WITH_OTHERS_LEFT } : {}) };
    const error = await fillFromMirror(part, mirror, hasOthers ? hasty(options) : options, traffic);
    if (error === undefined) return;
    failures.push({ url, error });
    rememberTrouble({ url, error }, troubledHosts);
  }
  const error = mirrorsFailed(failures, new Set(urls).size - mirrors.length);
  if (error.code === 'package-digest' && part.position === 0) await part.discard();
  throw error;
}

function hasty({ maxAttempts = DEFAULT_MAX_ATTEMPTS, ...options }: FetchOptions): FetchOptions {
  return { ...options, maxAttempts: Math.min(maxAttempts, TRIES_WITH_OTHERS_LEFT) };
}

/** Gives the error when this mirror could not complete the part; throws what no other mirror could do better. */
async function fillFromMirror(
  part: PartialFile,
  pkg: WantedPackage,
  options: FetchOptions,
  traffic: { bytes: number },
): Promise<BtfmillError | undefined> {
  try {
    let why = await fill(part, pkg, options, traffic, {});
    if (why === undefined) return undefined;
    await part.reset();
    why = await fill(part, pkg, options, traffic, { 'cache-control': 'no-cache' });
    if (why === undefined) return undefined;
    await part.reset();
    return new BtfmillError('package-digest', `${pkg.url}: ${why}`);
  } catch (thrown) {
    const error = toBtfmillError(thrown);
    if (error.code.startsWith('http-')) return error;
    throw error;
  }
}

/** Requests until the part is complete. Gives the reason when it is complete but another file. */
async function fill(
  part: PartialFile,
  pkg: WantedPackage,
  options: FetchOptions,
  traffic: { bytes: number },
  extraHeaders: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const { maxAttempts = DEFAULT_MAX_ATTEMPTS, backoffBaseMs = DEFAULT_BACKOFF_BASE_MS } = options;
  let failures = 0;
  // Progress is what goes beyond the furthest point so far: a server that ignores Range and cuts would
  // otherwise keep us going in circles.
  let furthest = part.position;
  options.onProgress?.(part.position, pkg.sizeBytes);
  while (part.position < pkg.sizeBytes) {
    const round = await requestOnce(part, pkg, options, traffic, extraHeaders);
    if (round.kind === 'different') return round.why;
    if (part.position >= pkg.sizeBytes) break;
    failures = part.position >= furthest + MIN_PROGRESS_BYTES ? 1 : failures + 1;
    furthest = Math.max(furthest, part.position);
    if (failures >= maxAttempts) throw round.kind === 'interrupted' ? round.error : tooShort(part, pkg);
    await sleep(retryDelayMs(failures, backoffBaseMs), undefined, { signal: options.signal });
  }
  const { algorithm, hex } = pkg.digest;
  const found = part.digest();
  return found === hex ? undefined : `${algorithm.replace('sha', 'SHA-')} is ${found}, the index says ${hex}`;
}

async function requestOnce(
  part: PartialFile,
  pkg: WantedPackage,
  { http, signal, onProgress, onTraffic }: FetchOptions,
  traffic: { bytes: number },
  extraHeaders: Readonly<Record<string, string>>,
): Promise<Round> {
  const headers = { 'accept-encoding': 'identity', ...rangeHeaders(part, pkg), ...extraHeaders };
  const { url, requestTries: maxAttempts } = pkg;
  const tries = maxAttempts === undefined ? {} : { maxAttempts };
  const response = await http.request(url, { headers, signal, ...tries });
  try {
    const verdict = judgeAnswer(response, part, pkg);
    if (verdict.kind === 'different') return verdict;
    if (verdict.kind !== 'rest') await part.reset();
    if (verdict.kind === 'unfit') {
      const message = `${response.url}: answered ${response.statusCode} ${verdict.why}`;
      return { kind: 'interrupted', error: new BtfmillError('http-status', message) };
    }
    if (part.source?.url !== pkg.url) await part.setSource(sourceOf(response, pkg));
    return await receive(response.body, part, pkg, (bytes) => {
      traffic.bytes += bytes;
      onTraffic?.(bytes);
      onProgress?.(part.position, pkg.sizeBytes);
    });
  } finally {
    response.body.destroy();
  }
}

/** Takes in the body's bytes; gives the reason when they are more than the file can have. */
async function receive(
  body: AsyncIterable<Buffer>,
  part: PartialFile,
  { sizeBytes }: WantedPackage,
  count: (bytes: number) => void,
): Promise<Round> {
  try {
    for await (const chunk of body) {
      if (part.position + chunk.length > sizeBytes) {
        return { kind: 'different', why: `it goes on behind the ${sizeBytes} bytes that the index says` };
      }
      await part.append(chunk);
      count(chunk.length);
    }
    return { kind: 'ended' };
  } catch (error) {
    const isCut = error instanceof BtfmillError && CUT_CODES.has(error.code);
    if (!isCut) throw error;
    return { kind: 'interrupted', error };
  }
}

function sourceOf({ headers }: HttpResponse, pkg: WantedPackage): PartSource {
  return {
    url: pkg.url,
    ...(headers['etag'] === undefined ? {} : { etag: headers['etag'] }),
    ...(headers['last-modified'] === undefined ? {} : { lastModified: headers['last-modified'] }),
    size: pkg.sizeBytes,
  };
}

function tooShort(part: PartialFile, pkg: WantedPackage): BtfmillError {
  return new BtfmillError(
    'http-truncated',
    `${pkg.url}: ends after ${part.position} of ${pkg.sizeBytes} bytes`,
  );
}
