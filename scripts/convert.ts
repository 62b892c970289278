/** `btfmill convert`: one ELF file's DWARF to BTF, without an archive. */

import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import { DEFAULT_PROFILE, PROFILES, type ProfileName } from '../dwarf/profile.ts';
import { aboutFile, BtfmillError, EXIT } from '../errors/index.ts';
import { refuseInput, writeOutput } from '../pipeline/atomic-write.ts';
import { convertKernel } from '../pipeline/convert.ts';
import type { ConvertedKernel, StepProgress } from '../pipeline/types.ts';
import { convertIntoFolder } from './convert-files.ts';
import { positiveInteger } from './cli/flags.ts';
import { requireFile, requirePlaceForFile } from './cli/inputs.ts';
import { writeResult } from './cli/output-faults.ts';
import { peakMemoryBytes } from './cli/peak-memory.ts';
import { listenForStop } from './cli/stop-signal.ts';
import { withInput } from './cli/with-input.ts';
import { showConversion } from './ui/conversion-progress.ts';
import { formatBytes, formatDuration } from './ui/format.ts';

const HELP = `
Examples:
  npm run convert -- vmlinux -o vmlinux.btf
  npm run --silent convert -- vmlinux -o vmlinux.btf --json | jq .typesByKind
  btfmill convert vmlinux -o - | bpftool btf dump file /dev/stdin
  xz -dc vmlinux.xz | btfmill convert - -o vmlinux.btf
  btfmill convert xfs.ko --base vmlinux.btf -o xfs.btf && bpftool btf dump -B vmlinux.btf file xfs.btf
  btfmill convert *.ko --base vmlinux.btf -o btf/

The output is raw BTF in the byte order of the input, byte for byte what the profile's pahole writes with
--btf_encode_detached. It does not depend on the number of threads.

With --base it is split BTF: the module's types without those that the kernel has, which whoever reads it needs as
well. Base and module should come from one build and the same profile; a base that is an ELF file is read from its
.BTF section, or else converted. Several files are converted --threads at a time, NAME.ko to NAME.btf in the folder.

The report of --json: types by kind, units, bytes, milliseconds by phase, peakRssBytes, profile, threads, build id.

FILE may be a pipe, <(xz -dc vmlinux.xz) say; alone, and neither base nor --alt. An input is never overwritten.

Exit codes: 0 done, 2 usage, or a file that is not there or may not be read, 3 a file that cannot be converted (no ELF
file, empty, damaged, no DWARF, not supported, or nothing that a kernel would take; of several files at least one), 130
or 143 stopped by a signal, 1 anything unexpected.`;

interface ConvertFlags {
  readonly output: string;
  readonly profile: ProfileName;
  readonly base?: string;
  readonly alt?: string;
  readonly threads: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function registerConvert(program: Command): void {
  const command = program
    .command('convert')
    .description("convert an ELF file's DWARF to BTF")
    .argument('<file...>', 'ELF file with DWARF 2 to 5: a kernel, a module, an object file; - is stdin')
    .requiredOption('-o, --output <file>', 'where the BTF goes; - is stdout; for several files a folder')
    .addOption(
      new Option('--profile <name>', 'whose behaviour to reproduce')
        .choices(Object.keys(PROFILES))
        .default(DEFAULT_PROFILE),
    )
    .option('--base <file>', "the kernel's BTF, or its vmlinux or /sys/kernel/btf/vmlinux: write split BTF")
    .option(
      '--alt <file>',
      'the supplementary file of DWARF that dwz -m shortened; default: as the file says',
    )
    .option('--threads <n>', 'threads that read DWARF', positiveInteger, Math.min(4, availableParallelism()))
    .option('--json', 'a report on stdout: types by kind, time by phase; "v":1')
    .option('-q, --quiet', 'no progress and no summary');
  command.addHelpText('after', HELP).action(async (files: readonly string[]) => {
    const flags = command.optsWithGlobals<ConvertFlags>();
    process.exitCode =
      files.length === 1 ? await convertOne(files[0], flags) : await convertSeveral(files, flags);
  });
}

async function convertSeveral(files: readonly string[], flags: ConvertFlags): Promise<number> {
  if (flags.alt !== undefined) throw new BtfmillError('usage', '--alt belongs to one file');
  const { base, profile, threads } = flags;
  if (base !== undefined) await requireFile(base);
  const options = { source: 'dwarf', profile, threads, ...(base === undefined ? {} : { base }) } as const;
  return convertIntoFolder(files, flags, options);
}

async function convertOne(file: string, flags: ConvertFlags): Promise<number> {
  const others = [flags.base, flags.alt].filter((path) => path !== undefined);
  // What stdin is redirected from would be gone just as well.
  const inputs = [file === '-' ? '/dev/stdin' : file, ...others];
  const toStdout = flags.output === '-';
  if (toStdout && flags.json) throw new BtfmillError('usage', '--json and -o - both want stdout');
  if (toStdout && process.stdout.isTTY)
    throw new BtfmillError('usage', '-o - is stdout, and that is a terminal: BTF is no text');
  for (const path of others) await requireFile(path);
  if (!toStdout) {
    await requirePlaceForFile(flags.output);
    await refuseInput(flags.output, inputs);
  }
  const started = performance.now();
  const progress = flags.quiet ? undefined : showConversion(file === '-' ? 'stdin' : file);
  const stop = listenForStop(() => {});
  let converted: ConvertedKernel;
  try {
    const use = (path: string): Promise<ConvertedKernel> =>
      convert(path, others, flags, stop.signal, progress?.onProgress);
    converted = await withInput(file, stop.signal, use, progress?.onCopied);
  } catch (thrown) {
    if (stop.signal.aborted) return stop.exitCode();
    throw thrown;
  } finally {
    progress?.close();
    stop.release();
  }
  const { fromDwarf: bytes } = converted;
  if (bytes === undefined) throw new BtfmillError('dwarf-none', `${file}: has no DWARF`);
  const { supplement } = converted;
  const allInputs = supplement === undefined ? inputs : [...inputs, supplement];
  if (!toStdout) await writeOutput(flags.output, bytes, allInputs);
  // The exit code says that it was not taken; a summary would say that it was.
  else if (!(await writeResult(bytes))) return EXIT.ok;
  await report(converted, bytes, performance.now() - started, flags);
  return EXIT.ok;
}

async function convert(
  path: string,
  others: readonly string[],
  flags: ConvertFlags,
  signal: AbortSignal,
  onProgress: StepProgress | undefined,
): Promise<ConvertedKernel> {
  try {
    return await convertKernel(path, {
      source: 'dwarf',
      profile: flags.profile,
      threads: flags.threads,
      ...(flags.base === undefined ? {} : { base: flags.base }),
      ...(flags.alt === undefined ? {} : { alt: flags.alt }),
      signal,
      ...(onProgress === undefined ? {} : { onProgress }),
    });
  } catch (thrown) {
    throw aboutFile(thrown, path, others);
  }
}

async function report(
  { stats, profile, buildId, base }: ConvertedKernel,
  bytes: Uint8Array,
  milliseconds: number,
  flags: ConvertFlags,
): Promise<void> {
  if (stats === undefined) return;
  if (flags.json) {
    const { threads } = flags;
    const sizes = { btfBytes: bytes.length, peakRssBytes: peakMemoryBytes() };
    const object = { v: 1, profile, threads, buildId, base, ...sizes, ...stats };
    if (!(await writeResult(`${JSON.stringify(object)}\n`))) return;
  }
  if (flags.quiet) return;
  const own = base === undefined ? 'types' : `types beside ${base.sharedCount} of the base,`;
  process.stderr.write(
    `${stats.typeCount} ${own} from ${stats.typesRead} in ${stats.unitCount} units (${formatBytes(stats.inputBytes)} of DWARF), ` +
      `${formatBytes(bytes.length)} of BTF, ${formatDuration(milliseconds)}\n`,
  );
  if (base !== undefined && base.redefinedCount > 0) {
    process.stderr.write(
      `${base.redefinedCount} structs and unions differ from those of the same name in the base; if they are many, base and ` +
        'module are not of one build, or of another profile\n',
    );
  }
}
