/** From a configuration to what a run is told. */

import { parseArch } from '../../crawlers/arch.ts';
import { parseMirror } from '../../crawlers/mirror.ts';
import type { DistroRequest, DistrosRequest } from '../../pipeline/list-distros.ts';
import type { RunBudget } from '../../pipeline/run-types.ts';
import type { NightConfig } from './load-config.ts';
import type { DistroConfig } from './schema.ts';

/** Each distribution has its own request: nothing that is named for one is meant for another. */
export function configuredRequest(distros: NightConfig['distros']): DistrosRequest {
  const entries = Object.entries(distros);
  return {
    distros: entries.map(([name]) => name),
    request: {
      releases: [],
      archs: [],
      kernels: [],
      variants: [],
      allowExpired: false,
      insecure: false,
    },
    own: Object.fromEntries(entries.map(([name, distro]) => [name, ownRequest(distro)])),
    mirrors: Object.fromEntries(
      entries.flatMap(([name, { mirror }]) => (mirror === undefined ? [] : [[name, parseMirror(mirror)]])),
    ),
  };
}

function ownRequest(distro: DistroConfig): DistroRequest {
  const { releases, archs, kernels, variants, history, keyrings, allowExpired } = distro;
  return {
    releases,
    archs: [...new Set(archs.map((name) => parseArch(name).archive))],
    kernels,
    variants,
    history,
    keyrings,
    allowExpired,
    insecure: false,
  };
}

/** The newest so many kernels of each distribution, where that is configured. */
export function configuredLimits(distros: NightConfig['distros']): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(distros).flatMap(([name, { limit }]) => (limit === undefined ? [] : [[name, limit]])),
  );
}

const MINUTE_MS = 60_000;

export function runBudget({ bytes, kernels, minutes }: NightConfig['limits']): RunBudget {
  return {
    ...(bytes === undefined ? {} : { bytes }),
    ...(kernels === undefined ? {} : { kernels }),
    ...(minutes === undefined ? {} : { milliseconds: minutes * MINUTE_MS }),
  };
}
