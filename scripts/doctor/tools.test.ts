import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseToolVersion, TOOLS } from './tools.ts';

describe('parseToolVersion', () => {
  it.each([
    ['xz (XZ Utils) 5.4.1\nliblzma 5.4.1', '5.4.1'],
    ['*** Zstandard CLI (64-bit) v1.5.4, by Yann Collet ***', '1.5.4'],
    ['*** zstd command line interface 64-bits v1.4.8, by Yann Collet ***', '1.4.8'],
    ['bzip2, a block-sorting file compressor.  Version 1.0.8, 13-Jul-2019.', '1.0.8'],
    ['gpgv (GnuPG) 2.2.40\nlibgcrypt 1.10.1', '2.2.40'],
    ['v1.24', '1.24'],
    ['gcc (Debian 12.2.0-14+deb12u1) 12.2.0\nCopyright (C) 2022', '12.2.0'],
    ['Debian LLD 14.0.6 (compatible with GNU linkers)', '14.0.6'],
    ["Debian 'dpkg-deb' package archive backend version 1.21.22 (amd64).", '1.21.22'],
    ['something (build 3.2)', '3.2'],
  ])('%j', (output, version) => {
    expect(parseToolVersion(output)).toBe(version);
  });

  it('finds none where there is none', () => {
    expect(parseToolVersion('usage: tool [-h]')).toBeUndefined();
  });
});

describe('TOOLS', () => {
  it('is the list that setup.sh installs, with the same needs', async () => {
    const script = await readFile(new URL('../setup.sh', import.meta.url), 'utf8');
    const table = /^readonly TOOLS='\n(.*?)^'$/ms.exec(script)?.[1] ?? '';
    const rows = table.trimEnd().split('\n');
    const installed = rows.map((row) => row.split(/\s+/).slice(0, 2).join(' '));
    expect(installed.length).toBeGreaterThan(0);
    expect(TOOLS.map((tool) => `${tool.need} ${tool.command}`)).toEqual(installed);
  });

  it('has every program that a test asks for', async () => {
    // Parts of any system that the tests run on, and a name that stands for none.
    const given = ['apt-cache', 'apt-get', 'dpkg', 'mount', 'no-such-program', 'npm', 'sh', 'umount'];
    const repository = fileURLToPath(new URL('../..', import.meta.url));
    const asked = new Set<string>();
    for (const folder of ['btf', 'crawlers', 'db', 'dwarf', 'elf', 'errors', 'pipeline', 'scripts', 'test']) {
      for (const name of await readdir(path.join(repository, folder), { recursive: true })) {
        if (!name.endsWith('.test.ts')) continue;
        const text = await readFile(path.join(repository, folder, name), 'utf8');
        for (const [, list] of text.matchAll(/needsTool\(((?:'[^']*'(?:,\s*)?)+)/g)) {
          for (const [, tool] of list.matchAll(/'([^']*)'/g)) asked.add(tool);
        }
      }
    }
    expect(asked).toContain('dpkg-deb');
    const known = new Set([...given, ...TOOLS.map((tool) => tool.command)]);
    expect([...asked].filter((tool) => !known.has(tool))).toEqual([]);
  });
});
