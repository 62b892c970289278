/**
 * One input through everything that reads it. It has to end in a value or a FormatError, and what comes out of a
 * conversion has to hold what the converter promises.
 */

import {
  type Btf,
  BTF_KIND,
  cDeclaration,
  cDefinition,
  checkKernelBtf,
  compareDeep,
  compareShallow,
  countKinds,
  decodeBtf,
  describeLines,
  diffBtf,
  findTypes,
  findTolerances,
  indexBase,
  splitBtf,
  overviewOf,
  similarNames,
  typeExpression,
  validateBtf,
} from '../../btf/index.ts';
import {
  assembleBtf,
  type Collection,
  collectAll,
  collectRange,
  type ConversionInput,
  DEFAULT_PROFILE,
  PROFILES,
  type ProfileName,
  readConversionInput,
} from '../../dwarf/index.ts';
import {
  type ElfFile,
  FormatError,
  memorySource,
  openElf,
  readBuildId,
  readSymbolTable,
} from '../../elf/index.ts';
import { reencodeBtf } from '../support/reencode.ts';

/** How far an input got, in order. */
export const STAGES = {
  elf: ['none', 'opened', 'sections', 'units', 'types', 'emitted', 'valid'],
  btf: ['none', 'decoded', 'valid', 'compared'],
} as const;

export type Stage = (typeof STAGES)['elf' | 'btf'][number];

export interface Outcome {
  readonly stage: Stage;
  /** `ok`, the code of the FormatError, or `btf-invalid` for a conversion that validation refuses. */
  readonly code: string;
  /** What makes this way of ending different from others, without numbers and names. */
  readonly signature: string;
}

/** A promise that was broken; the fuzzer's finding. Its message must not contain numbers that vary. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
}

/** Throws whatever is no FormatError: that is a finding. */
export function examine(format: 'elf' | 'btf', bytes: Uint8Array, reference: Btf): Outcome {
  return format === 'elf' ? examineElf(bytes) : examineBtf(bytes, reference);
}

interface Progress {
  stage: Stage;
  detail: string;
}

function guarded(run: (progress: Progress) => void): Outcome {
  const progress: Progress = { stage: 'none', detail: '' };
  try {
    run(progress);
    return { stage: progress.stage, code: 'ok', signature: `${progress.stage} ${progress.detail}` };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    if (!/^(elf|dwarf|btf)( [^:]+)?(\+0x[0-9a-f]+)?: ./u.test(error.message)) {
      throw new BrokenPromise(`message without a location: ${template(error.message)}`);
    }
    const code = progress.detail === 'btf-invalid' ? 'btf-invalid' : error.code;
    return { stage: progress.stage, code, signature: `${progress.stage} ${code} ${template(error.message)}` };
  }
}

/** Numbers, quoted and section names say which input it was, not how it ended. */
export function template(message: string): string {
  return message
    .replaceAll(/"[^"]*"/gu, '""')
    .replaceAll(/0x[0-9a-f]+|\d+/gu, '#')
    .slice(0, 120);
}

function examineElf(bytes: Uint8Array): Outcome {
  return guarded((progress) => {
    const file = openElf(memorySource(bytes));
    progress.stage = 'opened';
    survivesOrRefuses(() => readBuildId(file));
    survivesOrRefuses(() => readAllSymbols(file));
    for (const profile of profilesFor(bytes)) convert(file, profile, progress);
  });
}

/** The default one, and another in turn: each is a different way through the same code. */
function profilesFor(bytes: Uint8Array): readonly ProfileName[] {
  const names = Object.keys(PROFILES) as ProfileName[];
  const other = names[bytes.length % names.length];
  return other === DEFAULT_PROFILE ? [DEFAULT_PROFILE] : [DEFAULT_PROFILE, other];
}

function convert(file: ElfFile, profile: ProfileName, progress: Progress): void {
  const first = readConversionInput(file, profile);
  progress.stage = 'sections';
  if (first.units.length > 0) progress.stage = 'units';
  const { input, collection } = collectAll(file, first);
  const whole = [collection];
  if (whole[0].typesRead > 0) progress.stage = 'types';
  const { bytes } = assembleBtf({ ...input, collections: whole });
  progress.stage = 'emitted';
  checkSameInParts(input, bytes);
  const btf = decoded(bytes);
  const [problem] = validateBtf(btf);
  if (problem !== undefined) {
    progress.detail = 'btf-invalid';
    throw new FormatError('btf-unencodable', { format: 'btf' }, problem.message);
  }
  checkRoundTrip(btf);
  progress.stage = 'valid';
  progress.detail = Object.keys(countKinds(btf)).join(' ');
}

/** However units are shared out among threads, the result is the same. */
function checkSameInParts(input: ConversionInput, bytes: Uint8Array): void {
  const { length } = input.units;
  // Units that refer to each other are read as one.
  if (length < 2 || input.supplementName !== undefined) return;
  const middle = length >> 1;
  const collections: Collection[] = [collectRange(input, middle, length), collectRange(input, 0, middle)];
  if (Buffer.compare(assembleBtf({ ...input, collections }).bytes, bytes) !== 0) {
    throw new BrokenPromise('the result depends on how the units are shared out');
  }
}

function decoded(bytes: Uint8Array, base?: Btf): Btf {
  try {
    return decodeBtf(bytes, base);
  } catch (error) {
    throw new BrokenPromise(
      `the converter's own BTF cannot be decoded: ${template((error as Error).message)}`,
      {
        cause: error,
      },
    );
  }
}

/** decode(encode(x)) is x, for a valid x. */
function checkRoundTrip(btf: Btf): void {
  // Bytes that are no UTF-8 print as U+FFFD and cannot come back.
  if (btf.strings.some((byte) => byte >= 0x80)) return;
  const again = reencodeBtf(btf);
  if (again === undefined) return;
  const { layers, equalArrayIndexTypes } = compareDeep(btf, decodeBtf(again));
  const differ = Object.values(layers).some(({ onlyA, onlyB }) => onlyA.length + onlyB.length > 0);
  if (differ || !equalArrayIndexTypes) throw new BrokenPromise('decode(encode(x)) is not x');
}

function examineBtf(bytes: Uint8Array, reference: Btf): Outcome {
  return guarded((progress) => {
    const btf = decodeBtf(bytes);
    progress.stage = 'decoded';
    describeAll(btf);
    overviewOf(btf);
    findTypes(btf, 'struct list');
    similarNames(btf, 'lits');
    survivesOrRefuses(() => {
      checkKernelBtf(btf);
    });
    const [problem] = validateBtf(btf);
    progress.detail =
      problem === undefined ? Object.keys(countKinds(btf)).join(' ') : template(problem.message);
    if (problem === undefined) {
      progress.stage = 'valid';
      checkRoundTrip(btf);
    }
    const { tolerances } = findTolerances(btf, reference);
    compareShallow(btf, reference, { tolerances });
    diffBtf(btf, reference, tolerances);
    diffBtf(reference, btf);
    const { equalTypes } = compareDeep(btf, btf, tolerances);
    if (!equalTypes) throw new BrokenPromise('a BTF differs from itself');
    compareDeep(btf, reference, tolerances);
    checkSplit(btf, reference);
    checkSplit(reference, btf);
    if (problem === undefined) progress.stage = 'compared';
  });
}

/** A module that is split from a base, whichever of the two is damaged, can be read with that base. */
function checkSplit(module: Btf, base: Btf): void {
  if (module.littleEndian !== base.littleEndian) return;
  const { bytes, sharedCount } = splitBtf(module, indexBase(base));
  const { typeCount, firstId } = decoded(bytes, base);
  if (typeCount - firstId + sharedCount !== module.typeCount - 1)
    throw new BrokenPromise('types got lost in splitting');
}

/** A type may spell out thousands of others: a few of them say it all. */
const MAX_PRINTED = 20;

function describeAll(btf: Btf): void {
  const step = Math.max(1, Math.floor(btf.typeCount / MAX_PRINTED));
  for (let id = btf.firstId; id < btf.typeCount; id += step) {
    describeLines(btf, id);
    typeExpression(btf, id);
    cDefinition(btf, id);
    cDeclaration(btf, id, 'x');
    if (btf.kind(id) === BTF_KIND.VOID) throw new BrokenPromise('a record is void');
  }
}

function readAllSymbols(file: ElfFile): void {
  const table = readSymbolTable(file);
  if (table === undefined) return;
  for (let i = 0; i < table.count; i++) {
    table.nameOffset(i);
    table.section(i);
    table.sizeBytes(i);
    table.valueLow(i);
  }
}

function survivesOrRefuses(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
}
