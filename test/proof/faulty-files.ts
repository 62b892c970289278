/** A disk that fails at a chosen moment, and a command that dies at one: a small library that is preloaded into it. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const SOURCE = fileURLToPath(new URL('faulty-files.c', import.meta.url));

/** Programs that {@link buildFaultyFiles} runs. */
export const FAULTY_FILES_TOOLS = ['gcc'] as const;

/**
 * What happens at the `at`th change (from 1) that a command or a program of its makes below the watched folders: a
 * file or folder made, written, lengthened, synced or renamed. `fail-once`: that change fails. `fail-from`: it and all
 * that follow, and the write that it falls on still takes half of its bytes, as on a disk that fills up. `kill-before`:
 * SIGKILL for the command. `kill-halfway`: the same when half of the bytes are written. To replace a file takes no room.
 */
export type FileFault =
  | { readonly kind: 'fail-once' | 'fail-from'; readonly at: number; readonly error: 'ENOSPC' | 'EIO' }
  | { readonly kind: 'kill-before' | 'kill-halfway'; readonly at: number };

export interface FaultyFiles {
  /** For the command's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Starts to count at 0 again; without a fault, changes are only counted. To be called before each command. */
  arm(fault?: FileFault): void;
  /** Changes since. */
  changes(): number;
  /** How many of them went wrong. */
  faults(): number;
}

/** Compiles the library in `folder`; resolves to its path. */
export async function buildFaultyFiles(folder: string): Promise<string> {
  const library = join(folder, 'faulty-files.so');
  await execa('gcc', [
    '-shared',
    '-fPIC',
    '-O1',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-o',
    library,
    SOURCE,
    '-ldl',
  ]);
  return library;
}

/** @param control file for the library to count in; made here. @param folders absolute, to be watched */
export function watchFiles(library: string, control: string, folders: readonly string[]): FaultyFiles {
  const read = (index: number): number => readFileSync(control).readUInt32LE(4 * index);
  const arm = (fault?: FileFault): void => {
    const words = Buffer.alloc(4 * WORDS);
    if (fault !== undefined) {
      words.writeUInt32LE(fault.at, 4);
      words.writeUInt32LE(ACTIONS[fault.kind], 8);
      if ('error' in fault) words.writeInt32LE(ERRNO[fault.error], 12);
    }
    writeFileSync(control, words);
  };
  arm();
  return {
    env: { LD_PRELOAD: library, FAULTY_CONTROL: control, FAULTY_UNDER: folders.join(':') },
    arm,
    changes: () => read(0),
    faults: () => read(5),
  };
}

/** `struct control` of the source: changes, at, action, error, command, failed. */
const WORDS = 6;
const ACTIONS = { 'fail-once': 1, 'fail-from': 2, 'kill-before': 3, 'kill-halfway': 4 } as const;
const ERRNO = { EIO: 5, ENOSPC: 28 } as const;
