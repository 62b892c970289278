/** What a conversion's threads do: one reads the file and puts the result together, helpers collect units with it. */

import { countKinds, decodeBtf, splitBtf, validateBtf } from '../../btf/index.ts';
import {
  assembleBtf,
  type Collection,
  Collector,
  type ConversionInput,
  type ConversionStats,
  collectJoined,
  hasDwarf,
  joinUnits,
  LinkedUnits,
  kindCountsByName,
  readConversionInput,
} from '../../dwarf/index.ts';
import { type ElfFile, findSection, openElf, readBuildId, readSection } from '../../elf/index.ts';
import { BtfmillError, toBtfmillError } from '../../errors/index.ts';
import type { BaseUse } from '../types.ts';
import { openFileSource } from './file-source.ts';
import { type LoadedBase, loadBase } from './load-base.ts';
import type {
  CollectWork,
  CollectedMessage,
  ConvertFilesTask,
  ConvertTask,
  ConvertedMessage,
  FailureMessage,
  FilesDoneMessage,
  LinkedMessage,
} from './messages.ts';
import { post } from './post.ts';
import { unitRanges, usefulThreads } from './ranges.ts';
import { type RunningWorker, startWorker } from './start-worker.ts';
import { openSupplement } from './supplement.ts';
import { zstd } from './zstd.ts';

/** Collects ranges until the shared counter says that all are taken. */
function collect({ input, bounds, next }: CollectWork, onRange: (doneBytes: number) => void): Collection {
  const collector = new Collector(input.sections, input.options);
  for (;;) {
    const range = Atomics.add(next, 0, 1);
    if (range + 1 >= bounds.length) return collector.finish();
    const to = bounds[range + 1];
    for (let unit = bounds[range]; unit < to; unit++) collector.addUnit(input.units[unit], unit);
    onRange(input.units[to - 1].end);
  }
}

/** Collects with others until nothing is left. */
export function collectTask(work: CollectWork): CollectedMessage | LinkedMessage {
  try {
    return { type: 'collected', collection: collect(work, () => {}) };
  } catch (thrown) {
    if (thrown instanceof LinkedUnits) return { type: 'linked' };
    throw thrown;
  }
}

export async function convert(task: ConvertTask): Promise<ConvertedMessage> {
  const source = openFileSource(task.path);
  try {
    const file = openElf(source, { zstd });
    const buildId = readBuildId(file);
    const native = task.source === 'dwarf' ? undefined : nativeBtf(file);
    const made = task.source === 'native' || !hasDwarf(file) ? undefined : await convertDwarf(file, task);
    if (native === undefined && made === undefined) throw nothingFound(task);
    return {
      type: 'converted',
      ...(buildId === undefined ? {} : { buildId }),
      ...(native === undefined ? {} : { native }),
      ...(made === undefined || task.base === undefined ? made : await splitOff(made, task, task.base)),
    };
  } finally {
    source.close();
  }
}

/** A file that cannot be converted fails alone. */
export async function convertFiles({ files, next, ...rest }: ConvertFilesTask): Promise<FilesDoneMessage> {
  for (;;) {
    const index = Atomics.add(next, 0, 1);
    if (index >= files.length) return { type: 'files-done' };
    post({ type: 'file', index, outcome: await outcomeOf({ ...rest, role: 'convert', path: files[index] }) });
  }
}

async function outcomeOf(task: ConvertTask): Promise<ConvertedMessage | FailureMessage> {
  try {
    return await convert(task);
  } catch (thrown) {
    const { code, message } = toBtfmillError(thrown);
    return { type: 'failure', code, message };
  }
}

function nothingFound({ source, path }: ConvertTask): BtfmillError {
  if (source === 'native') return new BtfmillError('native-none', `${path} has no .BTF section`);
  const nor = source === 'auto' ? ' and no .BTF section' : '';
  return new BtfmillError('dwarf-none', `${path} has no DWARF${nor}`);
}

function nativeBtf(file: ElfFile): Uint8Array | undefined {
  const section = findSection(file, '.BTF');
  return section === undefined ? undefined : readSection(file, section);
}

interface MadeFromDwarf {
  readonly fromDwarf: Uint8Array;
  readonly stats: ConversionStats;
  readonly supplement?: string;
}

/** The base of the last conversion in this thread: several modules have one, and reading it takes longer than they do. */
let known: { readonly path: string; readonly base: LoadedBase } | undefined;

async function baseOf(task: ConvertTask, path: string): Promise<LoadedBase> {
  if (known?.path === path) return known.base;
  const { alt: _, ...withoutAlt } = task;
  const base = await loadBase(path, async (file) =>
    hasDwarf(file) ? (await convertDwarf(file, { ...withoutAlt, path })).fromDwarf : undefined,
  );
  known = { path, base };
  return base;
}

/** Takes out of a module's BTF what the base has. */
async function splitOff(
  { fromDwarf, stats, ...made }: MadeFromDwarf,
  task: ConvertTask,
  path: string,
): Promise<MadeFromDwarf & { readonly base: BaseUse }> {
  const base = await baseOf(task, path);
  const { btf } = base.index;
  const started = performance.now();
  const module = decodeBtf(fromDwarf);
  if (module.littleEndian !== btf.littleEndian)
    throw new BtfmillError('usage', `base ${path}: its byte order is not that of ${task.path}`);
  const { bytes, sharedCount, redefinedCount } = splitBtf(module, base.index);
  const split = decodeBtf(bytes, btf);
  const [problem] = validateBtf(split);
  if (problem !== undefined) throw new BtfmillError('btf-invalid', problem.text);
  const milliseconds = performance.now() - started;
  return {
    ...made,
    fromDwarf: bytes,
    stats: {
      ...stats,
      typesByKind: countKinds(split),
      typeCount: split.typeCount - split.firstId,
      stringBytes: split.strings.length - btf.strings.length,
      milliseconds: {
        ...stats.milliseconds,
        split: milliseconds,
        total: stats.milliseconds.total + milliseconds,
      },
    },
    base: { path, source: base.source, typeCount: btf.typeCount - 1, sharedCount, redefinedCount },
  };
}

/** @param task for this file; `path` is where it was read from */
async function convertDwarf(file: ElfFile, task: ConvertTask): Promise<MadeFromDwarf> {
  const supplement = openSupplement(file, task.path, task.alt);
  try {
    const made = await convertWith(file, supplement?.file, task);
    return supplement === undefined ? made : { ...made, supplement: supplement.path };
  } finally {
    supplement?.source.close();
  }
}

async function convertWith(
  file: ElfFile,
  supplement: ElfFile | undefined,
  task: ConvertTask,
): Promise<MadeFromDwarf> {
  const started = performance.now();
  const helpers = startHelpers(file, task.threads);
  let first: ConversionInput;
  let read: number;
  let shared: Collection[] | undefined;
  try {
    first = readConversionInput(file, task.profile, supplement);
    read = performance.now();
    shared = await collectShared(first, helpers);
  } finally {
    await Promise.all(helpers.map((helper) => helper.stop()));
  }
  const input = shared === undefined ? joinUnits(file, first, supplement) : first;
  const collections = shared ?? [collectJoined(input)];
  const collected = performance.now();
  const emitted = assembleBtf({ ...input, collections });
  const assembled = performance.now();
  // A BTF that the kernel would refuse does not leave the house.
  const [problem] = validateBtf(decodeBtf(emitted.bytes));
  if (problem !== undefined) throw new BtfmillError('btf-invalid', problem.text);
  const done = performance.now();
  return {
    fromDwarf: emitted.bytes,
    stats: {
      typesByKind: kindCountsByName(emitted.kindCounts),
      typeCount: emitted.typeCount,
      stringBytes: emitted.stringBytes,
      unitCount: input.units.length,
      typesRead: collections.reduce((sum, { typesRead }) => sum + typesRead, 0),
      inputBytes: input.sections.info.length,
      milliseconds: {
        read: read - started,
        collect: collected - read,
        assemble: assembled - collected,
        validate: done - assembled,
        total: done - started,
      },
    },
  };
}

/** Collections of units that were read one by one; undefined when they have to be read as one. */
async function collectShared(
  input: ConversionInput,
  helpers: readonly RunningWorker[],
): Promise<Collection[] | undefined> {
  if (input.supplementName !== undefined) return [collectJoined(input)];
  try {
    return await collectAll(input, helpers);
  } catch (thrown) {
    if (thrown instanceof LinkedUnits) return undefined;
    throw thrown;
  }
}

/** Threads that will share the units with this one; they get going while this one reads the file. */
function startHelpers(file: ElfFile, threads: number): RunningWorker[] {
  const infoBytes = findSection(file, '.debug_info')?.sizeBytes ?? 0;
  return Array.from({ length: Math.min(threads, usefulThreads(infoBytes)) - 1 }, () => {
    const helper = startWorker({ role: 'collect' }, () => {});
    // It may fail while this thread is busy; the rejection is taken up when its result is wanted.
    helper.result.catch(() => {});
    return helper;
  });
}

/** This thread works too; the helpers share the sections and the counter with it. */
async function collectAll(input: ConversionInput, helpers: readonly RunningWorker[]): Promise<Collection[]> {
  const work = { input, bounds: unitRanges(input.units), next: new Int32Array(new SharedArrayBuffer(4)) };
  for (const helper of helpers) helper.send(work);
  const totalBytes = input.sections.info.length;
  const own = collect(work, (doneBytes) => {
    post({ type: 'progress', doneBytes, totalBytes });
  });
  const messages = await Promise.all(helpers.map(({ result }) => result));
  if (messages.some(({ type }) => type === 'linked')) throw new LinkedUnits();
  // The last range need not have been this thread's.
  post({ type: 'progress', doneBytes: totalBytes, totalBytes });
  return [own, ...messages.flatMap((message) => (message.type === 'collected' ? [message.collection] : []))];
}
