/** What the fuzzer and its thread say to each other. */

import type { CorpusFile } from './corpus.ts';

/** Words of the shared control array. */
export const CONTROL = {
  /** Number of the input under examination (low 32 bits). */
  inputLow: 0,
  /** Its length; 0 between inputs. */
  length: 1,
  /** Not 0 asks the thread to end. */
  stop: 2,
} as const;

export interface WorkerTask {
  readonly control: SharedArrayBuffer;
  /** Holds the input under examination. */
  readonly currentInput: SharedArrayBuffer;
  readonly corpus: readonly CorpusFile[];
  readonly seed: number;
  /** Inputs [first, end) are made. */
  readonly first: number;
  readonly end: number;
  /** Keys that need no further report. */
  readonly knownFindings: readonly string[];
  /** Examines this file and nothing else. */
  readonly replay?: string;
}

export interface Tally {
  inputs: number;
  bytes: number;
  /** Inputs by format and the furthest stage they reached. */
  stages: Record<string, number>;
  codes: Record<string, number>;
  /** Ways of ending that differ in more than numbers. */
  signatures: number;
  /** Inputs kept to be damaged further. */
  grown: number;
  slowestMs: number;
}

export interface Finding {
  /** What went wrong, without what varies. */
  readonly key: string;
  readonly detail: string;
  readonly base: string;
  readonly number: number;
  readonly format: 'elf' | 'btf';
  readonly bytes: Uint8Array;
}

export type WorkerMessage =
  | { readonly type: 'tally'; readonly tally: Tally; readonly next: number }
  | { readonly type: 'done'; readonly tally: Tally }
  | { readonly type: 'finding'; readonly finding: Finding }
  | {
      readonly type: 'replayed';
      readonly text: string;
      readonly isSound: boolean;
      readonly milliseconds: number;
      readonly grownBytes: number;
    };
