/** The command line as a whole: verbs, help, how errors are reported. */

import { Command } from 'commander';
import { registerConvert } from '../convert.ts';
import { registerCrawl } from '../crawl.ts';
import { registerDoctor } from '../doctor.ts';
import { registerStatus } from '../status.ts';
import { registerVerify } from '../verify.ts';
import { readVersion } from './version.ts';

const EXAMPLES = `
Examples:
  btfmill crawl --distro debian --release 12 --kernel '*-cloud-amd64' --limit 1
  btfmill crawl --distro debian --dry-run
  btfmill convert vmlinux -o vmlinux.btf
  btfmill status
  btfmill verify

Exit codes: 0 done, 1 unexpected failure, 2 usage or set-up, 3 some kernels failed, 4 upstream unreachable,
5 a signature or digest is wrong, 6 another run holds the lock, 7 verify found damage, 130/143 stopped by a signal,
141 a crawl's stdout was closed.

Results go to stdout, messages and progress to stderr. NO_COLOR and FORCE_COLOR are honoured;
BTFMILL_DEBUG=1 adds a stack trace to an error.`;

/** A fresh program; throws CommanderError instead of ending the process. */
export function buildProgram(): Command {
  const program = new Command('btfmill')
    .description(
      "Turns the DWARF of Linux distributions' kernel debug packages into an archive of BTF files.",
    )
    .version(readVersion(), '-V, --version', 'print the version')
    .option('--no-color', 'no colour on the terminal')
    .helpOption('-h, --help', 'print help')
    .addHelpText('after', EXAMPLES)
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    // main() writes the one line; commander must not write its own beside it.
    .configureOutput({ outputError: () => {} })
    .exitOverride();
  registerCrawl(program);
  registerConvert(program);
  registerStatus(program);
  registerVerify(program);
  registerDoctor(program);
  return program;
}
