/** The command line as a whole: verbs, help, how errors are reported. */

import { Command } from 'commander';
import { readVersion } from './version.ts';

type Register = (program: Command) => void;

/**
 * Each verb's module, loaded only when it may be wanted: together they load a database, an HTTP client and more, which
 * takes longer than converting a small kernel.
 */
const VERBS = new Map<string, () => Promise<Register>>([
  ['crawl', async () => (await import('../crawl.ts')).registerCrawl],
  ['nightly', async () => (await import('../nightly.ts')).registerNightly],
  ['convert', async () => (await import('../convert.ts')).registerConvert],
  ['btf', async () => (await import('../btf.ts')).registerBtf],
  ['diff', async () => (await import('../diff.ts')).registerDiff],
  ['status', async () => (await import('../status.ts')).registerStatus],
  ['verify', async () => (await import('../verify.ts')).registerVerify],
  ['import', async () => (await import('../import.ts')).registerImport],
  ['merge', async () => (await import('../merge.ts')).registerMerge],
  ['report', async () => (await import('../report.ts')).registerReport],
  ['why', async () => (await import('../why.ts')).registerWhy],
  ['retry', async () => (await import('../retry.ts')).registerRetry],
  ['withdraw', async () => (await import('../withdraw.ts')).registerWithdraw],
  ['gc', async () => (await import('../gc.ts')).registerGc],
  ['publish', async () => (await import('../publish.ts')).registerPublish],
  ['mirror', async () => (await import('../mirror.ts')).registerMirror],
  ['keygen', async () => (await import('../keygen.ts')).registerKeygen],
  ['doctor', async () => (await import('../doctor.ts')).registerDoctor],
]);

const EXAMPLES = `
Examples:
  btfmill crawl --distro debian --release 12 --kernel '*-cloud-amd64' --limit 1
  btfmill crawl --distro all --dry-run
  btfmill convert vmlinux -o vmlinux.btf
  btfmill btf vmlinux.btf task_struct
  btfmill diff old.btf new.btf
  btfmill status
  btfmill verify

Exit codes: 0 done, 1 unexpected failure, 2 usage or set-up, 3 some kernels failed, 4 upstream unreachable,
5 a signature or digest is wrong, 6 another run holds the lock, 7 verify found damage, 8 diff --exit-code found differences, 130/143 stopped by a signal,
141 a crawl's stdout was closed.

Results go to stdout, messages and progress to stderr. NO_COLOR and FORCE_COLOR are honoured;
BTFMILL_DEBUG=1 adds a stack trace to an error.`;

/**
 * A fresh program; throws CommanderError instead of ending the process.
 * @param args what will be parsed: when it starts with a verb, the program has only that one
 */
export async function buildProgram(args: readonly string[] = []): Promise<Command> {
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
  const verb = VERBS.get(args.find((arg) => !arg.startsWith('-')) ?? '');
  const loaded = await Promise.all(verb === undefined ? [...VERBS.values()].map((load) => load()) : [verb()]);
  for (const register of loaded) register(program);
  return program;
}
