/** setup.sh on machines that lack something: a search path of our own decides what "is installed". */

import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { tempDirForTest } from '../test/support/temp.ts';
import { findTool, needsTool } from '../test/support/tools.ts';
import { TOOLS } from './doctor/tools.ts';

const script = fileURLToPath(new URL('setup.sh', import.meta.url));

/** What the script itself cannot work without. */
const SHELL_TOOLS = ['bash', 'cat', 'dirname', 'env', 'grep', 'node', 'paste', 'readlink', 'sort'];

const ALL_TOOLS = TOOLS.filter((tool) => tool.need !== 'build').map((tool) => tool.command);

interface FakeMachine {
  /** Programs that are there, doing nothing. */
  readonly tools: readonly string[];
  /** Shell scripts by program name. */
  readonly programs?: Record<string, string>;
  readonly root?: boolean;
}

async function setUp(machine: FakeMachine, flags: readonly string[] = []) {
  const bin = path.join(await tempDirForTest('setup'), 'bin');
  await mkdir(bin);
  // npm must not touch the packages of this very repository.
  const programs = { id: `echo ${machine.root ? 0 : 1000}`, npm: 'echo "npm $*" >&2', ...machine.programs };
  for (const [name, body] of Object.entries(programs)) {
    // wx: never through a link into the real system.
    await writeFile(path.join(bin, name), `#!${findTool('bash')}\n${body}\n`, { flag: 'wx', mode: 0o755 });
  }
  for (const tool of SHELL_TOOLS) {
    if (!(tool in programs)) await symlink(findTool(tool) ?? tool, path.join(bin, tool));
  }
  for (const tool of machine.tools) await symlink('/bin/true', path.join(bin, tool));
  return execa(path.join(bin, 'bash'), [await withoutSbin(bin), ...flags], {
    reject: false,
    stdin: 'ignore',
    extendEnv: false,
    env: { PATH: bin, BIN: bin },
  });
}

/** The script beside the original, not looking into /usr/sbin, where this machine may have what the fake one lacks. */
async function withoutSbin(bin: string): Promise<string> {
  const copy = path.join(bin, 'setup.sh');
  const text = await readFile(script, 'utf8');
  const sbin = 'PATH=$PATH:/usr/sbin:/sbin';
  const home = '"$(dirname "${BASH_SOURCE[0]}")/.."';
  expect(text).toContain(sbin);
  expect(text).toContain(home);
  const repository = path.dirname(path.dirname(script));
  await writeFile(copy, text.replace(sbin, 'PATH=$PATH').replace(home, `'${repository}'`));
  return copy;
}

describe.skipIf(needsTool(...SHELL_TOOLS))('setup.sh', () => {
  it('has nothing to do when everything is there', async () => {
    const run = await setUp({ tools: ALL_TOOLS });
    expect(run.stderr).toBe('');
    expect(run.stdout).toMatch(/^setup: ready [^\n]*$/);
    expect(run.exitCode).toBe(0);
  });

  it('may not install: prints exactly what to install, and fails for a required program', async () => {
    const run = await setUp({ tools: ALL_TOOLS.filter((tool) => !['xz', 'flock', 'gcc'].includes(tool)) });
    expect(run.stderr.split('\n')).toEqual([
      'setup: missing (required): xz',
      'setup: missing (required): flock',
      'setup: missing (test): gcc',
      'setup: to install them: sudo apt-get install gcc libc6-dev util-linux xz-utils',
    ]);
    expect(run.exitCode).toBe(1);
  });

  it('asks for a compiler only while better-sqlite3 does not load', async () => {
    const node = `[[ $2 == *better-sqlite3* ]] && exit 1; exec ${process.execPath} "$@"`;
    const run = await setUp({ tools: ALL_TOOLS, programs: { node } });
    expect(run.stderr.split('\n')).toEqual([
      'setup: missing (build): python3',
      'setup: missing (build): make',
      'setup: missing (build): g++',
      'setup: to install them: sudo apt-get install g++ make python3',
      'npm ci --no-audit --no-fund --loglevel=error',
      expect.stringMatching(
        /^setup: better-sqlite3 does not load on Node v\S+; its build needs python3, make and g\+\+$/,
      ),
    ]);
    expect(run.exitCode).toBe(1);
  });

  it('only reports an optional program that is missing', async () => {
    const run = await setUp({ tools: ALL_TOOLS.filter((tool) => tool !== 'pahole') });
    expect(run.stderr).toContain('missing (optional): pahole');
    expect(run.exitCode).toBe(0);
  });

  it('--minimal does not look for the tools of the tests', async () => {
    const run = await setUp({ tools: ['xz', 'gpgv', 'flock', 'zstd', 'bzip2', 'pahole'] }, ['--minimal']);
    expect(run.stderr).toBe('');
    expect(run.exitCode).toBe(0);
  });

  it('as root: installs with apt-get what the release has, by the name it has there', async () => {
    const run = await setUp({
      root: true,
      tools: ALL_TOOLS.filter((tool) => tool !== 'xz' && tool !== 'pahole' && tool !== 'bpftool'),
      programs: {
        // A release before `pahole` had a package of its own, and without bpftool.
        'apt-cache': 'case $2 in xz-utils | dwarves) echo "$2 | 1.0 | somewhere" ;; esac',
        'apt-get': `
          echo "apt-get $*" >&2
          case "$*" in *install*) { echo '#!/bin/true'; } > "$BIN/xz"; /bin/chmod +x "$BIN/xz" ;; esac`,
      },
    });
    expect(run.stderr).toMatch(/^apt-get .* update$/m);
    expect(run.stderr).toMatch(/^apt-get .* install -y --no-install-recommends dwarves xz-utils$/m);
    expect(run.stderr).toContain('this release has no package bpftool');
    expect(run.stderr).toContain('missing (test): bpftool');
    expect(run.stderr).not.toContain('missing (required)');
    expect(run.exitCode).toBe(0);
  });

  it('as root without apt-get: installs with dnf', async () => {
    const run = await setUp({
      root: true,
      tools: ALL_TOOLS.filter((tool) => tool !== 'gpgv' && tool !== 'gcc'),
      programs: { dnf: 'echo "dnf $*" >&2' },
    });
    expect(run.stderr).toMatch(/^dnf .* install \/usr\/bin\/gpgv gcc glibc-devel$/m);
    expect(run.stderr).toContain('to install them: sudo dnf install /usr/bin/gpgv gcc glibc-devel');
    expect(run.exitCode).toBe(1);
  });

  it('refuses a Node that does not fit, before anything else', async () => {
    const node = '[[ $1 == --version ]] && echo v18.20.4 && exit 0; exit 1';
    const run = await setUp({ tools: [], programs: { node } });
    expect(run.stderr).toMatch(/^setup: Node v18\.20\.4 does not fit: [^\n]+$/);
    expect(run.exitCode).toBe(1);
  });

  it('refuses a flag it does not know', async () => {
    const run = await setUp({ tools: ALL_TOOLS }, ['--unknown']);
    expect(run.stderr).toContain('unknown argument: --unknown');
    expect(run.exitCode).toBe(2);
  });
});
