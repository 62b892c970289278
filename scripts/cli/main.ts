/** From argv to an exit code: every failure becomes one line on stderr that names its code. */

import { CommanderError } from 'commander';
import { EXIT, toBtfmillError } from '../../errors/index.ts';
import { palette, wantsColor } from '../ui/color.ts';
import { oneLine } from '../ui/format.ts';
import { buildProgram } from './program.ts';

/** Runs the command line and returns the exit code; verbs that end without throwing leave theirs in `process.exitCode`. */
export async function main(argv: readonly string[]): Promise<number> {
  process.stdout.on('error', endQuietlyOnClosedPipe);
  try {
    await buildProgram().parseAsync(argv);
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

/** `btfmill status | head` is no failure. */
function endQuietlyOnClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(Number(process.exitCode ?? EXIT.ok));
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
