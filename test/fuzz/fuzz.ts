/**
 * `npm run fuzz`: damaged ELF, DWARF and BTF against everything that reads them. Any input has to end in a value or a
 * FormatError, within a bound of time and memory; what a conversion gives has to be valid and independent of threads.
 *
 *     npm run fuzz                                  one minute, a seed of its own
 *     npm run fuzz -- --seconds 600 --seed 7        ten minutes
 *     npm run fuzz -- --inputs 1000000              so many inputs
 *     npm run fuzz -- --replay findings/x.bin       one input again, with the place where it fails
 *
 * The thread that reads may hang or run out of memory; this one notices, keeps the input, and starts another.
 */

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { buildCorpus, type CorpusFile } from './corpus.ts';
import { CONTROL, type Finding, type Tally, type WorkerMessage, type WorkerTask } from './messages.ts';

/** CPU time of one input. The slowest honest ones take a tenth of this. */
const MAX_CPU_MS = 2000;
const WATCH_MS = 100;

/** Of JavaScript objects; typed arrays lie outside and show in the process's peak. */
const MAX_HEAP_MB = 512;

/** More bytes than any input has: the corpus's largest file and what mutations add. */
const MAX_INPUT_BYTES = 4 << 20;

const HELP = `Usage: npm run fuzz -- [--seconds N | --inputs N] [--seed S] [--findings DIR] [--json]
       npm run fuzz -- --replay FILE

  --seconds N     how long (default 60)
  --inputs N      how many inputs instead
  --seed S        repeats a run on the same corpus (default: from the clock)
  --findings DIR  where findings go (default: ./fuzz-findings)
  --replay FILE   examines one file
  --json          the result as JSON on stdout

Exit codes: 0 nothing found, 1 findings, 2 usage.
`;

const OPTIONS = {
  seconds: { type: 'string' },
  inputs: { type: 'string' },
  seed: { type: 'string' },
  findings: { type: 'string', default: 'fuzz-findings' },
  replay: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

interface Campaign {
  readonly seed: number;
  readonly endMs: number;
  readonly inputs: number;
  readonly findingsDir: string;
}

let lastSaid = performance.now();

const flags = readFlags();
if (flags.help) process.stdout.write(HELP);
else if (flags.replay === undefined) process.exitCode = await fuzz();
else process.exitCode = await replay(flags.replay);

function readFlags(): ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'] {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function numberFlag(name: 'seconds' | 'inputs' | 'seed'): number | undefined {
  const text = flags[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/u.test(text) && Number.isSafeInteger(value)) return value;
  return refuse(`--${name} must be a whole number`);
}

function refuse(message: string): never {
  process.stderr.write(`${message}\n\n${HELP}`);
  process.exit(2);
}

async function fuzz(): Promise<number> {
  const inputs = numberFlag('inputs');
  const seconds = numberFlag('seconds') ?? (inputs === undefined ? 60 : Number.MAX_SAFE_INTEGER / 1e6);
  const campaign: Campaign = {
    seed: numberFlag('seed') ?? Date.now() >>> 0,
    endMs: performance.now() + seconds * 1000,
    inputs: inputs ?? Number.MAX_SAFE_INTEGER,
    findingsDir: flags.findings,
  };
  const folder = await mkdtemp(join(tmpdir(), 'btfmill-fuzz-'));
  let corpus: CorpusFile[];
  try {
    corpus = await buildCorpus(folder, say);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  say(`seed ${campaign.seed}, ${corpus.length} files to start from`);
  const started = performance.now();
  const total = emptyTally();
  const findings: Finding[] = [];
  let next = 0;
  while (next < campaign.inputs && performance.now() < campaign.endMs) {
    next = await runThread(campaign, corpus, next, total, findings);
  }
  report(campaign, total, findings, performance.now() - started);
  return findings.length === 0 ? 0 : 1;
}

function emptyTally(): Tally {
  return { inputs: 0, bytes: 0, stages: {}, codes: {}, signatures: 0, grown: 0, slowestMs: 0 };
}

/** Runs one thread to its end, good or bad; @returns the number of the input to go on with */
async function runThread(
  campaign: Campaign,
  corpus: readonly CorpusFile[],
  first: number,
  total: Tally,
  findings: Finding[],
): Promise<number> {
  const thread = startThread({
    corpus,
    seed: campaign.seed,
    first,
    end: campaign.inputs,
    knownFindings: findings.map(({ key }) => key),
  });
  let latest = emptyTally();
  let isDone = false;
  const saved: Promise<void>[] = [];
  const keep = (finding: Finding): void => {
    findings.push(finding);
    saved.push(save(finding, campaign));
  };
  thread.worker.on('message', (message: WorkerMessage) => {
    if (message.type === 'tally') {
      latest = message.tally;
      progress(total, latest, findings.length);
    } else if (message.type === 'done') {
      latest = message.tally;
      isDone = true;
    } else if (message.type === 'finding') keep(message.finding);
  });
  const lost = await watch(thread, () => performance.now() > campaign.endMs);
  await thread.worker.terminate();
  addTally(total, latest);
  const at = Atomics.load(thread.control, CONTROL.inputLow) >>> 0;
  if (lost !== undefined && !isDone) {
    const length = Atomics.load(thread.control, CONTROL.length);
    const bytes = thread.currentInput.slice(0, length);
    const format = bytes[0] === 0x7f ? 'elf' : 'btf';
    keep({ key: lost, detail: lost, base: '', number: at, format, bytes });
  }
  await Promise.all(saved);
  return isDone ? Number.MAX_SAFE_INTEGER : at + 1;
}

interface Thread {
  readonly worker: Worker;
  readonly control: Int32Array;
  readonly currentInput: Uint8Array;
}

function startThread(task: Omit<WorkerTask, 'control' | 'currentInput'>): Thread {
  const control = new SharedArrayBuffer(16);
  const currentInput = new SharedArrayBuffer(MAX_INPUT_BYTES);
  const workerData: WorkerTask = { ...task, control, currentInput };
  const worker = new Worker(new URL('./worker-from-source.mjs', import.meta.url), {
    workerData,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  });
  return { worker, control: new Int32Array(control), currentInput: new Uint8Array(currentInput) };
}

/** Until the thread ends, or must be ended; @returns what was wrong with its last input, if anything was */
async function watch({ worker, control }: Thread, isTimeUp: () => boolean): Promise<string | undefined> {
  const end = { isThere: false };
  let failure: string | undefined;
  worker.on('error', (error: NodeJS.ErrnoException) => {
    failure =
      error.code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? 'out of memory'
        : `the thread died: ${error.stack ?? error.message}`;
  });
  worker.on('exit', () => {
    end.isThere = true;
  });
  let input = -1;
  let cpuAtStart = process.cpuUsage();
  while (!end.isThere) {
    await sleep(WATCH_MS);
    if (isTimeUp()) Atomics.store(control, CONTROL.stop, 1);
    const now = Atomics.load(control, CONTROL.inputLow);
    if (now !== input || Atomics.load(control, CONTROL.length) === 0) {
      input = now;
      cpuAtStart = process.cpuUsage();
    }
    const { user, system } = process.cpuUsage(cpuAtStart);
    // CPU time, so that a busy machine makes no findings.
    if ((user + system) / 1000 > MAX_CPU_MS) return `no end after ${MAX_CPU_MS} ms`;
  }
  return failure;
}

function addTally(total: Tally, one: Tally): void {
  total.inputs += one.inputs;
  total.bytes += one.bytes;
  total.signatures = Math.max(total.signatures, one.signatures);
  total.grown = Math.max(total.grown, one.grown);
  total.slowestMs = Math.max(total.slowestMs, one.slowestMs);
  for (const key of ['stages', 'codes'] as const) {
    for (const [name, count] of Object.entries(one[key])) total[key][name] = (total[key][name] ?? 0) + count;
  }
}

/** The input, and beside it what it did; the name is made of both. */
async function save(finding: Finding, { findingsDir, seed }: Campaign): Promise<void> {
  const digest = createHash('sha256').update(finding.key).update(finding.bytes).digest('hex').slice(0, 12);
  const path = join(findingsDir, `${finding.format}-${digest}`);
  const { key, detail, base, number, format } = finding;
  await mkdir(findingsDir, { recursive: true });
  await writeFile(`${path}.bin`, finding.bytes);
  await writeFile(
    `${path}.json`,
    `${JSON.stringify({ key, detail, base, seed, number, format }, undefined, 2)}\n`,
  );
  say(`FINDING ${key}\n  npm run fuzz -- --replay ${path}.bin`);
}

async function replay(path: string): Promise<number> {
  const thread = startThread({ corpus: [], seed: 0, first: 0, end: 0, knownFindings: [], replay: path });
  let exitCode = 1;
  thread.worker.on('message', (message: WorkerMessage) => {
    if (message.type !== 'replayed') return;
    exitCode = message.isSound ? 0 : 1;
    const { text, milliseconds, grownBytes } = message;
    process.stdout.write(
      `${text}\n${milliseconds.toFixed(1)} ms, peak RSS +${(grownBytes / 1e6).toFixed(1)} MB\n`,
    );
  });
  const lost = await watch(thread, () => false);
  await thread.worker.terminate();
  if (lost !== undefined) process.stdout.write(`${lost}\n`);
  return lost === undefined ? exitCode : 1;
}

/** On a terminal one line that is drawn over, elsewhere one a minute. */
function progress(total: Tally, latest: Tally, findings: number): void {
  const text = `${total.inputs + latest.inputs} inputs, ${latest.signatures} ways of ending, ${findings} findings`;
  if (process.stderr.isTTY) process.stderr.write(`\r${text}`);
  else if (performance.now() - lastSaid > 60_000) {
    lastSaid = performance.now();
    say(text);
  }
}

function report(campaign: Campaign, total: Tally, findings: readonly Finding[], milliseconds: number): void {
  if (process.stderr.isTTY) process.stderr.write('\n');
  if (flags.json) {
    const keys = findings.map(({ key }) => key);
    process.stdout.write(
      `${JSON.stringify({ v: 1, seed: campaign.seed, milliseconds, ...total, findings: keys })}\n`,
    );
    return;
  }
  const perSecond = Math.round((total.inputs / milliseconds) * 1000);
  const lines = [
    `${total.inputs} inputs (${(total.bytes / 1e9).toFixed(2)} GB) in ${(milliseconds / 1000).toFixed(0)} s, ${perSecond} per second; seed ${campaign.seed}`,
    `${total.signatures} ways of ending, ${total.grown} inputs grown from; slowest ${total.slowestMs.toFixed(0)} ms`,
    'furthest stage:',
    ...counts(total.stages),
    'end:',
    ...counts(total.codes),
    `${findings.length} findings${findings.length === 0 ? '' : ` in ${campaign.findingsDir}`}`,
    ...findings.map(({ key }) => `  ${key}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

function counts(byName: Readonly<Record<string, number>>): string[] {
  return Object.entries(byName)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `  ${name.padEnd(26)} ${String(count).padStart(10)}`);
}

function say(message: string): void {
  process.stderr.write(`${message}\n`);
}
