/** What a monitoring system should know of the archive and of the newest run, read from the record. */

import type { BtfRecord } from '../../db/index.ts';
import type { PublishReport } from '../publish/publish.ts';
import { readKernelStates } from '../report/kernel-states.ts';
import type { RunReport } from '../run-types.ts';
import type { Labels, Metric } from './exposition.ts';

export interface NightFacts {
  /** Absent when the run broke. */
  readonly run?: RunReport;
  /** What readers of the archive see. */
  readonly published?: Pick<PublishReport, 'serial' | 'expires'>;
  readonly exitCode: number;
  readonly seconds: number;
  readonly now: Date;
  /** All that are configured. */
  readonly distros: readonly string[];
}

type Sample = Metric['samples'][number];

export function nightMetrics(record: BtfRecord, facts: NightFacts): Metric[] {
  return [...archiveMetrics(record), ...indexMetrics(record, facts), ...runMetrics(record, facts)];
}

function archiveMetrics(record: BtfRecord): Metric[] {
  const { counts: planes, failed } = readKernelStates(record);
  const bytes = planes.filter(({ state }) => state === 'published');
  const codes = new Map<string, number>();
  for (const { code = 'unexpected' } of failed) codes.set(code, (codes.get(code) ?? 0) + 1);
  return [
    gauge(
      'btfmill_kernels',
      'Kernels by plane and state.',
      planes.map(({ distro, release, arch, state, kernels: value }) => ({
        labels: { distro, release, arch, state },
        value,
      })),
    ),
    gauge(
      'btfmill_archive_bytes',
      'Bytes of the published files.',
      bytes.map(({ distro, release, arch, tarSizeBytes }) => ({
        labels: { distro, release, arch },
        value: tarSizeBytes,
      })),
    ),
    gauge(
      'btfmill_failed_kernels',
      'Kernels whose newest attempt failed, by error code.',
      byLabel('code', codes),
    ),
  ];
}

function indexMetrics({ indexReads }: BtfRecord, { now, distros }: NightFacts): Metric[] {
  const reads = indexReads.newestGood();
  const complete = new Map(
    indexReads.lastComplete(now.toISOString()).map(({ distro, at }) => [distro, Date.parse(at)]),
  );
  const labelled = reads.map((read) => ({
    labels: { distro: read.distro, release: read.release, suite: read.suite, arch: read.arch ?? '' },
    read,
  }));
  return [
    gauge(
      'btfmill_index_age_seconds',
      'Age of the newest index that was read, by the date that the mirror gives it, when this file was written.',
      labelled.flatMap(({ labels, read: { madeAt } }) =>
        madeAt === undefined ? [] : [{ labels, value: seconds(now.getTime() - Date.parse(madeAt)) }],
      ),
    ),
    gauge(
      'btfmill_index_read_timestamp_seconds',
      'When the index was last read.',
      labelled.map(({ labels, read: { at } }) => ({ labels, value: seconds(Date.parse(at)) })),
    ),
    gauge(
      'btfmill_last_success_timestamp_seconds',
      'End of the last run that did all it was to do and could read every index of the distribution; 0: none has.',
      distros.map((distro) => ({ labels: { distro }, value: seconds(complete.get(distro) ?? 0) })),
    ),
  ];
}

function runMetrics(
  record: BtfRecord,
  { run, published, exitCode, seconds: duration, now }: NightFacts,
): Metric[] {
  const totals = record.runs.totals();
  const failures = run === undefined ? [] : Object.entries(run.failedByCode);
  return [
    gauge('btfmill_last_run_timestamp_seconds', 'When the newest run ended.', [only(seconds(now.getTime()))]),
    gauge('btfmill_last_run_duration_seconds', 'How long it took.', [only(duration)]),
    gauge('btfmill_last_run_exit_code', 'Its exit code.', [only(exitCode)]),
    gauge(
      'btfmill_last_run_kernels',
      'What it did, by outcome.',
      run === undefined ? [] : outcomes(run).map(([outcome, value]) => ({ labels: { outcome }, value })),
    ),
    gauge(
      'btfmill_last_run_failures',
      'Kernels that failed in it, by error code.',
      byLabel('code', failures),
    ),
    gauge('btfmill_last_run_scarce_seconds', 'Its time by what it waited for.', scarceSeconds(run)),
    gauge('btfmill_last_run_index_failures', 'Indexes that it could not read.', countIndexFailures(run)),
    counter('btfmill_downloaded_bytes_total', 'Bytes fetched by all runs.', [
      { labels: { kind: 'packages' }, value: totals.fetchedBytes },
      { labels: { kind: 'indexes' }, value: totals.indexBytes },
    ]),
    gauge(
      'btfmill_published_serial',
      'Serial of the published index.',
      published === undefined ? [] : [only(published.serial)],
    ),
    gauge(
      'btfmill_published_expiry_timestamp_seconds',
      'When the signed timestamp runs out.',
      published === undefined ? [] : [only(seconds(Date.parse(published.expires)))],
    ),
  ];
}

function outcomes(run: RunReport): [outcome: string, kernels: number][] {
  return [
    ['published', run.published],
    ['failed', run.failed],
    ['no-debug-info', run.noDebugInfo],
    ['held-back', run.decisions['held-back']],
    ['left', run.decisions.postponed + run.notBegun],
  ];
}

function scarceSeconds(run: RunReport | undefined): Sample[] {
  return Object.entries(run?.gates?.waitedFor ?? {}).map(([resource, milliseconds]) => ({
    labels: { resource },
    value: seconds(milliseconds),
  }));
}

function countIndexFailures(run: RunReport | undefined): Sample[] {
  const counts = new Map<string, { readonly labels: Labels; value: number }>();
  for (const { distro, code } of run?.indexFailures ?? []) {
    const sample = counts.get(`${distro} ${code}`) ?? { labels: { distro, code }, value: 0 };
    sample.value += 1;
    counts.set(`${distro} ${code}`, sample);
  }
  return [...counts.values()];
}

function byLabel(label: string, counts: Iterable<readonly [string, number]>): Sample[] {
  return [...counts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ labels: { [label]: name }, value }));
}

function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, type: 'gauge', help, samples };
}

function counter(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, type: 'counter', help, samples };
}

function only(value: number): Sample {
  return { value };
}

function seconds(milliseconds: number): number {
  return Math.round(milliseconds) / 1000;
}
