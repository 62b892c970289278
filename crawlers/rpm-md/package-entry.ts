/** One package of a repository, as primary.xml and primary.sqlite describe it. */

import { BtfmillError } from '../../errors/index.ts';
import type { PackageDigest } from '../types.ts';
import { parseChecksum } from './checksum.ts';
import { resolveUrl } from './resolve-url.ts';
import type { Evr } from './version.ts';
import { malformed, quote } from './xml.ts';

export interface RpmEntry extends Evr {
  readonly name: string;
  /** rpm's name, e.g. `aarch64`. */
  readonly arch: string;
  readonly digest: PackageDigest;
  readonly sizeBytes: number;
  /** Where the file is, best first; never empty. */
  readonly urls: readonly string[];
  /** When the package was built. */
  readonly buildTime: Date | undefined;
  /** e.g. `kernel-6.1.55-75.123.amzn2023.src.rpm`. */
  readonly sourceRpm: string | undefined;
}

/** The fields of a package as text, before anything about them is believed. */
export interface RawEntry {
  readonly name: string;
  readonly arch: string;
  /** Absent is 0. */
  readonly epoch: string | undefined;
  readonly version: string;
  readonly release: string;
  readonly checksumType: string;
  readonly checksum: string;
  readonly sizeBytes: string;
  readonly href: string;
  readonly xmlBase: string | undefined;
  /** Seconds since 1970. */
  readonly buildTime: string | undefined;
  readonly sourceRpm: string | undefined;
}

/** Where a package list was found. */
export interface EntryOrigin {
  /** URL of the index, for messages. */
  readonly where: string;
  /** Folders that have `repodata/`, the one that the list came from first. */
  readonly bases: readonly string[];
  readonly allowedHosts: readonly string[];
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]*$/;
const ARCH = /^[A-Za-z0-9_]+$/;
/** Of a version or release: a `-` would separate the two. */
const VERSION = /^[A-Za-z0-9._+~^]+$/;
/** rpm keeps epochs in 32 bits. */
const MAX_EPOCH = 0xffff_ffff;

/** CentOS 7 has a few hundred kernels in one list, nobody has more; a list of nothing but kernels would fill the memory. */
const MAX_ENTRIES = 20_000;

/** Throws `index-malformed` when there are too many. */
export function addEntry(entries: RpmEntry[], entry: RpmEntry, where: string): void {
  if (entries.length === MAX_ENTRIES) throw malformed(where, `lists more than ${MAX_ENTRIES} kernels`);
  entries.push(entry);
}

/** Throws `index-malformed` for a senseless field and `index-unsafe-path` for a file that is elsewhere. */
export function checkEntry(raw: RawEntry, { where: index, bases, allowedHosts }: EntryOrigin): RpmEntry {
  if (!NAME.test(raw.name)) throw malformed(index, `has a package named ${quote(raw.name)}`);
  const where = `${index}: ${raw.name}`;
  const checked = (what: string, value: string, pattern: RegExp) => {
    if (pattern.test(value)) return value;
    throw malformed(where, `has the ${what} ${quote(value)}`);
  };
  const epoch = Number(checked('epoch', raw.epoch ?? '0', /^\d{1,10}$/));
  if (epoch > MAX_EPOCH) throw malformed(where, `has the epoch ${epoch}`);
  const seconds =
    raw.buildTime === undefined ? undefined : Number(checked('build time', raw.buildTime, /^\d{1,11}$/));
  const urls = resolveOnEach(raw, { where, bases, allowedHosts });
  return {
    name: raw.name,
    arch: checked('architecture', raw.arch, ARCH),
    epoch,
    version: checked('version', raw.version, VERSION),
    release: checked('release', raw.release, VERSION),
    digest: parseChecksum(raw.checksumType, raw.checksum, where),
    sizeBytes: Number(checked('size', raw.sizeBytes, /^[1-9]\d{0,14}$/)),
    urls: [...new Set(urls)],
    buildTime: seconds === undefined ? undefined : new Date(seconds * 1000),
    sourceRpm: raw.sourceRpm,
  };
}

/**
 * On the base that the list came from, and on those of its mirrors where it stands for a file as well: an absolute
 * `xml:base` is on one of them only.
 */
function resolveOnEach({ href, xmlBase }: RawEntry, { where, bases, allowedHosts }: EntryOrigin): string[] {
  const resolve = (base: string) => resolveUrl(href, xmlBase, { base, allowedHosts }, where);
  const [own, ...mirrors] = bases;
  const urls = [resolve(own)];
  for (const mirror of mirrors) {
    try {
      urls.push(resolve(mirror));
    } catch (error) {
      if (!(error instanceof BtfmillError && error.code === 'index-unsafe-path')) throw error;
    }
  }
  return urls;
}
