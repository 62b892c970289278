import { existsSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempDirForTest } from '../test/support/temp.ts';
import { needsTool } from '../test/support/tools.ts';
import { encodeWithPahole, findPahole } from './pahole.ts';

const never = new AbortController().signal;

/** A program of that name whose encoding is `script`; `$out` is where it should write. */
async function fakePahole(version: string, script = 'true'): Promise<{ command: string; folder: string }> {
  const folder = await tempDirForTest('pahole');
  const command = join(folder, 'pahole');
  const text = `#!/bin/sh
if [ "$1" = --version ]; then ${version}; exit; fi
for arg; do case $arg in --btf_encode_detached=*) out=\${arg#*=};; esac; done
${script}
`;
  await writeFile(command, text);
  await chmod(command, 0o755);
  return { command, folder };
}

async function encodeWith(
  script: string,
  o: { signal?: AbortSignal; timeoutMs?: number; stale?: string } = {},
): Promise<{ output: string; result: Promise<Uint8Array> }> {
  const { command, folder } = await fakePahole('echo v1.24', script);
  const output = join(folder, 'out.btf');
  if (o.stale !== undefined) await writeFile(output, o.stale);
  const pahole = { command, version: '1.24', versionNumber: 124 };
  const { signal = never, timeoutMs } = o;
  const limits = timeoutMs === undefined ? { signal } : { signal, timeoutMs };
  return { output, result: encodeWithPahole(pahole, '/nowhere/vmlinux', output, limits) };
}

describe('findPahole', () => {
  test.each([
    ['v1.24', '1.24', 124],
    ['1.30', '1.30', 130],
    ['v1.9', '1.9', 109],
    ['v2.0-rc1', '2.0', 200],
  ])('reads %s', async (printed, version, versionNumber) => {
    const { command } = await fakePahole(`echo ${printed}`);
    expect(await findPahole({ signal: never, command })).toEqual({ command, version, versionNumber });
  });

  test('is undefined when there is none', async () => {
    expect(await findPahole({ signal: never, command: '/nowhere/pahole' })).toBeUndefined();
  });

  test.each([
    ['prints no version', 'echo hello', /--version: hello/u],
    ['dies', 'echo "libdw.so.1: missing" >&2; exit 127', /libdw\.so\.1: missing/u],
  ])('a pahole that %s is oracle-failed', async (_, version, message) => {
    const { command } = await fakePahole(version);
    await expect(findPahole({ signal: never, command })).rejects.toMatchObject({
      code: 'oracle-failed',
      message: expect.stringMatching(message),
    });
  });

  test('stops when told to', async () => {
    const { command } = await fakePahole('exec sleep 30');
    await expect(findPahole({ signal: AbortSignal.timeout(100), command })).rejects.toMatchObject({
      code: 'aborted',
    });
  });
});

describe('encodeWithPahole', () => {
  test('gives what was written and leaves nothing behind', async () => {
    const { output, result } = await encodeWith('printf BTF > "$out"');
    expect(Buffer.from(await result).toString()).toBe('BTF');
    expect(existsSync(output)).toBe(false);
  });

  test('passes one thread, no Rust, and the file', async () => {
    const { result } = await encodeWith('printf "%s " "$1" "$2" "$4" > "$out"');
    expect(Buffer.from(await result).toString()).toBe('-j1 --lang_exclude=rust /nowhere/vmlinux ');
  });

  test.each([
    [
      'exits with an error',
      'echo "Unsupported DW_TAG_atomic_type" >&2; exit 1',
      'exited with 1: Unsupported DW_TAG_atomic_type',
    ],
    ['is killed', 'echo half > "$out"; kill -SEGV $$', 'was killed by SIGSEGV'],
    [
      'exits with 0 and no file',
      'echo "Error while encoding BTF" >&2',
      'wrote no BTF: Error while encoding BTF',
    ],
    ['writes an empty file', ': > "$out"', 'wrote no BTF'],
  ])('a pahole that %s is oracle-failed', async (_, script, message) => {
    const { output, result } = await encodeWith(script);
    await expect(result).rejects.toMatchObject({
      code: 'oracle-failed',
      message: expect.stringContaining(`pahole 1.24 ${message}`),
    });
    expect(existsSync(output)).toBe(false);
  });

  test('a file that lay there before is not taken for the result', async () => {
    const { result } = await encodeWith('exit 0', { stale: 'old' });
    await expect(result).rejects.toMatchObject({ code: 'oracle-failed' });
  });

  test('endless complaints neither fill memory nor fail it', async () => {
    const { result } = await encodeWith(
      'yes "die__process: tag not supported" | head -c 3000000 >&2; printf x > "$out"',
    );
    expect(await result).toHaveLength(1);
  });

  test('one that hangs is stopped', async () => {
    const { result } = await encodeWith('exec sleep 60', { timeoutMs: 200 });
    await expect(result).rejects.toMatchObject({
      code: 'oracle-failed',
      message: expect.stringContaining('gave no result in time'),
    });
  });

  test('an abort ends it as aborted', async () => {
    const { output, result } = await encodeWith('echo half > "$out"; exec sleep 60', {
      signal: AbortSignal.timeout(200),
    });
    await expect(result).rejects.toMatchObject({ code: 'aborted' });
    expect(existsSync(output)).toBe(false);
  });

  test.skipIf(needsTool('pahole'))('the real one refuses a file that is no ELF', async () => {
    const folder = await tempDirForTest('pahole');
    const vmlinux = join(folder, 'vmlinux');
    await writeFile(vmlinux, 'not an ELF file');
    const pahole = await findPahole({ signal: never });
    if (pahole === undefined) throw new Error('pahole vanished');
    await expect(
      encodeWithPahole(pahole, vmlinux, join(folder, 'out'), { signal: never }),
    ).rejects.toMatchObject({
      code: 'oracle-failed',
    });
  });
});
