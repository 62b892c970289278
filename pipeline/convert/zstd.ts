/** zstd for compressed debug sections: Node's own (from 22.15 on), else the `zstd` program. */

import { spawnSync } from 'node:child_process';
import { FormatError, type ZstdDecompressor, zstdOfNode } from '../../elf/index.ts';
import { BtfmillError, firstLine, withName } from '../../errors/index.ts';

/**
 * Decompresses in one go; runs in a worker thread, where waiting disturbs nobody.
 * @throws BtfmillError `tool-missing` or `tool-failed`; FormatError `elf-malformed` for what the program refuses, and
 * for more output than expected.
 */
export const zstdProgram: ZstdDecompressor = (packed, sizeBytes, section) => {
  const { error, status, signal, stdout, stderr } = spawnSync('zstd', ['-dc', '--quiet'], {
    input: packed,
    maxBuffer: sizeBytes + 1,
  });
  const code = error !== undefined && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT')
    throw new BtfmillError('tool-missing', 'zstd is not installed (scripts/setup.sh installs it)');
  const location = { format: 'elf', section };
  if (code === 'ENOBUFS')
    throw new FormatError('elf-malformed', location, `zstd: more than ${sizeBytes} bytes`);
  // A program that stops reading early, because the input is damaged, breaks our pipe: its status tells more.
  if (status === null) throw new BtfmillError('tool-failed', `zstd: ${signal ?? error?.message ?? 'failed'}`);
  if (status !== 0) {
    throw new FormatError('elf-malformed', location, withName('zstd', firstLine(stderr)));
  }
  return stdout;
};

/** For `openElf`: whichever there is. */
export const zstd: ZstdDecompressor = zstdOfNode ?? zstdProgram;
