import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempDirForTest } from '../../test/support/temp.ts';
import { parseDeb822Sources, parseSourcesList, readHostMirror } from './host-sources.ts';
import { DEFAULT_BASES, resolveBases } from './sources.ts';

async function etcWith(files: Readonly<Record<string, string>>): Promise<string> {
  const etc = await tempDirForTest('etc');
  for (const [name, text] of Object.entries({ 'os-release': 'ID=debian\nVERSION_ID="12"\n', ...files })) {
    await mkdir(dirname(join(etc, name)), { recursive: true });
    await writeFile(join(etc, name), text);
  }
  return etc;
}

describe('one-line sources', () => {
  test('options, several components, comments, other types', () => {
    const text = [
      '# deb http://commented/debian bookworm main',
      'deb http://a/debian bookworm main contrib # here',
      '  deb [ arch=amd64 signed-by=/k.gpg ] http://b/debian bookworm-security main',
      'deb-src http://c/debian bookworm main',
      'deb',
    ].join('\n');
    expect(parseSourcesList(text)).toEqual([
      { uri: 'http://a/debian', suite: 'bookworm', components: ['main', 'contrib'], signedBy: '' },
      { uri: 'http://b/debian', suite: 'bookworm-security', components: ['main'], signedBy: '/k.gpg' },
    ]);
  });
});

describe('deb822 sources', () => {
  test('every combination of a stanza; switched-off and source-only stanzas do not count', () => {
    const text = [
      '# first\nTypes: deb deb-src\nURIs: http://a/debian http://b/debian\nSuites: bookworm bookworm-updates\nComponents: main',
      'Types: deb\nURIs: http://off/debian\nSuites: bookworm\nComponents: main\nEnabled: no',
      'Types: deb-src\nURIs: http://src/debian\nSuites: bookworm\nComponents: main',
      'no stanza at all',
    ].join('\n\n');
    expect(parseDeb822Sources(text).map(({ uri, suite }) => `${uri} ${suite}`)).toEqual([
      'http://a/debian bookworm',
      'http://a/debian bookworm-updates',
      'http://b/debian bookworm',
      'http://b/debian bookworm-updates',
    ]);
  });

  test('a key written into the file', () => {
    const text =
      'Types: deb\nURIs: http://a\nSuites: b\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n AAAA';
    expect(parseDeb822Sources(text)[0].signedBy).toContain('BEGIN PGP');
  });
});

describe('the machine’s mirror', () => {
  test('no Debian → none', async () => {
    const etc = await etcWith({
      'os-release': 'ID=ubuntu\nID_LIKE=debian\n',
      'apt/sources.list': 'deb http://a/debian bookworm main',
    });
    expect(await readHostMirror(etc)).toBeUndefined();
    expect(await resolveBases(undefined, etc)).toEqual(DEFAULT_BASES);
  });

  test('Debian’s own deb822 file', async () => {
    const etc = await etcWith({
      'apt/sources.list.d/debian.sources': [
        'Types: deb\nURIs: http://mirror.example/debian/\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg',
        'Types: deb\nURIs: http://mirror.example/debian-security\nSuites: bookworm-security\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg',
      ].join('\n\n'),
    });
    expect(await readHostMirror(etc)).toEqual({
      main: 'http://mirror.example/debian',
      security: 'http://mirror.example/debian-security',
    });
  });

  test('other vendors’ repositories are none of Debian’s', async () => {
    const etc = await etcWith({
      'apt/sources.list': 'deb http://mirror.example/debian bookworm main\n',
      'apt/sources.list.d/a.list':
        'deb [signed-by=/k.gpg] http://vendor.example/debian bookworm main\ndeb http://other.example/apt bookworm main\ndeb http://third.example/debian bookworm stable\n',
      'apt/sources.list.d/ignored.txt': 'deb http://ignored.example/debian bookworm main',
    });
    expect(await readHostMirror(etc)).toEqual({ main: 'http://mirror.example/debian', security: undefined });
    expect(await resolveBases(undefined, etc)).toEqual({
      ...DEFAULT_BASES,
      main: 'http://mirror.example/debian',
    });
  });

  test('a mirror that wants a password is passed over: its address would be published', async () => {
    const etc = await etcWith({
      'apt/sources.list':
        'deb https://me:secret@private.example/debian bookworm main\ndeb http://mirror.example/debian bookworm main\n',
    });
    expect(await readHostMirror(etc)).toEqual({ main: 'http://mirror.example/debian', security: undefined });
  });

  test('a mirror list in a file, as Debian’s cloud images have it', async () => {
    const etc = await etcWith({
      'apt/mirrors/debian.list': '# first\nhttps://cdn.example/debian/ priority:1\n',
    });
    await writeFile(
      join(etc, 'apt/sources.list'),
      `deb mirror+file://${etc}/apt/mirrors/debian.list bookworm main\ndeb cdrom:[x]/ bookworm main\n`,
    );
    expect((await readHostMirror(etc))?.main).toBe('https://cdn.example/debian');
  });

  test('no sources at all → the defaults', async () => {
    expect(await resolveBases(undefined, await etcWith({}))).toEqual(DEFAULT_BASES);
  });
});

describe('an asked-for mirror', () => {
  test('stands for everything, with its security archive beside it or in it', async () => {
    expect(await resolveBases('http://127.0.0.1:8080/debian/', '/nowhere')).toEqual({
      main: 'http://127.0.0.1:8080/debian',
      security: ['http://127.0.0.1:8080/debian-security', 'http://127.0.0.1:8080/debian'],
      isPartial: true,
    });
  });

  test.each(['debian', 'ftp://a/debian', 'http://a/debian?x=1', 'http://a/#x', '/srv/mirror'])(
    '%s → usage',
    async (mirror) => {
      await expect(resolveBases(mirror, '/nowhere')).rejects.toMatchObject({ code: 'usage', exitCode: 2 });
    },
  );
});
