/** From argv to an exit code: every failure becomes one line on stderr that names its code. */

import { randomFillSync } from 'node:crypto';
import { CommanderError } from 'commander';
import { seedHashes } from '../../btf/hashing.ts';
import { BtfmillError, EXIT, toBtfmillError } from '../../errors/index.ts';
import { palette, wantsColor } from '../ui/color.ts';
import { oneLine } from '../ui/format.ts';
import { watchOutput } from './output-faults.ts';
import { buildProgram } from './program.ts';

/** Runs the command line and returns the exit code; verbs that end without throwing leave theirs in `process.exitCode`. */
export async function main(argv: readonly string[]): Promise<number> {
  seedHashes(randomFillSync(new Int32Array(2)));
  const output = watchOutput(process.stdout, process.stderr);
  const exitCode = await run(argv);
  const fault = await output.settled();
  // `btfmill status | head` is no failure; an output that is lost on a full disk is one.
  if (!(fault instanceof BtfmillError)) return exitCode;
  complain(fault.code, `stdout: ${fault.message}`);
  return exitCode === EXIT.ok ? fault.exitCode : exitCode;
}

async function run(argv: readonly string[]): Promise<number> {
  try {
    const program = await buildProgram(argv.slice(2));
    await program.parseAsync(argv);
    return Number(process.exitCode ?? EXIT.ok);
  } catch (thrown) {
    if (thrown instanceof CommanderError) return explainUsage(thrown);
    const error = toBtfmillError(thrown);
    complain(error.code, error.message);
    if (process.env.BTFMILL_DEBUG)
      process.stderr.write(`${error.stack ?? ''}\n${describeCause(error.cause)}`);
    return error.exitCode;
  }
}

/** Help and version are not errors; commander has printed them. Help in place of a missing verb is. */
function explainUsage(error: CommanderError): number {
  if (error.exitCode === 0) return EXIT.ok;
  if (error.code !== 'commander.help') complain('usage', error.message.replace(/^error: /u, ''));
  return EXIT.usage;
}

function complain(code: string, message: string): void {
  const paint = palette(wantsColor(process.stderr, process.env, !process.argv.includes('--no-color')));
  process.stderr.write(`btfmill: ${paint.red(code)}: ${oneLine(message)}\n`);
}

function describeCause(cause: unknown): string {
  return cause instanceof Error ? `caused by ${cause.stack ?? cause.message}\n` : '';
}
