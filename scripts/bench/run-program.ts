/** The command line of a benchmark, read and acted upon. */

import { type Command, CommanderError } from 'commander';
import { EXIT } from '../../errors/index.ts';

/** Sets the exit code for a wrong command line; the program's action sets its own. */
export async function runProgram(program: Command): Promise<void> {
  try {
    await program.exitOverride().parseAsync();
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    // Commander has said what is wrong, or printed the help.
    process.exitCode = thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}
