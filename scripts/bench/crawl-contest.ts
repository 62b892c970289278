/** One kernel from the mirror to the archive file: `btfmill crawl` beside the steps of BTFHub, by turns. */

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DebugPackage } from '../../crawlers/types.ts';
import type { Pahole } from '../../pipeline/pahole.ts';
import type { LoopbackMirror } from './loopback-mirror.ts';
import { type Cost, measure } from './measure.ts';
import { type Costs, type Ratios, ratios, summarize } from './statistics.ts';

export interface ContestOptions {
  /** Path of the built command. */
  readonly command: string;
  readonly mirror: LoopbackMirror;
  /** For the runs' places, one at a time. */
  readonly folder: string;
  readonly pahole: Pahole;
  readonly threads: number;
  readonly runs: number;
  readonly signal: AbortSignal;
  readonly say: (message: string) => void;
}

export interface ContestRow {
  readonly tool: string;
  readonly costs: Costs;
  /** BTFHub's divided by this tool's; of BTFHub itself there is none. */
  readonly ratios?: Ratios;
}

interface Contestant {
  readonly tool: string;
  readonly argv: (place: string) => readonly string[];
}

/**
 * What its `btfhub` runs for a .deb, with the flags it gives pahole, and its tar. Its own index reading is left out, and
 * so is everything that it does not do: no signature, digest or check of the result.
 */
const BTFHUB_STEPS = `set -euo pipefail
cd "$1"
url=$2 vmlinux=$3 kernel=$4
shift 4
curl --fail --silent --show-error --output package.deb "$url"
ar x package.deb
tar --extract --xz --file data.tar.xz "./$vmlinux"
"$@" --btf_encode_detached "$kernel.btf" "$vmlinux"
tar --create --xz --sort=name --owner=root:0 --group=root:0 --mode=a=r --mtime=@0 \\
  --file "$kernel.btf.tar.xz" "$kernel.btf"
`;

/** Older paholes know one of them only. */
function paholeFlags({ versionNumber }: Pahole): readonly string[] {
  const always = ['--btf_gen_floats'];
  if (versionNumber < 125) return always;
  return [...always, '--skip_encoding_btf_inconsistent_proto', '--btf_gen_optimized'];
}

/** A row each: the nightly job's defaults, the same work as BTFHub's without a second opinion, and BTFHub's steps. */
export async function contest(pkg: DebugPackage, options: ContestOptions): Promise<ContestRow[]> {
  const { folder, runs, signal, say } = options;
  const script = join(folder, 'btfhub-steps.sh');
  await writeFile(script, BTFHUB_STEPS);
  const contestants = contestantsFor(pkg, script, options);
  const costs: Cost[][] = contestants.map(() => []);
  // Run 0 fills the loopback mirror and the page cache.
  for (let run = 0; run <= runs; run++) {
    for (const [index, { tool, argv }] of contestants.entries()) {
      say(`${pkg.kernel}: ${tool}, ${run === 0 ? 'to warm up' : `run ${run} of ${runs}`}`);
      const place = join(folder, 'place');
      await mkdir(place);
      const cost = await measure(argv(place), signal);
      if (run > 0) costs[index].push(cost);
      await rm(place, { recursive: true });
    }
  }
  const summaries = costs.map(summarize);
  const reference = summaries[summaries.length - 1];
  return contestants.map(({ tool }, index) => ({
    tool,
    costs: summaries[index],
    ...(index < contestants.length - 1 && { ratios: ratios(summaries[index], reference) }),
  }));
}

function contestantsFor(pkg: DebugPackage, script: string, options: ContestOptions): Contestant[] {
  const { command, mirror, pahole, threads } = options;
  const what = ['--distro', pkg.distro, '--release', pkg.release, '--arch', pkg.arch, '--kernel', pkg.kernel];
  const how = ['--mirror', mirror.base, '--allow-expired', '--quiet', '--threads', String(threads)];
  const crawl = (place: string, ...more: readonly string[]): string[] => {
    const at = (name: string): string => join(place, name);
    const where = ['--archive', at('archive'), '--db', at('record'), '--cache', at('cache')];
    return [process.execPath, command, 'crawl', ...what, ...how, ...where, ...more];
  };
  const vmlinux = `usr/lib/debug/boot/vmlinux-${pkg.kernel}`;
  return [
    { tool: 'btfmill crawl', argv: (place) => crawl(place) },
    {
      tool: 'from DWARF, no cross-check',
      argv: (place) => crawl(place, '--source', 'dwarf', '--cross-check', 'never'),
    },
    {
      tool: 'BTFHub’s steps',
      argv: (place) => {
        const words = [place, mirror.urlOf(pkg.url), vmlinux, pkg.kernel];
        return ['bash', script, ...words, pahole.command, ...paholeFlags(pahole)];
      },
    },
  ];
}
