/** Launchpad in miniature: publications of binary packages, page by page, and the files that it keeps for good. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { HostAnswer, HostContent } from '../internet/internet.ts';

const API = 'https://api.launchpad.net/devel';
const ARCHIVE = '/devel/ubuntu/+archive/primary';

export interface Publication {
  readonly name: string;
  readonly version: string;
  readonly source: string;
  readonly codename: string;
  /** Debian's name of the architecture. */
  readonly architecture: string;
  readonly pocket: 'Release' | 'Security' | 'Updates' | 'Proposed';
  readonly status: 'Published' | 'Superseded' | 'Deleted' | 'Obsolete';
  /** Deleted ones without it never had a successor. */
  readonly isSuperseded?: boolean;
  /** Built where the public has no access. */
  readonly isRedacted?: boolean;
  /** The .ddeb. */
  readonly file: string;
}

export interface LaunchpadOptions {
  readonly publications: readonly Publication[];
  /** Entries of a page, whatever `ws.size` asks for beyond it. */
  readonly pageSize: number;
}

/** The three hosts: the web service, the site whose file addresses redirect, and the library that they lead to. */
export function launchpadHosts({ publications, pageSize }: LaunchpadOptions): Map<string, HostContent> {
  const fileOf = (name: string): string | undefined =>
    publications.find((one) => fileName(one) === decodeURIComponent(name))?.file;
  const library = 'launchpadlibrarian.net';
  return new Map<string, HostContent>([
    ['api.launchpad.net', async (url) => answerApi(url, publications, pageSize)],
    [
      'launchpad.net',
      ({ pathname }) => {
        const [, name] = /^\/ubuntu\/\+archive\/primary\/\+files\/([^/]+)$/u.exec(pathname) ?? [];
        if (name === undefined || fileOf(name) === undefined) return undefined;
        return { redirect: `https://${library}/550000001/${name}` };
      },
    ],
    [
      library,
      ({ pathname }) => {
        const file = fileOf(pathname.slice(pathname.lastIndexOf('/') + 1));
        return file === undefined ? undefined : { file };
      },
    ],
  ]);
}

async function answerApi(
  url: URL,
  publications: readonly Publication[],
  pageSize: number,
): Promise<HostAnswer | undefined> {
  const operation = url.searchParams.get('ws.op');
  if (url.pathname === ARCHIVE && operation === 'getPublishedBinaries') {
    return json(pageOf(url, publications, pageSize));
  }
  const [, number] = /^\/devel\/ubuntu\/\+archive\/primary\/\+binarypub\/(\d+)$/u.exec(url.pathname) ?? [];
  const one = publications[Number(number)];
  if (one === undefined || operation !== 'binaryFileUrls') return undefined;
  const address = `https://launchpad.net/ubuntu/+archive/primary/+files/${fileName(one)}`;
  if (url.searchParams.get('include_meta') !== 'true') return json([address]);
  const bytes = await readFile(one.file);
  const digest = (algorithm: string): string => createHash(algorithm).update(bytes).digest('hex');
  return json([{ url: address, size: bytes.length, sha1: digest('sha1'), sha256: digest('sha256') }]);
}

function pageOf(url: URL, publications: readonly Publication[], pageSize: number): unknown {
  const { searchParams: query } = url;
  const asked = query.get('binary_name') ?? '';
  const isExact = query.get('exact_match') === 'true';
  const filters: readonly [string, (one: Publication) => string][] = [
    ['version', ({ version }) => version],
    ['pocket', ({ pocket }) => pocket],
    ['status', ({ status }) => status],
    ['distro_arch_series', seriesLink],
  ];
  const found = publications
    .map((one, number) => ({ one, number }))
    .filter(({ one }) => (isExact ? one.name === asked : one.name.includes(asked)))
    .filter(({ one }) => filters.every(([key, of]) => (query.get(key) ?? of(one)) === of(one)));
  const start = Number(query.get('ws.start') ?? 0);
  const size = Math.min(Number(query.get('ws.size') ?? pageSize), pageSize);
  const next = new URL(url);
  next.searchParams.set('ws.start', String(start + size));
  next.searchParams.set('memo', String(start + size));
  return {
    start,
    total_size: found.length,
    ...(start + size < found.length ? { next_collection_link: next.href } : {}),
    entries: found.slice(start, start + size).map(({ one, number }) => entryOf(one, number)),
  };
}

/** The fields of a real entry. */
function entryOf(one: Publication, number: number): Readonly<Record<string, unknown>> {
  const owner = one.isRedacted === true ? 'redacted' : '~canonical-kernel-team';
  const isGone = one.status !== 'Published';
  const date = '2023-12-19T21:59:37.225614+00:00';
  return {
    self_link: `${API}/ubuntu/+archive/primary/+binarypub/${number}`,
    resource_type_link: `${API}/#binary_package_publishing_history`,
    display_name: `${one.name} ${one.version} in ${one.codename} ${one.architecture}`,
    component_name: 'main',
    section_name: 'kernel',
    source_package_name: one.source,
    source_package_version: one.version,
    distro_arch_series_link: seriesLink(one),
    phased_update_percentage: null,
    date_published: '2017-10-30T19:53:48.149191+00:00',
    scheduled_deletion_date: isGone ? date : null,
    status: one.status,
    pocket: one.pocket,
    creator_link: null,
    date_created: '2017-10-30T19:43:10.104442+00:00',
    date_superseded: one.isSuperseded === true ? date : null,
    date_made_pending: isGone ? date : null,
    date_removed: isGone ? '2024-01-10T12:10:17.179074+00:00' : null,
    archive_link: `${API}/ubuntu/+archive/primary`,
    copied_from_archive_link: null,
    removed_by_link: null,
    removal_comment: one.status === 'Deleted' ? 'NBS' : null,
    binary_package_name: one.name,
    binary_package_version: one.version,
    build_link: `${API}/${owner}/+archive/ubuntu/ppa/+build/${13_563_657 + number}`,
    architecture_specific: true,
    priority_name: 'OPTIONAL',
    is_debug: true,
    http_etag: `"${number}"`,
  };
}

function seriesLink({ codename, architecture }: Publication): string {
  return `${API}/ubuntu/${codename}/${architecture}`;
}

/** Without the epoch, as all file names. */
function fileName({ name, version, architecture }: Publication): string {
  return `${name}_${version.replace(/^\d+:/u, '')}_${architecture}.ddeb`;
}

function json(value: unknown): HostAnswer {
  return { body: JSON.stringify(value) };
}
