/**
 * Kernels that Ubuntu has taken out of its archives, from Launchpad, which keeps what it once built. Nothing there is
 * signed: the chain is HTTPS to the web service and the SHA-256 that it gives.
 */

import { BtfmillError } from '../../errors/index.ts';
import { compareDebianVersions } from '../apt/index.ts';
import type { Arch } from '../arch.ts';
import { isPattern } from '../glob.ts';
import { fetchIndexFile } from '../http/index-file.ts';
import { guardIndex, isAskedFor, type Listing } from '../listing.ts';
import type { DebugPackage } from '../types.ts';
import {
  parsePublicationPage,
  parsePublishedFiles,
  type Publication,
  type PublicationPage,
  type PublishedFile,
} from './launchpad-answers.ts';
import { isSigningSource, packageNamesOf, parsePackageName } from './names.ts';
import type { LaunchpadPlace } from './sources.ts';

/** What such packages have in place of a suite. */
export const LAUNCHPAD_SUITE = 'launchpad';

export interface HistoryQuestion {
  readonly place: LaunchpadPlace;
  readonly codename: string;
  /** The archive's name of the release. */
  readonly segment: string;
  readonly arch: Arch;
  /** Kernels of this release and architecture that are listed already; those that are found are added. */
  readonly known: Set<string>;
}

/** It is down, overloaded, or does not want us. */
const WANTS_PEACE: ReadonlySet<string> = new Set(['http-unreachable', 'http-refused', 'http-stalled']);
/** Entries of one page; the service allows 300. */
const PAGE_SIZE = 300;
/** A release and architecture has some ten thousand publications of kernel images; this is thirty times as many. */
const MAX_PAGES = 1000;
const MAX_PAGE_BYTES = 32 * 1024 * 1024;
const MAX_FILES_BYTES = 1024 * 1024;

/**
 * Adds the debug packages of kernels that are not listed yet, one question at a time. What Launchpad answers wrongly
 * is a failure of the listing; an answer that does not come ends the questions about this release and architecture.
 * False when Launchpad is better left alone from then on.
 */
export async function listHistory(question: HistoryQuestion, listing: Listing): Promise<boolean> {
  const { failures } = listing;
  const what = { suite: LAUNCHPAD_SUITE, release: question.segment };
  const failuresBefore = failures.length;
  const hasFailed = (isEnough: (code: string) => boolean) =>
    failures.slice(failuresBefore).some(({ error }) => isEnough(error.code));

  for (const query of queries(question, listing)) {
    const found = await guardIndex(what, failures, () => findPublications(query, question, listing));
    for (const publication of found ?? []) {
      if (hasFailed((code) => code.startsWith('http-'))) break;
      await guardIndex(what, failures, () => addPackage(publication, query, question, listing));
    }
    if (hasFailed((code) => code.startsWith('http-'))) break;
  }
  return !hasFailed((code) => WANTS_PEACE.has(code));
}

/**
 * Exact names when every kernel was given by its name; otherwise all that is called like a kernel image, which the
 * service can tell no better.
 */
function queries({ place, codename, arch }: HistoryQuestion, { request }: Listing): string[] {
  const isExact = request.kernels.length > 0 && !request.kernels.some(isPattern);
  const names = isExact ? request.kernels.flatMap(packageNamesOf) : ['linux-image-'];
  return [...new Set(names)].map((name) => {
    const parameters = new URLSearchParams({
      'ws.op': 'getPublishedBinaries',
      binary_name: name,
      exact_match: String(isExact),
      distro_arch_series: archSeriesLink(place, codename, arch),
      'ws.size': String(PAGE_SIZE),
    });
    return `${place.api}/ubuntu/+archive/primary?${parameters.toString()}`;
  });
}

function archSeriesLink({ api }: LaunchpadPlace, codename: string, { deb }: Arch): string {
  return `${api}/ubuntu/${codename}/${deb}`;
}

/** One publication for each kernel that is asked for and not listed yet: the unsigned package, the newest. */
async function findPublications(
  query: string,
  question: HistoryQuestion,
  { request, context, indexes }: Listing,
): Promise<Publication[]> {
  const { segment, arch, place, codename } = question;
  const expected = archSeriesLink(place, codename, arch);
  const byKernel = new Map<string, Publication>();
  let redacted = 0;
  for await (const { entries, url } of readPages(query, question, context)) {
    for (const publication of entries) {
      if (publication.archSeriesLink !== expected) {
        const what = `${publication.packageName} is of ${publication.archSeriesLink}, not of ${expected}`;
        throw new BtfmillError('index-malformed', `${url}: ${what}`);
      }
      const kernel = kernelOf(publication);
      if (kernel === undefined || !isAskedFor(kernel, request) || question.known.has(kernel)) continue;
      if (isRedacted(publication)) redacted += 1;
      else if (isBetter(publication, byKernel.get(kernel))) byKernel.set(kernel, publication);
    }
  }
  if (redacted > 0) context.say(`launchpad ${segment}: ${redacted} builds that are not public`);
  indexes.push({
    suite: LAUNCHPAD_SUITE,
    release: segment,
    arch: arch.archive,
    url: query,
    trust: request.insecure ? 'insecure' : 'tls-only',
    kernels: byKernel.size,
  });
  const count = `${byKernel.size} ${byKernel.size === 1 ? 'kernel' : 'kernels'}`;
  context.say(`launchpad ${segment} ${arch.archive}: ${count} that the debug archive lacks`);
  return [...byKernel.values()];
}

async function* readPages(
  query: string,
  { place }: HistoryQuestion,
  context: Listing['context'],
): AsyncGenerator<PublicationPage & { readonly url: string }> {
  const seen = new Set<string>();
  let url: string | undefined = query;
  while (url !== undefined) {
    if (seen.has(url) || seen.size === MAX_PAGES) {
      throw new BtfmillError('index-malformed', `${url}: pages without an end`);
    }
    seen.add(url);
    const page = await fetchPage(url, context);
    yield { ...page, url };
    url =
      page.next === undefined
        ? undefined
        : checkLink(page.next, `${place.api}/ubuntu/+archive/primary?`, /^[^#]*$/);
  }
}

async function fetchPage(url: string, context: Listing['context']): Promise<PublicationPage> {
  let page: PublicationPage = { entries: [], next: undefined };
  const file = await fetchIndexFile(url, context, {
    maxBytes: MAX_PAGE_BYTES,
    check: async (bytes) => {
      page = parsePublicationPage(bytes, url);
    },
  });
  // An architecture that the release never had.
  return file === undefined ? { entries: [], next: undefined } : page;
}

/** What `uname -r` prints on the kernel that a publication brought to users; undefined for everything else. */
function kernelOf({
  packageName,
  sourceName,
  status,
  pocket,
  isSuperseded,
}: Publication): string | undefined {
  const name = parsePackageName(packageName);
  if (name === undefined || (!name.isUnsigned && isSigningSource(sourceName ?? ''))) return undefined;
  // What was deleted without a successor was withdrawn before anybody was meant to have it.
  const wasReleased =
    ['Published', 'Superseded', 'Obsolete'].includes(status) || (status === 'Deleted' && isSuperseded);
  return wasReleased && pocket !== 'Proposed' ? name.kernel : undefined;
}

/** Built in an archive that is not public, so its files are not, either. */
function isRedacted({ buildLink }: Publication): boolean {
  return buildLink?.includes('redacted') ?? false;
}

function isBetter(publication: Publication, other: Publication | undefined): boolean {
  if (other === undefined) return true;
  const [isUnsigned, wasUnsigned] = [publication, other].map(
    ({ packageName }) => parsePackageName(packageName)?.isUnsigned === true,
  );
  if (isUnsigned !== wasUnsigned) return isUnsigned;
  return compareDebianVersions(publication.packageVersion, other.packageVersion) > 0;
}

async function addPackage(
  publication: Publication,
  indexUrl: string,
  { place, segment, arch, known }: HistoryQuestion,
  { request, context, packages }: Listing,
): Promise<void> {
  const { packageName, packageVersion } = publication;
  const kernel = parsePackageName(packageName)?.kernel;
  if (kernel === undefined) return;
  const selfLink = checkLink(
    publication.selfLink,
    `${place.api}/ubuntu/+archive/primary/+binarypub/`,
    /^[\w.+-]+$/,
  );
  const url = `${selfLink}?ws.op=binaryFileUrls&include_meta=true`;
  const stem = `${packageName}_${fileVersion(packageVersion)}_${arch.deb}`;
  let file: PublishedFile | undefined;
  // What was published once stays as it is, so it is asked once; an answer without the file may not be the last.
  await fetchIndexFile(url, context, {
    maxBytes: MAX_FILES_BYTES,
    isImmutable: true,
    check: async (bytes) => {
      file = pickFile(parsePublishedFiles(bytes, url), stem, place, url);
    },
  }).catch(ignoreAbsence);
  if (file === undefined) {
    context.say(`launchpad ${segment}: ${packageName} ${packageVersion} is there no longer`);
    return;
  }
  known.add(kernel);
  packages.push({
    distro: 'ubuntu',
    release: segment,
    arch: arch.archive,
    kernel,
    packageName,
    packageVersion,
    format: 'deb',
    url: file.url,
    sizeBytes: file.sizeBytes,
    digest: `sha256:${file.sha256}`,
    indexUrl,
    suite: LAUNCHPAD_SUITE,
    trust: request.insecure ? 'insecure' : 'tls-only',
  } satisfies DebugPackage);
}

function ignoreAbsence(error: unknown): undefined {
  if (error instanceof BtfmillError && error.code === 'http-not-found') return undefined;
  throw error;
}

/** Throws `http-not-found` when there are no files at all. */
function pickFile(
  files: readonly PublishedFile[],
  stem: string,
  { fileOrigins }: LaunchpadPlace,
  where: string,
): PublishedFile {
  if (files.length === 0) throw new BtfmillError('http-not-found', `${where}: has no file`);
  const file = files.find(({ url }) => [`${stem}.ddeb`, `${stem}.deb`].includes(fileNameOf(url)));
  if (file === undefined) {
    const names = files.map(({ url }) => fileNameOf(url)).join(', ');
    throw new BtfmillError('index-malformed', `${where}: has ${names.slice(0, 300)} and no ${stem}.ddeb`);
  }
  const { origin, username, password } = new URL(file.url);
  if (fileOrigins.includes(origin) && username === '' && password === '') return file;
  throw new BtfmillError('index-unsafe-path', `${where}: names a file elsewhere: ${file.url.slice(0, 200)}`);
}

/** Last part of a URL's path, escapes undone where they can be. */
function fileNameOf(url: string): string {
  const name = new URL(url).pathname.split('/').at(-1) ?? '';
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** File names leave the epoch out (deb-version(7)). */
function fileVersion(packageVersion: string): string {
  return packageVersion.slice(packageVersion.indexOf(':') + 1);
}

/** A link that Launchpad gives, if it starts as it should and goes on with nothing else than `rest`. */
function checkLink(link: string, start: string, rest: RegExp): string {
  const isSound = link.startsWith(start) && rest.test(link.slice(start.length));
  if (isSound && URL.canParse(link) && new URL(link).href.startsWith(start)) return link;
  throw new BtfmillError(
    'index-unsafe-path',
    `launchpad: ${JSON.stringify(link.slice(0, 200))} leads elsewhere`,
  );
}
