/** `btfmill status`: what the record knows, by plane and state. */

import type { Command } from 'commander';
import { type BtfRecord, type KernelRow, openRecord, type RunRow, type TrustCount } from '../db/index.ts';
import {
  type KernelStates,
  readKernelStates,
  SHOWN_STATES,
  type ShownState,
} from '../pipeline/report/kernel-states.ts';
import { archNames, collect, DEFAULT_DB } from './cli/flags.ts';
import { palette, type Palette, wantsColor } from './ui/color.ts';
import { formatBytes, oneLine, plural } from './ui/format.ts';
import { renderTable } from './ui/table.ts';

const HELP = `
Examples:
  npm run status
  npm run status -- --release 12 --failed
  npm run --silent status -- --json | jq '.planes[] | select(.kernels.failed > 0)'

States: published (in the archive), failed (with an error code), no-debug-info (neither DWARF nor BTF in it),
pending (known, not done yet), withdrawn (taken back, with a reason), gone (failed or pending, and no longer on the mirror).

Trust (--trust): signed-index (a signed index names the package's digest), signed-package (the package itself is signed),
tls-only (nothing is signed all the way, but every step came by HTTPS), insecure (crawled with --insecure). "signed by" is
the key that signed the packages themselves; "named by" is path+banner when the vmlinux itself says which kernel it is,
too, and path when only its place in the package does.`;

interface StatusFlags {
  readonly db: string;
  readonly distro?: readonly string[];
  readonly release?: readonly string[];
  readonly arch?: readonly string[];
  readonly failed?: boolean;
  readonly trust?: boolean;
  readonly json?: boolean;
  readonly color: boolean;
}

interface Plane {
  readonly distro: string;
  readonly release: string;
  readonly arch: string;
}

interface PlaneStatus extends Plane {
  readonly kernels: Record<ShownState, number>;
  /** Bytes of the published archive files. */
  tarSizeBytes: number;
}

interface Status {
  readonly record: string;
  readonly lastRun: RunRow | undefined;
  readonly planes: readonly PlaneStatus[];
  readonly failures: readonly KernelRow[];
  /** What published kernels rest on. */
  readonly trust: readonly TrustCount[];
}

export function registerStatus(program: Command): void {
  program
    .command('status')
    .description('show what the archive holds, by plane (distro, release, arch) and state')
    .option('--db <file>', 'SQLite record', DEFAULT_DB)
    .option('--distro <name>', 'only this distribution (repeatable)', collect)
    .option('--release <id>', 'only this release, as the archive names it (repeatable)', collect)
    .option('--arch <name>', 'only this architecture, by any of its names (repeatable)', archNames)
    .option('--failed', 'list the kernels that failed, with code and message')
    .option('--trust', 'list what the published kernels rest on: signatures, and what has shown their names')
    .option('--json', 'print one JSON object, failures and trust included')
    .addHelpText('after', HELP)
    .action((_flags: unknown, command: Command) => {
      const flags = command.optsWithGlobals<StatusFlags>();
      const record = openRecord(flags.db, { mustExist: true, forQueries: true });
      try {
        const status = readStatus(record, flags);
        process.stdout.write(
          flags.json ? `${JSON.stringify({ v: 1, ...status })}\n` : renderStatus(status, flags),
        );
      } finally {
        record.close();
      }
    });
}

function readStatus(record: BtfRecord, flags: StatusFlags): Status {
  const states = readKernelStates(record);
  return {
    record: record.file,
    lastRun: record.runs.latest(),
    planes: readPlanes(states).filter((plane) => isWanted(plane, flags)),
    failures: states.failed.filter((kernel) => isWanted(kernel, flags)),
    trust: record.kernels.countByTrust().filter((count) => isWanted(count, flags)),
  };
}

function readPlanes({ counts }: KernelStates): PlaneStatus[] {
  const planes = new Map<string, PlaneStatus>();
  for (const { distro, release, arch, state, kernels, tarSizeBytes } of counts) {
    const name = `${distro}/${release}/${arch}`;
    const plane = planes.get(name) ?? { distro, release, arch, kernels: noKernels(), tarSizeBytes: 0 };
    plane.kernels[state] = kernels;
    plane.tarSizeBytes += tarSizeBytes;
    planes.set(name, plane);
  }
  return [...planes.values()];
}

function noKernels(): Record<ShownState, number> {
  return { published: 0, failed: 0, 'no-debug-info': 0, pending: 0, withdrawn: 0, gone: 0 };
}

function isWanted(plane: Plane, { distro, release, arch }: StatusFlags): boolean {
  return (
    (distro?.includes(plane.distro) ?? true) &&
    (release?.includes(plane.release) ?? true) &&
    (arch?.includes(plane.arch) ?? true)
  );
}

function renderStatus(status: Status, flags: StatusFlags): string {
  const paint = palette(wantsColor(process.stdout, process.env, flags.color));
  const parts = [renderPlanes(status.planes, paint), `${describeRun(status.lastRun)}\n`];
  if (flags.trust) parts.push(renderTrust(status.trust, paint));
  if (flags.failed) parts.push(renderFailures(status.failures, paint));
  return parts.join('\n');
}

function renderPlanes(planes: readonly PlaneStatus[], paint: Palette): string {
  if (planes.length === 0) return 'no kernels known\n';
  const numbers = SHOWN_STATES.map((title) => ({ title, align: 'right' as const }));
  const columns = [{ title: 'plane' }, ...numbers, { title: 'size', align: 'right' as const }];
  const rows = planes.map((plane) => planeRow(`${plane.distro}/${plane.release}/${plane.arch}`, plane));
  if (planes.length > 1) rows.push(planeRow('total', addUp(planes)));
  return renderTable(columns, rows, paint.bold);
}

function planeRow(name: string, plane: Pick<PlaneStatus, 'kernels' | 'tarSizeBytes'>): string[] {
  return [
    name,
    ...SHOWN_STATES.map((state) => String(plane.kernels[state])),
    formatBytes(plane.tarSizeBytes),
  ];
}

function addUp(planes: readonly PlaneStatus[]): Pick<PlaneStatus, 'kernels' | 'tarSizeBytes'> {
  const kernels = noKernels();
  for (const plane of planes) {
    for (const state of SHOWN_STATES) kernels[state] += plane.kernels[state];
  }
  return { kernels, tarSizeBytes: planes.reduce((sum, plane) => sum + plane.tarSizeBytes, 0) };
}

function describeRun(run: RunRow | undefined): string {
  if (run === undefined) return 'last run: none';
  if (run.finishedAt === undefined)
    return `last run: started ${run.startedAt}, not finished (under way, or killed)`;
  const counts = `${run.published ?? 0} published, ${run.alreadyPublished ?? 0} already there, ${run.failed ?? 0} failed`;
  const failure = run.failure === undefined ? '' : `\n${run.failure.code}: ${oneLine(run.failure.message)}`;
  return `last run: ${run.startedAt} to ${run.finishedAt}, exit code ${run.exitCode ?? 0} (${counts})${failure}`;
}

function renderTrust(counts: readonly TrustCount[], paint: Palette): string {
  if (counts.length === 0) return 'no kernel published\n';
  const titles = ['plane', 'trust', 'signed by', 'named by'].map((title) => ({ title }));
  const rows = counts.map(({ distro, release, arch, trust, signer, nameProof, kernels }) => [
    `${distro}/${release}/${arch}`,
    trust ?? '-',
    signer ?? '-',
    nameProof ?? '-',
    String(kernels),
  ]);
  return renderTable([...titles, { title: 'kernels', align: 'right' }], rows, paint.bold);
}

function renderFailures(failures: readonly KernelRow[], paint: Palette): string {
  if (failures.length === 0) return 'no kernel failed\n';
  const rows = failures.map((kernel) => [
    `${kernel.distro}/${kernel.release}/${kernel.arch}/${kernel.kernel}`,
    kernel.code ?? '',
    oneLine(kernel.reason ?? ''),
  ]);
  const heading = `${paint.red(plural(failures.length, 'failed kernel'))}\n`;
  return (
    heading + renderTable([{ title: 'kernel' }, { title: 'code' }, { title: 'message' }], rows, paint.bold)
  );
}
