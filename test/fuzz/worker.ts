/** Thread of the fuzzer: makes inputs and examines them until it is told to stop. */

import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { decodeBtf } from '../../btf/index.ts';
import { elfInput } from './elf-input.ts';
import { btfInput } from './btf-input.ts';
import type { CorpusFile } from './corpus.ts';
import { builtFiles } from './built-files.ts';
import { type Outcome, examine } from './examine.ts';
import { assemble, type FuzzInput, type Splice } from './input.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import { CONTROL, type Finding, type Tally, type WorkerTask } from './messages.ts';

const task = workerData as WorkerTask;
const control = new Int32Array(task.control);
const current = new Uint8Array(task.currentInput);

/** An input that reads in a new way is worth damaging further; beyond this many, they are all much alike. */
const MAX_GROWN = 1500;
const MAX_GROWN_BYTES = 100_000;

/** Growth of the process's peak by one input; the largest honest one needs a few MiB. */
const MAX_GROWTH_BYTES = 256 * 1024 * 1024;

const reference = decodeBtf(
  builtFiles().find(({ name }) => name === 'built: BTF, all kinds')?.bytes ?? new Uint8Array(),
);

function toInput({ name, bytes }: CorpusFile): FuzzInput | undefined {
  return elfInput(name, bytes) ?? btfInput(name, bytes);
}

/** The first message a finding is known by: errors of one place are one finding. */
function keyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place =
    /\((?:file:\/\/)?[^)]*\/((?:elf|dwarf|btf)\/[\w-]+\.ts)[:\d]*\)/u.exec(error.stack ?? '')?.[1] ?? '';
  return `${error.name}: ${error.message.replaceAll(/\d+/gu, '#').slice(0, 150)} ${place}`;
}

/** Where the parent finds the input if this thread never comes back. */
function announce(n: number, bytes: Uint8Array): void {
  current.set(bytes.subarray(0, current.length));
  Atomics.store(control, CONTROL.inputLow, n | 0);
  Atomics.store(control, CONTROL.length, Math.min(bytes.length, current.length));
}

function run(): void {
  const corpus = task.corpus.map(toInput).filter((input) => input !== undefined);
  const grown: FuzzInput[] = [];
  const seen = new Set<string>();
  const reported = new Set<string>(task.knownFindings);
  const tally: Tally = { inputs: 0, bytes: 0, stages: {}, codes: {}, signatures: 0, grown: 0, slowestMs: 0 };
  let peak = process.resourceUsage().maxRSS;
  let lastReport = performance.now();
  for (let n = task.first; n < task.end && Atomics.load(control, CONTROL.stop) === 0; n++) {
    const random = new Random(task.seed, n);
    const pool = grown.length > 0 && random.oneIn(2) ? grown : corpus;
    const base = random.pick(pool);
    const other = random.pick(random.oneIn(4) ? corpus : pool);
    const splices = mutate(base, other, random);
    const bytes = assemble(base, splices);
    announce(n, bytes);
    const started = performance.now();
    let outcome: Outcome | undefined;
    try {
      outcome = examine(base.format, bytes, reference);
    } catch (error) {
      report(
        n,
        base,
        splices,
        bytes,
        keyOf(error),
        error instanceof Error ? (error.stack ?? '') : String(error),
      );
    }
    Atomics.store(control, CONTROL.length, 0);
    const took = performance.now() - started;
    if (took > tally.slowestMs) tally.slowestMs = took;
    const { maxRSS } = process.resourceUsage();
    if ((maxRSS - peak) * 1024 > MAX_GROWTH_BYTES) {
      report(n, base, splices, bytes, 'memory', `peak RSS rose from ${peak} to ${maxRSS} KiB`);
    }
    peak = Math.max(peak, maxRSS);
    count(base.format, bytes, outcome);
    if (outcome !== undefined && !seen.has(`${base.format} ${outcome.signature}`)) {
      seen.add(`${base.format} ${outcome.signature}`);
      tally.signatures = seen.size;
      grow(base, bytes, n);
    }
    if (performance.now() - lastReport > 1000) {
      lastReport = performance.now();
      parentPort?.postMessage({ type: 'tally', tally: structuredClone(tally), next: n + 1 });
    }
  }
  parentPort?.postMessage({ type: 'done', tally });

  function count(format: string, bytes: Uint8Array, outcome: Outcome | undefined): void {
    tally.inputs++;
    tally.bytes += bytes.length;
    const stage = `${format} ${outcome?.stage ?? 'finding'}`;
    const code = `${format} ${outcome?.code ?? 'finding'}`;
    tally.stages[stage] = (tally.stages[stage] ?? 0) + 1;
    tally.codes[code] = (tally.codes[code] ?? 0) + 1;
  }

  function grow(base: FuzzInput, bytes: Uint8Array, n: number): void {
    if (bytes.length > MAX_GROWN_BYTES) return;
    const input = toInput({ name: `${base.name.split(' < ', 1)[0]} < ${n}`, bytes });
    if (input === undefined || input.format !== base.format || input.sites.length === 0) return;
    // The oldest make room: what they led to is in the list by now.
    if (grown.length >= MAX_GROWN) grown[n % MAX_GROWN] = input;
    else grown.push(input);
    tally.grown = grown.length;
  }

  function report(
    n: number,
    base: FuzzInput,
    splices: readonly Splice[],
    bytes: Uint8Array,
    key: string,
    detail: string,
  ): void {
    if (reported.has(key)) return;
    reported.add(key);
    const minimal = key === 'memory' ? bytes : minimised(base, splices, key);
    const finding: Finding = { key, detail, base: base.name, number: n, format: base.format, bytes: minimal };
    parentPort?.postMessage({ type: 'finding', finding });
  }
}

/** Leaves out splices, and then halves of what they insert, as long as the same thing goes wrong. */
function minimised(base: FuzzInput, splices: readonly Splice[], key: string): Uint8Array {
  let kept = [...splices];
  const fails = (candidate: readonly Splice[]): boolean => {
    try {
      examine(base.format, assemble(base, candidate), reference);
      return false;
    } catch (error) {
      return keyOf(error) === key;
    }
  };
  for (let i = kept.length - 1; i >= 0; i--) {
    const without = kept.toSpliced(i, 1);
    if (fails(without)) kept = without;
  }
  for (let i = 0; i < kept.length; i++) {
    for (;;) {
      const splice = kept[i];
      const shorter = kept.with(i, { ...splice, insert: splice.insert.slice(0, splice.insert.length >> 1) });
      if (splice.insert.length < 2 || !fails(shorter)) break;
      kept = shorter;
    }
  }
  return assemble(base, kept);
}

/** One file, for `--replay`. */
function replay(path: string): void {
  const bytes = readFileSync(path);
  const format = bytes[0] === 0x7f ? 'elf' : 'btf';
  announceReplay(bytes.length);
  const started = performance.now();
  const before = process.resourceUsage().maxRSS;
  let text: string;
  let isSound = true;
  try {
    const outcome = examine(format, bytes, reference);
    text = `${outcome.stage}: ${outcome.code}: ${outcome.signature}`;
  } catch (error) {
    isSound = false;
    text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const grownBytes = (process.resourceUsage().maxRSS - before) * 1024;
  parentPort?.postMessage({
    type: 'replayed',
    text,
    isSound,
    milliseconds: performance.now() - started,
    grownBytes,
  });
}

function announceReplay(length: number): void {
  Atomics.store(control, CONTROL.length, length);
}

if (task.replay === undefined) run();
else replay(task.replay);
