import { execFileSync, spawn } from 'node:child_process';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeFileAtomically, writeOutput, writeTogether } from './atomic-write.ts';

const BYTES = Uint8Array.of(1, 2, 3);
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'btfmill-write-'));
  writeFileSync(join(folder, 'input'), 'elf');
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function output(name: string): Promise<void> {
  return writeOutput(join(folder, name), BYTES, [join(folder, 'input'), join(folder, 'base')]);
}

describe('writeOutput', () => {
  test('a new file, and one that is there', async () => {
    await output('new');
    writeFileSync(join(folder, 'old'), 'longer than before');
    await output('old');
    expect([...readFileSync(join(folder, 'new'))]).toEqual([1, 2, 3]);
    expect([...readFileSync(join(folder, 'old'))]).toEqual([1, 2, 3]);
    expect(readdirSync(folder).sort()).toEqual(['input', 'new', 'old']);
  });

  test('a symbolic link stays one; its target gets the bytes', async () => {
    writeFileSync(join(folder, 'target'), 'x');
    symlinkSync('target', join(folder, 'link'));
    await output('link');
    expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true);
    expect([...readFileSync(join(folder, 'target'))]).toEqual([1, 2, 3]);
  });

  test('a pipe gets the bytes and stays a pipe', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const reader = spawn('cat', [join(folder, 'pipe')]);
    const read = reader.stdout.toArray() as Promise<Buffer[]>;
    await output('pipe');
    expect(Array.from(Buffer.concat(await read))).toEqual([1, 2, 3]);
    expect(lstatSync(join(folder, 'pipe')).isFIFO()).toBe(true);
  });

  test('never an input, by whatever name', async () => {
    symlinkSync('input', join(folder, 'alias'));
    await expect(output('input')).rejects.toMatchObject({ code: 'usage' });
    await expect(output('alias')).rejects.toMatchObject({ code: 'usage' });
    expect(readFileSync(join(folder, 'input'), 'utf8')).toBe('elf');
    writeFileSync(join(folder, 'base'), 'btf');
    linkSync(join(folder, 'base'), join(folder, 'hard-link'));
    await expect(output('base')).rejects.toMatchObject({ code: 'usage' });
    await expect(output('hard-link')).rejects.toMatchObject({ code: 'usage' });
    expect(readFileSync(join(folder, 'base'), 'utf8')).toBe('btf');
  });

  test('a directory and a folder that is not there are refused', async () => {
    mkdirSync(join(folder, 'dir'));
    await expect(output('dir')).rejects.toMatchObject({ code: 'usage' });
    await expect(output('nowhere/out')).rejects.toMatchObject({ code: 'usage' });
  });
});

test('an error names the file, not the temporary one alone', async () => {
  const path = join(folder, 'input', 'out');
  await expect(writeOutput(path, BYTES, [])).rejects.toMatchObject({
    code: 'io-failed',
    message: expect.stringMatching(new RegExp(`^${path}: ENOTDIR`, 'u')) as string,
  });
});

test('a failed write leaves no temporary file', async () => {
  mkdirSync(join(folder, 'taken'));
  await expect(writeFileAtomically(join(folder, 'taken'), BYTES)).rejects.toThrow();
  expect(readdirSync(folder).sort()).toEqual(['input', 'taken']);
});

describe('files that belong together', () => {
  test('get their names, or neither does', async () => {
    const [first, second] = ['first', 'second'].map((name) => join(folder, name));
    const write = (one: string, other: string, otherPath = second): Promise<void> =>
      writeTogether([
        { path: first, bytes: Buffer.from(one) },
        { path: otherPath, bytes: Buffer.from(other) },
      ]);
    await write('1', '2');
    expect([readFileSync(first, 'utf8'), readFileSync(second, 'utf8')]).toEqual(['1', '2']);
    await expect(write('3', '4', join(folder, 'no/such/folder'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(readFileSync(first, 'utf8')).toBe('1');
    expect(readdirSync(folder).toSorted()).toEqual(['first', 'input', 'second']);
  });
});
