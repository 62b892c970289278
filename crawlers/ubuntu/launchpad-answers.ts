/**
 * What Launchpad's web service answers (https://api.launchpad.net/devel.html): a page of binary publications, and the
 * files of one. It is JSON from a host that signs nothing: every field is checked before it counts.
 */

import { BtfmillError } from '../../errors/index.ts';
import { DEBIAN_VERSION } from '../apt/index.ts';

/** One package as it was published once: in one pocket, for one architecture. */
export interface Publication {
  /** Of this record, for further questions. */
  readonly selfLink: string;
  readonly packageName: string;
  readonly packageVersion: string;
  /** `Published`, `Superseded`, `Deleted`, `Obsolete`, `Pending`. */
  readonly status: string;
  /** `Release`, `Security`, `Updates`, `Proposed`, `Backports`. */
  readonly pocket: string;
  readonly sourceName: string | undefined;
  /** URL of release and architecture. */
  readonly archSeriesLink: string;
  readonly buildLink: string | undefined;
  /** Something took its place, or it was taken out after it had been released. */
  readonly isSuperseded: boolean;
}

export interface PublicationPage {
  readonly entries: readonly Publication[];
  /** URL of the next page; undefined on the last. */
  readonly next: string | undefined;
}

export interface PublishedFile {
  readonly url: string;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** Far more than `ws.size` asks for. */
const MAX_ENTRIES = 10_000;

/** Throws `index-malformed`, naming the field. */
export function parsePublicationPage(bytes: Buffer, where: string): PublicationPage {
  const page = asObject(parseJson(bytes, where), where);
  const entries = asList(page['entries'], `${where} entries`);
  return {
    entries: entries.map((entry, index) => parsePublication(entry, `${where} entries[${index}]`)),
    next: optionalText(page, 'next_collection_link', where),
  };
}

/** Throws `index-malformed`, naming the field. */
export function parsePublishedFiles(bytes: Buffer, where: string): PublishedFile[] {
  return asList(parseJson(bytes, where), where).map((value, index) => {
    const place = `${where} [${index}]`;
    const file = asObject(value, place);
    const url = requiredText(file, 'url', place);
    const sha256 = requiredText(file, 'sha256', place).toLowerCase();
    const sizeBytes = file['size'];
    if (!URL.canParse(url)) throw malformed(place, 'url is no URL');
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw malformed(place, 'sha256 is none');
    if (typeof sizeBytes !== 'number' || !Number.isSafeInteger(sizeBytes) || sizeBytes <= 0) {
      throw malformed(place, 'size is no number of bytes');
    }
    return { url, sizeBytes, sha256 };
  });
}

function parsePublication(value: unknown, where: string): Publication {
  const entry = asObject(value, where);
  const packageVersion = requiredText(entry, 'binary_package_version', where);
  if (!DEBIAN_VERSION.test(packageVersion)) throw malformed(where, 'binary_package_version is none');
  return {
    selfLink: requiredText(entry, 'self_link', where),
    packageName: requiredText(entry, 'binary_package_name', where),
    packageVersion,
    status: requiredText(entry, 'status', where),
    pocket: requiredText(entry, 'pocket', where),
    sourceName: optionalText(entry, 'source_package_name', where),
    archSeriesLink: requiredText(entry, 'distro_arch_series_link', where),
    buildLink: optionalText(entry, 'build_link', where),
    isSuperseded: optionalText(entry, 'date_superseded', where) !== undefined,
  };
}

function parseJson(bytes: Buffer, where: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new BtfmillError('index-malformed', `${where}: is no JSON`, { cause: error });
  }
}

function asObject(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(where, 'is no object');
  }
  return value as Record<string, unknown>;
}

function asList(value: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed(where, 'is no list');
  if (value.length > MAX_ENTRIES) throw malformed(where, `has more than ${MAX_ENTRIES} entries`);
  return value;
}

function requiredText(entry: Readonly<Record<string, unknown>>, field: string, where: string): string {
  const value = optionalText(entry, field, where);
  if (value === undefined || value === '') throw malformed(where, `has no ${field}`);
  return value;
}

/** A field that is absent or null. */
function optionalText(
  entry: Readonly<Record<string, unknown>>,
  field: string,
  where: string,
): string | undefined {
  const value = entry[field] ?? undefined;
  if (value === undefined || typeof value === 'string') return value;
  throw malformed(where, `${field} is no text`);
}

function malformed(where: string, what: string): BtfmillError {
  return new BtfmillError('index-malformed', `${where}: ${what}`);
}
