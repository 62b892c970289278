/** What a program writes to its standard output, byte for byte. */

import { type Options, type SyncOptions, execa, execaSync } from 'execa';

/** execa takes a last newline off even when it gives bytes, and compressed data ends with that byte now and then. */
const EXACT = { encoding: 'buffer', stripFinalNewline: false } as const;

export async function programBytes(
  program: string,
  args: readonly string[],
  options: Pick<Options, 'input' | 'cwd'> = {},
): Promise<Uint8Array> {
  const { stdout } = await execa(program, args, { ...options, ...EXACT });
  return stdout;
}

export function programBytesSync(
  program: string,
  args: readonly string[],
  options: Pick<SyncOptions, 'input' | 'cwd'> = {},
): Uint8Array {
  const { stdout } = execaSync(program, args, { ...options, ...EXACT });
  return stdout;
}
