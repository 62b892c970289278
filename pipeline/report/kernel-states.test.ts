import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { type BtfRecord, openRecord } from '../../db/index.ts';
import { debugPackage } from '../../test/support/debug-package.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import { readKernelStates } from './kernel-states.ts';

let record: BtfRecord;

beforeEach(async () => {
  record = openRecord(join(await tempDirForTest('states'), 'record.sqlite'));
  onTestFinished(() => record.close());
});

/** A run in which the suite had these kernels. */
function read(at: string, ...kernels: readonly string[]): void {
  const runId = record.runs.start({ startedAt: at, btfmillVersion: '0', options: {} });
  const plane = { distro: 'debian', release: '12', suite: 'bookworm', arch: 'x86_64' };
  record.indexReads.add({ runId, at, asked: '', ...plane, kernels: kernels.length });
  for (const kernel of kernels) {
    const pkg = debugPackage(kernel, { suite: 'bookworm' });
    record.packages.see(pkg, at);
    record.kernels.ensure(pkg, at);
  }
}

function fail(kernel: string): void {
  const pkg = debugPackage(kernel, { suite: 'bookworm' });
  const packageId = record.packages.idOf(pkg) ?? 0;
  const failure = { code: 'http-not-found', message: 'gone', packageId };
  record.kernels.markFailed(record.kernels.ensure(pkg, '2026-11-20'), failure, '2026-11-20');
}

const states = (): [state: string, kernels: number][] =>
  readKernelStates(record).counts.map(({ state, kernels }) => [state, kernels]);

it('calls gone what failed, or was never tried, and is no longer on the mirror', () => {
  read('2026-11-20T02:00:00.000Z', 'a', 'b', 'c');
  fail('a');
  fail('b');
  expect(states()).toEqual([
    ['failed', 2],
    ['pending', 1],
  ]);
  read('2026-11-21T02:00:00.000Z', 'b');
  expect(states()).toEqual([
    ['failed', 1],
    ['gone', 2],
  ]);
  expect(readKernelStates(record).failed).toMatchObject([{ kernel: 'b' }]);
});

it('does not call gone what was read after the clock had been ahead', () => {
  read('2031-01-01T02:00:00.000Z', 'a');
  read('2026-11-21T02:00:00.000Z', 'a');
  expect(states()).toEqual([['pending', 1]]);
});
