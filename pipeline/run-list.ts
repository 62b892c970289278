/** Asks every distribution's crawler what exists; one that cannot be read lets the others go on. */

import type { DebugPackage } from '../crawlers/types.ts';
import { type BtfmillError, EXIT, toBtfmillError } from '../errors/index.ts';
import { archivePath } from './archive-path.ts';
import type { IndexFailed, RunDeps, RunOptions } from './run-types.ts';

export interface Listing {
  readonly packages: readonly DebugPackage[];
  readonly failures: readonly IndexFailed[];
  readonly indexBytes: number;
  readonly indexRequests: number;
}

/** Throws what no other distribution could do better: usage, a missing program, a fault of ours, a stop. */
export async function listKernels(options: RunOptions, deps: RunDeps): Promise<Listing> {
  const packages: DebugPackage[] = [];
  const failures: IndexFailed[] = [];
  let indexBytes = 0;
  let indexRequests = 0;
  const say = (message: string): void => {
    deps.emit({ event: 'note', message });
  };
  for (const distro of options.distros) {
    try {
      const result = await deps.steps.list(distro, options.request, { signal: deps.signal, say });
      for (const pkg of result.packages) {
        const error = pathError(pkg);
        if (error === undefined) packages.push(pkg);
        else failures.push(indexFailed(distro, pkg.suite, pkg.release, error));
      }
      for (const { suite, release, error } of result.failures) {
        failures.push(indexFailed(distro, suite, release, error));
      }
      indexBytes += result.indexBytes;
      indexRequests += result.indexRequests;
    } catch (thrown) {
      const error = toBtfmillError(thrown);
      if (deps.signal.aborted || !isUpstreamsFault(error)) throw error;
      failures.push(indexFailed(distro, '*', '*', error));
    }
  }
  for (const failure of failures) deps.emit({ event: 'index.failed', ...failure });
  return { packages, failures, indexBytes, indexRequests };
}

/** A kernel whose name cannot be a file name is the fault of the index that named it, and of no other kernel. */
function pathError(pkg: DebugPackage): BtfmillError | undefined {
  try {
    archivePath(pkg);
    return undefined;
  } catch (thrown) {
    return toBtfmillError(thrown);
  }
}

function isUpstreamsFault({ exitCode }: BtfmillError): boolean {
  return exitCode === EXIT.upstreamUnreachable || exitCode === EXIT.integrity;
}

function indexFailed(
  distro: string,
  suite: string,
  release: string,
  { code, message }: BtfmillError,
): IndexFailed {
  return { distro, suite, release, code, message };
}
