/** `btfmill btf`: what a BTF holds, as a summary or type by type. */

import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import {
  type Btf,
  BTF_KIND_NAMES,
  cDefinition,
  findTypes,
  overviewOf,
  similarNames,
  validateBtf,
} from '../btf/index.ts';
import { DEFAULT_PROFILE, PROFILES, type ProfileName } from '../dwarf/index.ts';
import { BtfmillError, EXIT } from '../errors/index.ts';
import { requireFile } from './cli/inputs.ts';
import { loadShown } from './cli/load-shown.ts';
import { listenForStop } from './cli/stop-signal.ts';
import { withInput } from './cli/with-input.ts';
import { printable } from './ui/format.ts';
import { renderOverview } from './ui/btf-overview.ts';

const HELP = `
Examples:
  btfmill btf vmlinux.btf
  btfmill btf /sys/kernel/btf/vmlinux task_struct 'enum pid_type' schedule
  btfmill btf vmlinux --from dwarf --json
  btfmill btf /sys/kernel/btf/xfs --base /sys/kernel/btf/vmlinux xfs_inode

FILE is raw BTF, or an ELF file: of that, the .BTF section, or else its DWARF, converted; - is stdin, and it may be
a pipe. A name may be preceded by struct, union, enum, typedef, func or var; without, everything of that name is
shown, anonymous types in it spelled out. Beside a member stand its offset and size in bytes, of a bitfield
offset:bit and the size of its type.

Exit codes: 0 done, 2 usage, a file that is not there or may not be read, or a name that is not there (the others are
shown), 3 a file that is neither, damaged, or cannot be converted, 130 or 143 stopped by a signal.`;

interface BtfFlags {
  readonly from?: 'btf' | 'dwarf';
  readonly base?: string;
  readonly profile: ProfileName;
  readonly json?: boolean;
}

export function registerBtf(program: Command): void {
  const command = program
    .command('btf')
    .description('show what a BTF holds: a summary, or types as C')
    .argument('<file>', 'BTF, or ELF file with .BTF or DWARF')
    .argument('[name...]', 'types, functions or variables to show')
    .addOption(new Option('--from <what>', 'what of an ELF file that has both').choices(['btf', 'dwarf']))
    .option('--base <file>', "the kernel's BTF, to read a module's split BTF")
    .addOption(
      new Option('--profile <name>', 'how DWARF is converted')
        .choices(Object.keys(PROFILES))
        .default(DEFAULT_PROFILE),
    )
    .option('--json', 'the same as JSON; "v":1');
  command.addHelpText('after', HELP).action(async (file: string, names: readonly string[]) => {
    process.exitCode = await showBtf(file, names, command.optsWithGlobals<BtfFlags>());
  });
}

async function showBtf(file: string, names: readonly string[], flags: BtfFlags): Promise<number> {
  const stop = listenForStop(() => {});
  const { signal } = stop;
  try {
    if (flags.base !== undefined) await requireFile(flags.base);
    const btf = await withInput(file, signal, async (path) => {
      const options = { profile: flags.profile, threads: Math.min(4, availableParallelism()), signal };
      const base =
        flags.base === undefined ? undefined : (await loadShown(flags.base, flags.base, options)).btf;
      const from = flags.from === undefined ? {} : { from: flags.from };
      return (await loadShown(path, file, { ...options, ...from, ...(base === undefined ? {} : { base }) }))
        .btf;
    });
    if (names.length === 0) showOverview(btf, file, flags);
    else showNames(btf, names, flags);
    return EXIT.ok;
  } catch (thrown) {
    if (signal.aborted) return stop.exitCode();
    throw thrown;
  } finally {
    stop.release();
  }
}

function showOverview(btf: Btf, file: string, { json }: BtfFlags): void {
  const overview = overviewOf(btf);
  const problems = validateBtf(btf).map(({ text }) => text);
  if (json) process.stdout.write(`${JSON.stringify({ v: 1, file, ...overview, problems })}\n`);
  else process.stdout.write(renderOverview(file, overview, problems));
}

/** Shows those that are there before it says which are not. */
function showNames(btf: Btf, names: readonly string[], flags: BtfFlags): void {
  const missing: string[] = [];
  for (const name of names) {
    const ids = findTypes(btf, name);
    if (ids.length > 0) showTypes(btf, ids, flags);
    else missing.push(`no type is called ${name}${hintFor(btf, name)}`);
  }
  if (missing.length > 0) throw new BtfmillError('usage', missing.join('; '));
}

function hintFor(btf: Btf, name: string): string {
  const similar = similarNames(btf, name);
  return similar.length === 0 ? '' : ` (Did you mean ${similar.join(', ')}?)`;
}

function showTypes(btf: Btf, ids: readonly number[], { json }: BtfFlags): void {
  for (const id of ids) {
    const lines = cDefinition(btf, id);
    if (json) {
      const type = {
        v: 1,
        id,
        kind: BTF_KIND_NAMES[btf.kind(id)],
        name: btf.name(id),
        text: lines.join('\n'),
      };
      process.stdout.write(`${JSON.stringify(type)}\n`);
    } else {
      process.stdout.write(`${lines.map(printable).join('\n')}\n${lines.length > 1 ? '\n' : ''}`);
    }
  }
}
