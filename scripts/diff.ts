/** `btfmill diff`: what differs between two BTFs, in words. */

import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import type { Btf, DiffEntry } from '../btf/index.ts';
import { DEFAULT_PROFILE, PROFILES, type ProfileName } from '../dwarf/index.ts';
import { BtfmillError, EXIT } from '../errors/index.ts';
import { diffInThread } from '../pipeline/compute.ts';
import { layersOf } from '../pipeline/diff-btf.ts';
import { positiveInteger } from './cli/flags.ts';
import { requireFile } from './cli/inputs.ts';
import { loadShown } from './cli/load-shown.ts';
import { listenForStop } from './cli/stop-signal.ts';
import { withInput } from './cli/with-input.ts';
import { palette, wantsColor } from './ui/color.ts';
import { renderDiff } from './ui/diff-lines.ts';
import { plural } from './ui/format.ts';

const HELP = `
Examples:
  btfmill diff old.btf new.btf
  btfmill diff vmlinux-6.1 vmlinux-6.12 --limit 5
  btfmill diff vmlinux.btf vmlinux --from dwarf --exit-code
  tar -xJOf archive/debian/12/x86_64/6.1.0-50-amd64.btf.tar.xz | btfmill diff - /sys/kernel/btf/vmlinux --json

Each file is raw BTF, or an ELF file: of that, the .BTF section, or else its DWARF, converted; - is stdin, and either
may be a pipe. Only what changed itself is listed, not what refers to it: types by kind and name, functions by
prototype (parameter names count), variables, tags. Ids, the order of types and strings, and types that stand twice
make no difference.

Exit codes: 0 compared (with --exit-code: 0 no difference, ${EXIT.different} some), 2 usage, or a file that is not there or may not be
read, 3 a file that is neither, damaged, or cannot be converted, 130 or 143 stopped by a signal.`;

interface DiffFlags {
  readonly from?: 'btf' | 'dwarf';
  readonly base?: string;
  readonly profile: ProfileName;
  readonly limit: number;
  readonly exitCode?: boolean;
  readonly json?: boolean;
  readonly color: boolean;
}

/** As many of each kind of difference, and as many lines of each, as fit on a few screens. */
const DEFAULT_LIMIT = 20;

export function registerDiff(program: Command): void {
  const command = program
    .command('diff')
    .description('say what differs between two BTFs')
    .argument('<a>', 'BTF, or ELF file with .BTF or DWARF')
    .argument('<b>', 'the other one')
    .addOption(
      new Option('--from <what>', 'what of the ELF files; what is BTF is read as that').choices([
        'btf',
        'dwarf',
      ]),
    )
    .option('--base <file>', "the kernel's BTF, to read modules' split BTF")
    .addOption(
      new Option('--profile <name>', 'how DWARF is converted')
        .choices(Object.keys(PROFILES))
        .default(DEFAULT_PROFILE),
    )
    .option(
      '--limit <n>',
      'differences listed of each kind, and lines of each',
      positiveInteger,
      DEFAULT_LIMIT,
    )
    .option('--exit-code', `exit with ${EXIT.different} when there are differences`)
    .option('--json', 'all differences as JSON Lines, and a summary; "v":1');
  command.addHelpText('after', HELP).action(async (a: string, b: string) => {
    process.exitCode = await diff(a, b, command.optsWithGlobals<DiffFlags>());
  });
}

async function diff(fileA: string, fileB: string, flags: DiffFlags): Promise<number> {
  if (fileA === '-' && fileB === '-') throw new BtfmillError('usage', 'only one of the two can be stdin');
  const stop = listenForStop(() => {});
  const { signal } = stop;
  try {
    if (flags.base !== undefined) await requireFile(flags.base);
    const options = { profile: flags.profile, threads: Math.min(4, availableParallelism()), signal };
    const base =
      flags.base === undefined ? undefined : (await loadShown(flags.base, flags.base, options)).btf;
    const from = flags.from === undefined ? {} : { from: flags.from };
    const load = async (file: string): Promise<Btf> =>
      withInput(file, signal, async (path) => {
        const loaded = await loadShown(path, file, {
          ...options,
          ...from,
          fromIsForElf: true,
          ...(base === undefined ? {} : { base }),
        });
        return loaded.btf;
      });
    const [a, b] = [await load(fileA), await load(fileB)];
    const { entries, isEqual } = await diffInThread({ a: layersOf(a), b: layersOf(b) }, signal);
    print(a, b, entries, isEqual, flags);
    return flags.exitCode && !isEqual ? EXIT.different : EXIT.ok;
  } catch (thrown) {
    if (signal.aborted) return stop.exitCode();
    throw thrown;
  } finally {
    stop.release();
  }
}

function print(a: Btf, b: Btf, entries: readonly DiffEntry[], isEqual: boolean, flags: DiffFlags): void {
  const sizes = [a, b].map((btf) => btf.typeCount - btf.firstId);
  if (flags.json) {
    for (const entry of entries)
      process.stdout.write(`${JSON.stringify({ v: 1, event: 'diff', ...entry })}\n`);
    const summary = {
      v: 1,
      event: 'diff.finished',
      equal: isEqual,
      differences: entries.length,
      typeCounts: sizes,
    };
    process.stdout.write(`${JSON.stringify(summary)}\n`);
    return;
  }
  if (isEqual) {
    const same =
      Buffer.compare(a.bytes, b.bytes) === 0 ? 'the same bytes' : 'the same types, differently laid out';
    process.stdout.write(`no difference: ${same} (${plural(sizes[0], 'type')})\n`);
    return;
  }
  if (entries.length === 0) {
    process.stdout.write('they differ only in which of several types of one name is referred to\n');
    return;
  }
  const paint = palette(wantsColor(process.stdout, process.env, flags.color));
  process.stdout.write(renderDiff(entries, flags.limit, paint));
}
