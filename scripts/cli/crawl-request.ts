/** The flags that say which kernels of which distributions are meant, and where to ask for them. */

import { type Command, InvalidArgumentError } from 'commander';
import { crawlerNames } from '../../crawlers/index.ts';
import { parseMirror } from '../../crawlers/mirror.ts';
import { BtfmillError } from '../../errors/index.ts';
import type { DistrosRequest } from '../../pipeline/list-distros.ts';
import { archNames, collect, validValue } from './flags.ts';

/** What stands for every distribution there is. */
export const ALL_DISTROS = 'all';

export interface RequestFlags {
  readonly release?: readonly string[];
  readonly arch?: readonly string[];
  readonly kernel?: readonly string[];
  readonly variant?: readonly string[];
  readonly history?: boolean;
  readonly mirror?: readonly MirrorFlag[];
  readonly keyring?: readonly string[];
  readonly allowExpired?: boolean;
  readonly insecure?: boolean;
}

/** `--mirror [distro=]url`. */
export interface MirrorFlag {
  readonly distro?: string;
  /** Normalised, without a trailing slash. */
  readonly url: string;
}

/** Flags that narrow what is listed. */
export function addNarrowingFlags(command: Command): void {
  command
    .option(
      '--release <id>',
      'only this release, e.g. 12, bookworm or sid (repeatable; default: all); of several distributions, those that know it',
      collect,
    )
    .option(
      '--arch <name>',
      'this architecture, e.g. s390x, aarch64 or arm64 (repeatable; default: x86_64 and arm64, where there are such kernels)',
      archNames,
    )
    .option('--variant <name>', 'also kernels of this kind, e.g. debug (repeatable)', collect);
}

/** Flags that say where indexes come from and whom to believe. */
export function addSourceFlags(command: Command): void {
  command
    .option(
      '--mirror <[distro=]url>',
      "base URL instead of the distribution's own hosts (repeatable); of which one must be said when several are crawled",
      mirrorFlag,
    )
    .option('--keyring <file>', 'OpenPGP keyring trusted beside the built-in ones (repeatable)', collect)
    .option('--allow-expired', 'accept an index that is past its Valid-Until');
}

/** Archive names of distributions, `all` being every one of them; each once. */
export function distroNames(value: string, earlier: readonly string[] | undefined): readonly string[] {
  const names = crawlerNames();
  const added = value === ALL_DISTROS ? names : [value];
  if (!names.includes(added[0])) {
    throw new InvalidArgumentError(`There is ${names.join(', ')}, and ${ALL_DISTROS}.`);
  }
  return [...new Set([...(earlier ?? []), ...added])];
}

function mirrorFlag(value: string, earlier: readonly MirrorFlag[] | undefined): readonly MirrorFlag[] {
  const [, distro, address] = /^(?:(?<distro>[a-z]+)=)?(?<address>.*)$/su.exec(value) ?? [];
  if (distro !== undefined && !crawlerNames().includes(distro)) {
    throw new InvalidArgumentError(`There is no distribution ${distro}, only ${crawlerNames().join(', ')}.`);
  }
  const url = validValue(() => parseMirror(address));
  return [...(earlier ?? []), { url, ...(distro === undefined ? {} : { distro }) }];
}

/** The request that the flags stand for. Throws `usage` for a mirror that is nobody's, anybody's, or the second of one. */
export function distrosRequest(distros: readonly string[], flags: RequestFlags): DistrosRequest {
  return {
    distros,
    request: {
      releases: flags.release ?? [],
      archs: flags.arch ?? [],
      kernels: flags.kernel ?? [],
      variants: flags.variant ?? [],
      allowExpired: flags.allowExpired ?? false,
      insecure: flags.insecure ?? false,
      ...(flags.history === undefined ? {} : { history: flags.history }),
      ...(flags.keyring === undefined ? {} : { keyrings: flags.keyring }),
    },
    mirrors: mirrorsOf(distros, flags.mirror ?? []),
  };
}

function mirrorsOf(distros: readonly string[], flags: readonly MirrorFlag[]): Record<string, string> {
  const mirrors: Record<string, string> = {};
  for (const { distro = onlyOne(distros), url } of flags) {
    if (distro === undefined) {
      throw new BtfmillError(
        'usage',
        `--mirror ${url}: of which distribution? With several, say it: --mirror ${distros[0]}=${url}`,
      );
    }
    if (!distros.includes(distro)) {
      throw new BtfmillError(
        'usage',
        `--mirror ${distro}=${url}: ${distro} is not among ${distros.join(', ')}`,
      );
    }
    if (mirrors[distro] !== undefined) {
      throw new BtfmillError('usage', `--mirror ${distro}=${url}: there is one for ${distro} already`);
    }
    mirrors[distro] = url;
  }
  return mirrors;
}

function onlyOne(distros: readonly string[]): string | undefined {
  return distros.length === 1 ? distros[0] : undefined;
}
