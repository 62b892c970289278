/** What the indexes of the distributions look like from this machine, as plain values, and how a person reads it. */

import type { IndexSeen } from '../../crawlers/types.ts';
import type { DistroListing } from '../../pipeline/list-distros.ts';
import { exitCodeOf } from '../../pipeline/run-exit.ts';
import { oneLine, plural } from '../ui/format.ts';
import { type Column, renderTable } from '../ui/table.ts';

/** An index, or the distribution as a whole (`suite` and `release` are `*` then), that could not be read. */
export interface IndexFinding {
  readonly suite: string;
  readonly release: string;
  readonly code: string;
  /** Begins with the URL, where there is one. */
  readonly message: string;
}

export interface DistroFinding {
  readonly distro: string;
  /** Kernels with a debug package, each once. */
  readonly kernels: number;
  readonly indexes: readonly IndexSeen[];
  readonly failures: readonly IndexFinding[];
}

export interface DistrosReport {
  /** Version of this shape; fields are only ever added. */
  readonly v: 1;
  /** Every index answered, and is what it should be. */
  readonly ok: boolean;
  readonly distros: readonly DistroFinding[];
}

export function reportDistros(listings: readonly DistroListing[]): DistrosReport {
  const distros = listings.map(({ distro, packages, indexes, failures, error }) => ({
    distro,
    kernels: packages.length,
    indexes,
    failures: [
      ...failures.map((failure) => ({
        suite: failure.suite,
        release: failure.release,
        code: failure.error.code,
        message: failure.error.message,
      })),
      ...(error === undefined
        ? []
        : [{ suite: '*', release: '*', code: error.code, message: error.message }]),
    ],
  }));
  return { v: 1, ok: distros.every(({ failures }) => failures.length === 0), distros };
}

/** 0 when all is well, else what is worst decides: an integrity failure before a mirror that does not answer. */
export function exitCodeOfDistros({ distros }: DistrosReport): number {
  return exitCodeOf(
    [],
    distros.flatMap(({ failures }) => failures),
  );
}

const COLUMNS: readonly Column[] = [
  { title: '' },
  { title: 'distribution' },
  { title: 'index' },
  { title: 'arch' },
  { title: 'kernels', align: 'right' },
  { title: 'rests on' },
  { title: 'signed by' },
  { title: 'made' },
  { title: 'where, or what is wrong' },
];

/** The report as aligned text, without colour, ending in a newline. Capitals mark what failed. */
export function renderDistros({ distros }: DistrosReport): string {
  const rows = distros.flatMap((distro) => [
    ...distro.indexes.map((index) => seenRow(distro.distro, index)),
    ...distro.failures.map((failure) => failedRow(distro.distro, failure)),
  ]);
  const table = rows.length === 0 ? '' : `${renderTable(COLUMNS, rows)}\n`;
  return `${table}${distros.map((distro) => `${summaryOf(distro)}\n`).join('')}`;
}

function seenRow(distro: string, index: IndexSeen): string[] {
  return [
    'ok',
    `${distro} ${index.release}`,
    index.suite,
    index.arch,
    String(index.kernels),
    index.trust,
    // A long key id is what people look for; the whole fingerprint is in the JSON.
    index.signer?.slice(-16) ?? '-',
    index.date?.toISOString().slice(0, 10) ?? '-',
    index.url,
  ];
}

function failedRow(distro: string, { suite, release, code, message }: IndexFinding): string[] {
  return ['FAILED', `${distro} ${release}`, suite, '-', '-', '-', '-', '-', `${code}: ${oneLine(message)}`];
}

function summaryOf({ distro, kernels, indexes, failures }: DistroFinding): string {
  const failed = failures.length === 0 ? '' : `, ${failures.length} FAILED`;
  return `${distro}: ${plural(kernels, 'kernel')} in ${indexes.length} ${indexes.length === 1 ? 'index' : 'indexes'}${failed}`;
}
