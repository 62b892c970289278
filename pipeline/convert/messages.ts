/** What the threads that compute are asked and answer. Everything in it survives structured cloning. */

import type { Collection, ConversionInput, ConversionStats, ProfileName } from '../../dwarf/index.ts';
import type { ErrorCode } from '../../errors/index.ts';
import type { CompareInput, Comparison } from '../compare-btf.ts';
import type { BtfDifference, DiffInput } from '../diff-btf.ts';
import type { Inspection } from '../inspect-btf.ts';
import type { BaseUse, SourceChoice } from '../types.ts';

export interface ConvertTask {
  readonly role: 'convert';
  readonly path: string;
  readonly source: SourceChoice;
  readonly profile: ProfileName;
  readonly threads: number;
  /** File with the BTF of the kernel that `path` is a module of; what comes from the DWARF is split BTF then. */
  readonly base?: string;
  /** The supplementary file (dwz) of `path`; else it is looked for where the file says. */
  readonly alt?: string;
}

/** Converts files of a list one after the other, beside other threads with the same list. */
export interface ConvertFilesTask extends Omit<ConvertTask, 'role' | 'path'> {
  readonly role: 'convert-files';
  readonly files: readonly string[];
  /** Shared counter: the next file to take. */
  readonly next: Int32Array;
}

/** A helper of a conversion: starts while the file is read, and waits for {@link CollectWork}. */
export interface CollectTask {
  readonly role: 'collect';
}

/** What a helper is sent when the file has been read: it collects ranges of units until none is left. */
export interface CollectWork {
  readonly input: ConversionInput;
  /** Unit indexes at which the ranges start, and the end. */
  readonly bounds: Int32Array;
  /** Shared counter: the next range to take. */
  readonly next: Int32Array;
}

export interface CompareTask extends CompareInput {
  readonly role: 'compare';
}

export interface DiffTask extends DiffInput {
  readonly role: 'diff';
}

export interface InspectTask {
  readonly role: 'inspect';
  readonly btf: Uint8Array;
}

export interface BannerTask {
  readonly role: 'banner';
  /** A vmlinux. */
  readonly path: string;
}

export type Task =
  | ConvertTask
  | ConvertFilesTask
  | CollectTask
  | CompareTask
  | DiffTask
  | InspectTask
  | BannerTask;

export interface ProgressMessage {
  readonly type: 'progress';
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface FailureMessage {
  readonly type: 'failure';
  readonly code: ErrorCode;
  readonly message: string;
}

export interface CollectedMessage {
  readonly type: 'collected';
  readonly collection: Collection;
}

/** The units have to be read as one, which helpers cannot do. */
export interface LinkedMessage {
  readonly type: 'linked';
}

export interface ConvertedMessage {
  readonly type: 'converted';
  readonly fromDwarf?: Uint8Array;
  readonly native?: Uint8Array;
  readonly buildId?: string;
  readonly stats?: ConversionStats;
  readonly supplement?: string;
  readonly base?: BaseUse;
}

/** One file of a {@link ConvertFilesTask} is done. */
export interface FileMessage {
  readonly type: 'file';
  /** Index in the list. */
  readonly index: number;
  readonly outcome: ConvertedMessage | FailureMessage;
}

/** No file of a {@link ConvertFilesTask} is left. */
export interface FilesDoneMessage {
  readonly type: 'files-done';
}

export interface ComparedMessage {
  readonly type: 'compared';
  readonly comparison: Comparison;
}

export interface DifferenceMessage {
  readonly type: 'difference';
  readonly difference: BtfDifference;
}

export interface InspectedMessage {
  readonly type: 'inspected';
  readonly inspection: Inspection;
}

export interface BannerMessage {
  readonly type: 'banner';
  /** `uname -r` of the banner, when there is one. */
  readonly release?: string;
}

export type Message =
  | ProgressMessage
  | FailureMessage
  | CollectedMessage
  | LinkedMessage
  | ConvertedMessage
  | FileMessage
  | FilesDoneMessage
  | ComparedMessage
  | DifferenceMessage
  | InspectedMessage
  | BannerMessage;
