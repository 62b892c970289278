/** Which packages of an index are debug packages of kernels. */

import type { Stanza } from '../apt/index.ts';
import { kernelOfName } from './names.ts';

/**
 * What `uname -r` prints on the kernel that a package has the debug symbols of; undefined for every other package.
 *
 * Metapackages look alike (`linux-image-6.12-amd64-dbg` is one, experimental's `linux-image-7.3-amd64-dbg` may be
 * none), so they are told by what they do: depend on the debug package of a kernel.
 */
export function kernelOfDebugPackage(stanza: Stanza): string | undefined {
  const kernel = kernelOfName(stanza.get('package') ?? '');
  if (kernel === undefined || isMetapackage(stanza)) return undefined;
  // i386 carries a 64-bit kernel under amd64's name; amd64 has it as well.
  const isForeign = stanza.get('architecture') === 'i386' && kernel.endsWith('-amd64');
  return isForeign ? undefined : kernel;
}

function isMetapackage(stanza: Stanza): boolean {
  const depends = stanza.get('depends') ?? '';
  const description = (stanza.get('description') ?? '').split('\n', 1)[0];
  return /\blinux-image-\S+-dbg\b/.test(depends) || description.endsWith('meta-package)');
}
