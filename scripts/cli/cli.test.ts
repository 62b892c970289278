import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openRecord } from '../../db/index.ts';
import { runBtfmill } from '../../test/support/run-btfmill.ts';
import { makeTempDir, removeDir, tempDirForTest } from '../../test/support/temp.ts';
import { defaultCacheDir } from './flags.ts';
import { checkOtherPlaces, checkPlaces } from './places.ts';
import { buildProgram } from './program.ts';

const verbs = (await buildProgram()).commands;

describe('the program', () => {
  it('has its verbs', () => {
    expect(verbs.map((verb) => verb.name())).toEqual(
      expect.arrayContaining(['crawl', 'convert', 'status', 'verify', 'doctor']),
    );
  });

  it.each(verbs.map((verb) => [verb.name(), verb] as const))(
    '%s has help that fits on a page',
    (_name, verb) => {
      let help = '';
      verb.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
      expect(verb.description()).not.toBe('');
      for (const line of help.split('\n')) expect(line.length).toBeLessThanOrEqual(125);
    },
  );
});

describe('a verb', () => {
  it.each(verbs.map((verb) => verb.name()))('%s is loaded alone when it is named', async (name) => {
    const { commands } = await buildProgram(['--no-color', name, '--json']);
    expect(commands.map((verb) => verb.name())).toEqual([name]);
  });
});

describe('the command line', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await makeTempDir('cli');
  });

  afterAll(async () => {
    await removeDir(folder);
  });

  it.each([
    [['crwal'], "unknown command 'crwal' (Did you mean crawl?)"],
    [['status', '--josn'], "unknown option '--josn' (Did you mean --json?)"],
    [['crawl', '--distro', 'debian', '--jobs', '0'], 'whole number from 1 on'],
    [['crawl', '--distro', 'debian', '--source', 'x'], 'Allowed choices are auto, dwarf, native'],
    [['crawl', '--distro', 'debian', '--db', 'archive/x.sqlite'], 'lies in the archive'],
    [['status'], 'no such record'],
    [['status', '--db', '.'], 'is a folder'],
    [['crawl', '--distro', 'debian', '--db', '.', '--archive', 'a'], 'is a folder'],
    [['verify'], 'archive: no such folder'],
    [['verify', '--archive', '.', '--db', 'nosuch'], 'no such record'],
    [['convert', 'nosuch', '-o', 'x.btf'], 'nosuch: no such file'],
    [['convert', '.', '-o', 'x.btf'], '.: is a folder'],
    [['convert', process.execPath, '-o', 'nosuch/x.btf'], 'nosuch: no such folder'],
    [['convert', process.execPath, '-o', '.'], '.: is a folder'],
    [['convert', process.execPath, '--base', 'nosuch', '-o', 'x.btf'], 'nosuch: no such file'],
  ])('%j is one line on stderr and exit code 2', async (args, message) => {
    const { exitCode, stdout, stderr } = await runBtfmill(args, { cwd: folder });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^btfmill: usage: [^\n]*$/u);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  });

  it.each([
    ['convert', 'secret', '-o', 'x.btf'],
    ['convert', 'secret', process.execPath, '-o', '.'],
    ['btf', 'secret'],
    ['diff', 'secret', process.execPath],
    ['diff', process.execPath, process.execPath, '--base', 'secret'],
  ])('%s of a file that may not be read is usage', async (...args) => {
    const open = await makeTempDir('secret');
    onTestFinished(() => removeDir(open));
    chmodSync(open, 0o755);
    writeFileSync(join(open, 'secret'), 'x', { mode: 0 });
    // Root may read everything.
    const other = process.getuid?.() === 0 ? 'setpriv --reuid 65534 --regid 65534 --clear-groups ' : '';
    const { exitCode, stderr } = await runBtfmill(args, { cwd: open, shell: `${other}"$@"` });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 2,
      stderr: 'btfmill: usage: secret: may not be read',
    });
  });

  it('shows help instead of doing nothing, and prints its version', async () => {
    const bare = await runBtfmill([], { cwd: folder });
    expect(bare).toMatchObject({ exitCode: 2, stdout: '' });
    expect(bare.stderr).toContain('Usage: btfmill');
    const version = await runBtfmill(['--version'], { cwd: folder });
    expect(version).toMatchObject({ exitCode: 0, stderr: '' });
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+/u);
  });

  it('calls a broken record what it is', async () => {
    writeFileSync(join(folder, 'broken.sqlite'), 'not a database, '.repeat(100));
    const { exitCode, stderr } = await runBtfmill(['status', '--db', 'broken.sqlite'], { cwd: folder });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^btfmill: record-damaged: broken\.sqlite: .*$/u);
  });

  it.each([
    ['closed', '{ "$@"; echo "exit code $?" >&2; } | true', /^exit code 0$/u],
    [
      'full',
      '"$@" > /dev/full; echo "exit code $?" >&2',
      /^btfmill: disk-full: stdout: [^\n]*\nexit code 3$/u,
    ],
  ])('is not upset by a stdout that is %s', async (_what, shell, expected) => {
    openRecord(join(folder, 'output.sqlite')).close();
    const { stderr } = await runBtfmill(['status', '--db', 'output.sqlite'], { cwd: folder, shell });
    expect(stderr).toMatch(expected);
  });

  it('ends by its result when nobody hears what it says', async () => {
    const shell = '"$@" 2> /dev/full';
    expect(await runBtfmill(['status', '--db', 'none'], { cwd: folder, shell })).toMatchObject({
      exitCode: 2,
    });
  });

  it('shows status and verifies an archive that is empty', async () => {
    openRecord(join(folder, 'empty.sqlite')).close();
    mkdirSync(join(folder, 'archive'));
    const status = await runBtfmill(['status', '--db', 'empty.sqlite'], { cwd: folder });
    expect(status).toMatchObject({ exitCode: 0, stdout: 'no kernels known\n\nlast run: none' });
    const verify = await runBtfmill(['verify', '--db', 'empty.sqlite', '--json'], { cwd: folder });
    expect(verify).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(verify.stdout)).toMatchObject({
      v: 1,
      event: 'verify.finished',
      checked: 0,
      errors: 0,
      comparedWith: 'the record',
    });
  });
});

describe('checkPlaces', () => {
  it('wants record and cache outside the archive, and archive and record outside the work folder', async () => {
    const root = await tempDirForTest('places');
    const places = (archive: string, db: string, cache: string): ReturnType<typeof checkPlaces> =>
      checkPlaces({ archive: join(root, archive), db: join(root, db), cache: join(root, cache) });
    const usage = expect.objectContaining({ code: 'usage' }) as Error;
    expect(places('a', 'a.sqlite', 'c')).toMatchObject({ archiveDir: join(root, 'a') });
    expect(() => places('a', 'ab/x.sqlite', 'a-cache')).not.toThrow();
    expect(() => places('a', '..x.sqlite', 'c')).not.toThrow();
    expect(() => places('a', 'a/x.sqlite', 'c')).toThrow(usage);
    expect(() => places('a', 'x.sqlite', 'a/c')).toThrow(usage);
    expect(() => places('a', 'x.sqlite', 'a')).toThrow(usage);
    expect(() => places('c/btfmill-work/a', 'x.sqlite', 'c')).toThrow(usage);
    expect(() => places('a', 'c/btfmill-work/x.sqlite', 'c')).toThrow(usage);
    expect(() => places('a', 'c/packages/x.sqlite', 'c')).toThrow(usage);
    expect(() => places('c/indexes/a', 'x.sqlite', 'c')).toThrow(usage);
    expect(() => places('c/archive', 'c/x.sqlite', 'c')).not.toThrow();
  });

  it('lets nothing else that is configured be lost, published or overwritten', () => {
    const places = checkPlaces({ archive: '/s/archive', db: '/s/x.sqlite', cache: '/s/cache' });
    const check = (paths: Record<string, string | undefined>): string => {
      try {
        checkOtherPlaces(places, paths);
        return '';
      } catch (error) {
        expect(error).toMatchObject({ code: 'usage' });
        return (error as Error).message;
      }
    };
    expect(check({ metrics: '/s/m.prom', reports: '/s/reports', backups: '/s', key: undefined })).toBe('');
    expect(check({ metrics: '/s/x.sqlite' })).toContain('metrics /s/x.sqlite is the record');
    expect(check({ metrics: '/s/x.sqlite-wal' })).toContain('is the record');
    expect(check({ configuration: '/s/c.json', metrics: '/s/./c.json' })).toContain('is configuration');
    expect(check({ 'publish.key': '/s/archive/k' })).toContain(
      'publish.key /s/archive/k lies in the archive',
    );
    expect(check({ reports: '/s/cache/btfmill-work/r' })).toContain('is emptied');
  });
});

describe('defaultCacheDir', () => {
  it('follows the XDG rules', () => {
    expect(defaultCacheDir({ XDG_CACHE_HOME: '/x' })).toBe('/x/btfmill');
    expect(defaultCacheDir({ XDG_CACHE_HOME: 'relative' })).toMatch(/\/\.cache\/btfmill$/u);
    expect(defaultCacheDir({ XDG_CACHE_HOME: '' })).toMatch(/\/\.cache\/btfmill$/u);
  });
});
