import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { beforeAll, describe, expect, it } from 'vitest';
import { BtfBuilder, decodeBtf } from '../btf/index.ts';
import { BtfmillError } from '../errors/index.ts';
import { turnsDuring } from '../test/support/event-loop.ts';
import { tempDirForTest } from '../test/support/temp.ts';
import { compareBtf } from './compare-btf.ts';
import { compareInThread, diffInThread, inspectInThread } from './compute.ts';
import { crossCheck } from './cross-check.ts';
import { differenceOf, layersOf } from './diff-btf.ts';
import { inspectBtf } from './inspect-btf.ts';
import { storeBtf } from './store.ts';

const { signal } = new AbortController();
const oracle = { against: 'native', profile: 'pahole-1.30', hasOurRules: true } as const;

/** A BTF of a kernel's size: 100 000 types, two megabytes. */
function largeBtf(size = 1024): Uint8Array {
  const b = new BtfBuilder();
  const int = b.addInt('int', 4, 1);
  let last = int;
  for (let i = 0; i < 50_000; i++) {
    const struct = b.addStruct(i === 0 ? 'task_struct' : `struct_${i}`, size, [
      { name: 'value', type: int, bitOffset: 0 },
      { name: 'next', type: last, bitOffset: 64 },
    ]);
    last = b.addPtr(struct);
  }
  return b.build();
}

describe('work on a whole BTF', () => {
  let btf: Uint8Array;

  beforeAll(() => {
    btf = largeBtf();
  });

  it('is long enough to tell the difference', async () => {
    const started = performance.now();
    const turns = await turnsDuring(
      Promise.resolve().then(() => compareBtf({ ours: btf, theirs: btf, oracle })),
    );
    expect(performance.now() - started).toBeGreaterThan(20);
    expect(turns).toBeLessThan(5);
  });

  it('leaves the event loop free', async () => {
    const input = { ours: btf, theirs: btf, oracle };
    const compared = compareInThread(input, signal);
    expect(await turnsDuring(compared)).toBeGreaterThan(20);
    expect(await compared).toEqual(compareBtf(input));

    const inspected = inspectInThread(btf, signal);
    expect(await turnsDuring(inspected)).toBeGreaterThan(20);
    expect(await inspected).toEqual(inspectBtf(btf));
  });

  it('leaves it free when differences are looked for, and ends when it is stopped', async () => {
    const module = new BtfBuilder({ base: decodeBtf(btf) });
    module.addTypedef('number', 1);
    const input = { a: layersOf(decodeBtf(module.build(), decodeBtf(btf))), b: [largeBtf(2048)] };
    expect(input.a).toHaveLength(2);
    const found = diffInThread(input, signal);
    expect(await turnsDuring(found)).toBeGreaterThan(20);
    expect(await found).toEqual(differenceOf(input));
    expect((await found).entries).toHaveLength(50_001);

    const stop = new AbortController();
    const stopped = diffInThread({ a: [btf], b: [largeBtf(2048)] }, stop.signal);
    setImmediate(() => {
      stop.abort(new BtfmillError('aborted', 'stopped'));
    });
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' });
  });

  it('leaves it free in a cross-check and in storing', async () => {
    const folder = await tempDirForTest('event-loop');
    const kernel = { profile: 'pahole-1.30', fromDwarf: btf, native: btf } as const;
    const checked = crossCheck(kernel, 'vmlinux', { mode: 'auto', workDir: folder, signal });
    expect(await turnsDuring(checked)).toBeGreaterThan(20);
    expect(await checked).toMatchObject({ verdict: 'equal' });

    const key = { distro: 'debian', release: '12', arch: 'x86_64', kernel: '6.1.0-1-amd64' };
    const stored = storeBtf({ archiveDir: join(folder, 'archive'), key, btf, signal });
    expect(await turnsDuring(stored)).toBeGreaterThan(20);
    expect(await stored).toMatchObject({ typeCount: 100_001 });
  });

  it('fails in a thread as it does here', async () => {
    const damaged = btf.slice(0, btf.length - 1000);
    const small = damaged.subarray(0, 100);
    const code = expect.objectContaining({ code: 'btf-malformed' }) as Error;
    await expect(compareInThread({ ours: damaged, theirs: btf, oracle }, signal)).rejects.toEqual(code);
    await expect(compareInThread({ ours: small, theirs: small, oracle }, signal)).rejects.toEqual(code);
    expect(await inspectInThread(damaged, signal)).toEqual(inspectBtf(damaged));
    expect(await inspectInThread(small, signal)).toEqual(inspectBtf(small));
    await expect(compareInThread({ ours: btf, theirs: btf, oracle }, AbortSignal.abort())).rejects.toThrow(
      'aborted',
    );
  });
});
