/**
 * One night: the record is looked at, everything configured is crawled, the archive's index is published, and the
 * night is told of in a report, in metrics and in a copy of the record.
 */

import { BtfmillError, toBtfmillError } from '../../errors/index.ts';
import type { BtfRecord } from '../../db/index.ts';
import { writeFileAtomically } from '../atomic-write.ts';
import { walkArchive } from '../lint/walk.ts';
import { collectGarbage } from '../collect-garbage.ts';
import type { SigningKey } from '../publish/minisign.ts';
import { publishArchive, type PublishReport } from '../publish/publish.ts';
import { readPublishedState } from '../publish/published-state.ts';
import type { Timestamp } from '../publish/layout.ts';
import { exitOfBroken, worstExit } from '../run-exit.ts';
import { runCrawl } from '../run.ts';
import type { RunDeps, RunEvent, RunOptions, RunReport } from '../run-types.ts';
import { backUpRecord } from './backups.ts';
import { renderMetrics } from './exposition.ts';
import { nightMetrics } from './metrics.ts';
import { type NightEnd, writeNightReport } from './night-report.ts';

export interface NightOptions {
  readonly run: RunOptions;
  /** Absent: the index is not published. */
  readonly publish?: { readonly key?: SigningKey; readonly validForMs: number };
  /** Absolute, as all paths here. */
  readonly reportsDir: string;
  readonly metricsFile?: string;
  readonly backups?: { readonly folder: string; readonly keep: number };
  /** All that are configured, whether this night crawls them or not. */
  readonly distros: readonly string[];
}

/**
 * Returns the exit code. The caller holds the locks. Throws what {@link runCrawl} throws, after the report and the
 * metrics have told of it; `record-damaged` before anything was done, also for a new record beside an archive with files.
 */
export async function runNightly(options: NightOptions, deps: RunDeps): Promise<number> {
  const start = performance.now();
  checkRecord(deps, options);
  await refuseLostRecord(deps, options);
  const night: Night = { start };
  const emit = (event: RunEvent): void => {
    if (event.event === 'run.started' && event.runId !== undefined) night.runId = event.runId;
    deps.emit(event);
  };
  const { end, broken } = await crawlAndPublish(options, { ...deps, emit });
  const exitCode = await leaveTraces(night, end, options, deps);
  if (broken !== undefined) throw broken;
  return exitCode;
}

interface Night {
  readonly start: number;
  /** Once the run is in the record. */
  runId?: number;
}

interface Ended {
  readonly end: NightEnd;
  /** What ended the run. */
  readonly broken?: BtfmillError;
}

function checkRecord({ record }: RunDeps, { backups }: NightOptions): void {
  try {
    record.check();
  } catch (thrown) {
    throw explainDamage(thrown, backups?.folder);
  }
}

/**
 * A new record beside an archive that has files: the old one is lost, or the configuration names another. All of it
 * would be fetched again, and what was withdrawn is forgotten.
 */
async function refuseLostRecord({ record }: RunDeps, { run, backups }: NightOptions): Promise<void> {
  if (record.runs.latest() !== undefined || record.kernels.countByPlane().length > 0) return;
  const [file] = (await walkArchive(run.archiveDir)).kernels;
  if (file === undefined) return;
  throw explainDamage(
    new BtfmillError(
      'record-damaged',
      `${record.file}: knows of no run and no kernel, but the archive ${run.archiveDir} holds ${file}: it is another record's`,
    ),
    backups?.folder,
  );
}

/** A record that cannot be used is restored by a person: where to read how, and where copies are. */
export function explainDamage(thrown: unknown, backupFolder: string | undefined): BtfmillError {
  const error = toBtfmillError(thrown);
  if (error.code !== 'record-damaged') return error;
  const copies = backupFolder === undefined ? '' : ` (copies are in ${backupFolder})`;
  return new BtfmillError(
    'record-damaged',
    `${error.message}; restore it as README.md says under "Unattended"${copies}`,
    { cause: error },
  );
}

async function crawlAndPublish(options: NightOptions, deps: RunDeps): Promise<Ended> {
  if (options.publish !== undefined && isOverdue(deps)) {
    // Should this fail, it fails again at the end of the night, and counts there.
    await tryPublish(options.publish, options.run.archiveDir, deps);
  }
  let run: RunReport;
  try {
    run = await runCrawl(options.run, deps);
  } catch (thrown) {
    const broken = toBtfmillError(thrown);
    return { broken, end: { failure: describe(broken), exitCode: exitOfBroken(broken) } };
  }
  if (run.stopped || options.publish === undefined) return { end: { run, exitCode: run.exitCode } };
  const published = await tryPublish(options.publish, options.run.archiveDir, deps);
  if (!(published instanceof BtfmillError)) return { end: { run, published, exitCode: run.exitCode } };
  if (deps.signal.aborted) return { end: { run, exitCode: deps.stoppedExitCode() } };
  const exitCode = worstExit([run.exitCode, exitOfBroken(published)]);
  return { end: { run, failure: describe(published), exitCode } };
}

/**
 * Whether the last two runs were killed or stopped before they could publish. What they made is then published before
 * this one begins, or an archive that takes weeks to fill would have no index until then.
 */
function isOverdue({ record }: RunDeps): boolean {
  const last = record.runs.newest(2);
  return last.length === 2 && last.every(({ exitCode }) => exitCode === undefined || exitCode >= 128);
}

/** Says how it went; a failure is returned. */
async function tryPublish(
  options: NonNullable<NightOptions['publish']>,
  archiveDir: string,
  { record, now, signal, emit }: RunDeps,
): Promise<PublishReport | BtfmillError> {
  try {
    const published = await publishArchive({ archiveDir, record, ...options, now: now(), signal });
    emit({ event: 'publish.done', ...published });
    return published;
  } catch (thrown) {
    const error = toBtfmillError(thrown);
    if (!signal.aborted) emit({ event: 'publish.failed', ...describe(error) });
    return error;
  }
}

function describe({ code, message }: BtfmillError): { readonly code: string; readonly message: string } {
  return { code, message };
}

/**
 * What cannot be told in one place is told in the others: a full disk for reports must not hide a night's work. Nor may
 * copies that nobody could write for weeks: gives the night's exit code with that in mind.
 */
async function leaveTraces(
  { start, runId }: Night,
  end: NightEnd,
  {
    reportsDir,
    metricsFile,
    backups,
    publish: isPublishing,
    run: { archiveDir, cacheDir },
    distros,
  }: NightOptions,
  deps: RunDeps,
): Promise<number> {
  const { record, now } = deps;
  let { exitCode } = end;
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (thrown) {
      const error = toBtfmillError(thrown);
      deps.emit({
        event: 'warning',
        code: error.code,
        message: `${what}: ${error.message}`,
      });
      if (!deps.signal.aborted) exitCode = worstExit([exitCode, exitOfBroken(error)]);
    }
  };
  await attempt('the end of the run could not be written', async () => {
    if (runId !== undefined && end.failure !== undefined) record.runs.fail(runId, end.failure, end.exitCode);
  });
  await attempt('the cache could not be cleaned', async () => {
    if (!deps.signal.aborted) await cleanCache(cacheDir, record, now());
  });
  await attempt('the report could not be written', async () => {
    if (runId === undefined) return;
    const [file] = await writeNightReport(reportsDir, record, runId, end);
    if (file !== undefined) deps.emit({ event: 'note', message: `report: ${file}` });
  });
  await attempt('the copy of the record could not be written', async () => {
    if (backups !== undefined) await backUpRecord(record, { ...backups, now: now() });
  });
  await attempt('the metrics could not be written', async () => {
    if (metricsFile === undefined) return;
    const seconds = Math.round(performance.now() - start) / 1000;
    const published = end.published ?? (isPublishing && (await lastPublished(archiveDir)));
    const metrics = nightMetrics(record, {
      ...end,
      ...(published ? { published } : {}),
      exitCode,
      distros,
      seconds,
      now: now(),
    });
    await writeFileAtomically(metricsFile, Buffer.from(renderMetrics(metrics)));
  });
  return exitCode;
}

/** Packages that no night has gone on with for so long are those of kernels that left their mirror, or fail for good. */
const KEEP_PACKAGES_MS = 7 * 86_400_000;

async function cleanCache(cacheDir: string, record: BtfRecord, now: Date): Promise<void> {
  await collectGarbage({
    cacheDir,
    bodiesInUse: new Set(record.bodiesInUse()),
    keepSince: new Date(now.getTime() - KEEP_PACKAGES_MS),
    dryRun: false,
  });
}

/** What readers of the archive see; when that cannot be read, publishing has said so. */
async function lastPublished(archiveDir: string): Promise<Timestamp | undefined> {
  return readPublishedState(archiveDir).then(
    (state) => state?.timestamp,
    () => undefined,
  );
}
