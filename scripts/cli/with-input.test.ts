import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { spawnBtfmill } from '../../test/support/run-btfmill.ts';
import { tempDirForTest } from '../../test/support/temp.ts';
import { withInput } from './with-input.ts';

let folder: string;
let temporary: string;
let pipe: string;

beforeEach(async () => {
  folder = await tempDirForTest('input');
  temporary = join(folder, 'tmp');
  pipe = join(folder, 'pipe');
  await mkdir(temporary);
  execFileSync('mkfifo', [pipe]);
  vi.stubEnv('TMPDIR', temporary);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('an input that is a pipe', () => {
  const never = new AbortController().signal;

  it('is read to its end, and its copy goes', async () => {
    const bytes = Buffer.alloc(300_000, 'abc');
    let copied = 0;
    const use = async (path: string): Promise<Buffer> => {
      expect(path.startsWith(temporary)).toBe(true);
      return readFileSync(path);
    };
    const read = withInput(pipe, never, use, (count) => {
      copied = count;
    });
    // The first writer may come late.
    await sleep(100);
    await writeFile(pipe, bytes);
    expect(bytes.equals(await read)).toBe(true);
    expect(copied).toBe(bytes.length);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('is called by its name in errors', async () => {
    const failing = withInput(pipe, never, async (path) => {
      throw new Error(`${path} is of no use`);
    });
    await writeFile(pipe, 'x');
    await expect(failing).rejects.toThrow(`${pipe} is of no use`);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('is told when it is empty', async () => {
    const reading = withInput(pipe, never, async () => {});
    await writeFile(pipe, '');
    await expect(reading).rejects.toMatchObject({ code: 'elf-malformed', message: `${pipe} is empty` });
  });

  it('that nobody writes to does not outlive the signal', async () => {
    const stop = new AbortController();
    const reading = withInput(pipe, stop.signal, async () => {});
    setTimeout(() => {
      stop.abort();
    }, 50);
    await expect(reading).rejects.toMatchObject({ code: 'aborted' });
    expect(readdirSync(temporary)).toEqual([]);
  });
});

it('a file is not copied', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, 'x');
  await expect(withInput(file, new AbortController().signal, async (path) => path)).resolves.toBe(file);
});

describe('a signal while stdin is read', () => {
  it.each([
    ['convert', '-', '-o', 'x.btf'],
    ['btf', '-'],
    ['diff', '-', 'pipe'],
  ])('ends %s, and nothing is left', async (...args) => {
    // A reader that is a writer, too: the pipe never ends. `exec`: the signal is for the command, not for the shell.
    const shell = 'exec 3<>pipe; exec "$@" <pipe';
    const run = spawnBtfmill(args, { cwd: folder, env: { TMPDIR: temporary }, shell, timeoutMs: 20_000 });
    while (readdirSync(temporary).length === 0) await sleep(10);
    run.kill('SIGTERM');
    expect(await run.finished).toMatchObject({ exitCode: 143, stdout: '' });
    expect(readdirSync(temporary)).toEqual([]);
    expect(readdirSync(folder)).not.toContain('x.btf');
  });
});
