/** The debug packages of one suite. */

import type { Arch } from '../arch.ts';
import { guardIndex, isAskedFor, type Listing } from '../listing.ts';
import { readDebugPackage } from './debug-package.ts';
import type { Stanza } from './stanza.ts';
import { type OpenSuite, openPackages } from './suite.ts';

export interface SuiteContents {
  readonly distro: string;
  /** What the suite is called in messages and in the record. */
  readonly name: string;
  /** The archive's name of the release. */
  readonly segment: string;
  readonly components: readonly string[];
  readonly archs: readonly Arch[];
  /** The kernel that a stanza's package has the debug symbols of; undefined for every other package. */
  readonly kernelOf: (stanza: Stanza) => string | undefined;
}

/**
 * Adds to the listing what the suite has for each component and architecture; an index of them that cannot be read
 * is a failure of its own.
 */
export async function listSuite(suite: OpenSuite, contents: SuiteContents, listing: Listing): Promise<void> {
  let count = 0;
  for (const arch of contents.archs) {
    for (const component of contents.components) {
      count += await listIndex(suite, { ...contents, arch, component }, listing);
    }
  }
  listing.context.say(`${contents.name}: ${count} ${count === 1 ? 'kernel' : 'kernels'}`);
}

async function listIndex(
  suite: OpenSuite,
  contents: SuiteContents & { readonly arch: Arch; readonly component: string },
  { request, context, packages, indexes, failures }: Listing,
): Promise<number> {
  const { distro, name, segment, arch, component, kernelOf } = contents;
  let kernels = 0;
  await guardIndex({ suite: name, release: segment }, failures, async () => {
    const index = await openPackages(suite, component, arch.deb, context, isAboutKernels);
    if (index === undefined) return;
    const origin = { distro, segment, arch, suite, suiteName: name, indexUrl: index.url };
    for await (const stanza of index.stanzas) {
      const kernel = kernelOf(stanza);
      if (kernel === undefined || !isAskedFor(kernel, request)) continue;
      packages.push(readDebugPackage(stanza, kernel, origin));
      kernels += 1;
    }
    indexes.push({
      suite: name,
      release: segment,
      arch: arch.archive,
      url: index.url,
      trust: suite.trust,
      ...(suite.signer === undefined ? {} : { signer: suite.signer }),
      date: suite.release.date,
      kernels,
    });
  });
  return kernels;
}

function isAboutKernels(stanza: Buffer): boolean {
  return stanza.includes('linux-image-');
}
