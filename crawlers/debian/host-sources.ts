/** The Debian mirror that a Debian machine's own apt sources name (sources.list(5)). */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseStanza } from '../apt/index.ts';
import { hasCredentials } from '../mirror.ts';

export interface HostMirror {
  /** Base URL of the main archive, without a trailing slash. */
  readonly main: string | undefined;
  /** Base URL of the security archive. */
  readonly security: string | undefined;
}

/** One repository of the machine's apt, as either file format says it. */
export interface AptSource {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** Key files or fingerprints; empty when apt's general keys apply. */
  readonly signedBy: string;
}

/** A codename or alias alone; `-updates` and the like lie beside it. */
const MAIN_SUITE = /^[a-z]+$/;
const SECURITY_SUITE = /^[a-z]+(-security|\/updates)$/;

/**
 * The mirror out of `<etcDir>/apt`, undefined on a machine that is not Debian. Files that apt itself would not take
 * are passed over: they are the machine owner's business, and a default exists.
 */
export async function readHostMirror(etcDir: string): Promise<HostMirror | undefined> {
  const osRelease = await readText(join(etcDir, 'os-release'));
  if (!/^ID="?debian"?\s*$/m.test(osRelease)) return undefined;
  const sources = await readAptSources(join(etcDir, 'apt'));
  return {
    main: await pickBase(
      sources.filter(({ suite }) => MAIN_SUITE.test(suite)),
      'debian',
    ),
    security: await pickBase(
      sources.filter(({ suite }) => SECURITY_SUITE.test(suite)),
      'debian-security',
    ),
  };
}

async function readAptSources(aptDir: string): Promise<AptSource[]> {
  const sources = parseSourcesList(await readText(join(aptDir, 'sources.list')));
  const folder = join(aptDir, 'sources.list.d');
  const names = await readdir(folder).catch(() => []);
  for (const name of names.toSorted((a, b) => (a < b ? -1 : 1))) {
    if (name.endsWith('.list')) sources.push(...parseSourcesList(await readText(join(folder, name))));
    if (name.endsWith('.sources')) sources.push(...parseDeb822Sources(await readText(join(folder, name))));
  }
  return sources;
}

/** The one-line format: `deb [ option=value … ] uri suite component…`. */
export function parseSourcesList(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?([^#]*)/.exec(line);
    if (match === null) continue;
    const [uri, suite, ...components] = match[2].trim().split(/\s+/);
    if (suite === undefined) continue;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(match[1] ?? '')?.[1] ?? '';
    sources.push({ uri, suite, components, signedBy });
  }
  return sources;
}

/** The deb822 format: one stanza gives every combination of its URIs and Suites. */
export function parseDeb822Sources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const block of text.split(/\n[ \t]*\n/)) {
    const stanza = parseHostStanza(block);
    const words = (field: string) => stanza.get(field)?.split(/\s+/).filter(Boolean) ?? [];
    if (!words('types').includes('deb') || /^(no|false|0|off)$/i.test(stanza.get('enabled') ?? '')) continue;
    for (const uri of words('uris')) {
      for (const suite of words('suites')) {
        sources.push({
          uri,
          suite,
          components: words('components'),
          signedBy: stanza.get('signed-by') ?? '',
        });
      }
    }
  }
  return sources;
}

function parseHostStanza(block: string): ReadonlyMap<string, string> {
  try {
    return parseStanza(block, 'apt sources');
  } catch {
    return new Map();
  }
}

/**
 * The best base among the sources of one kind. Other vendors name their suites after Debian's, so a source that is
 * signed by somebody else's key is none of Debian's; of the rest, one named like the archive comes first.
 */
async function pickBase(sources: readonly AptSource[], archiveName: string): Promise<string | undefined> {
  const candidates: string[] = [];
  for (const source of sources) {
    const isDebian = source.signedBy === '' || source.signedBy.includes('debian-archive');
    if (!isDebian || !source.components.includes('main')) continue;
    const base = await webBase(source.uri);
    if (base !== undefined) candidates.push(base);
  }
  return candidates.find((base) => base.endsWith(`/${archiveName}`)) ?? candidates[0];
}

/**
 * An http(s) base without its trailing slash, undefined for one that apt would need a password for; `mirror+file:`
 * (Debian's cloud images) is looked up in its file.
 */
async function webBase(uri: string): Promise<string | undefined> {
  if (uri.startsWith('mirror+file:')) {
    const list = await readText(fileURLToPath(uri.slice('mirror+'.length)));
    return openBase(/^https?:\/\/\S+/m.exec(list)?.[0] ?? '');
  }
  return openBase(uri);
}

function openBase(uri: string): string | undefined {
  if (!/^https?:\/\//.test(uri) || !URL.canParse(uri) || hasCredentials(new URL(uri))) return undefined;
  return uri.replace(/\/+$/, '');
}

/** Text of a file; empty when it is not there or not readable, as for apt's optional files. */
async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
