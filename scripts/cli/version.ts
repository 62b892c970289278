/** The version of this package, from its own package.json: two or three folders up, from sources or from dist/. */

import { readFileSync } from 'node:fs';

const CANDIDATES = ['../../package.json', '../../../package.json'];

/** e.g. `0.1.0`. */
export function readVersion(): string {
  for (const candidate of CANDIDATES) {
    const version = versionIn(new URL(candidate, import.meta.url));
    if (version !== undefined) return version;
  }
  throw new Error('btfmill cannot find its own package.json');
}

function versionIn(file: URL): string | undefined {
  try {
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown; version?: unknown };
    return manifest.name === 'btfmill' && typeof manifest.version === 'string' ? manifest.version : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
