/** The package as npm packs it: what is in it, that its libraries stand alone, and that its command starts. */

import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeBtf, validateBtf } from '../../btf/index.ts';
import { buildProgram, TOOLCHAINS, toolsOf } from '../support/programs.ts';
import { makeTempDir, removeDir } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';

const toolchain = TOOLCHAINS['gcc x86_64'];
const repository = fileURLToPath(new URL('../..', import.meta.url));

interface PackageJson {
  readonly version: string;
  readonly bin: Record<string, string>;
  readonly exports: Record<string, unknown>;
  readonly dependencies: Record<string, string>;
}

describe.skipIf(needsTool('npm', 'tar'))('the npm package', () => {
  let scratch: string;
  /** Where a user of the package would have it: node_modules/btfmill, with no other package around. */
  let installed: string;
  let manifest: PackageJson;

  beforeAll(async () => {
    scratch = await makeTempDir('package');
    const sources = path.join(scratch, 'sources');
    await copySources(sources);
    const { stdout } = await execa('npm', ['pack', '--loglevel=error', '--pack-destination', scratch], {
      cwd: sources,
      stdin: 'ignore',
    });
    const tarball = path.join(scratch, stdout.trim().split('\n').at(-1) ?? '');
    installed = path.join(scratch, 'app', 'node_modules', 'btfmill');
    await mkdir(installed, { recursive: true });
    await execa('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed]);
    manifest = JSON.parse(await readFile(path.join(installed, 'package.json'), 'utf8')) as PackageJson;
  });

  afterAll(() => removeDir(scratch));

  it('holds the compiled code, the keyrings, the documents and examples, and neither sources nor tests', async () => {
    const files = await filesBelow(installed);
    expect(files.filter((file) => !file.startsWith('dist/')).toSorted()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'archive-layout.md',
      'examples/btf.mjs',
      'examples/dwarf.mjs',
      'examples/elf.mjs',
      'package.json',
    ]);
    expect(files.filter((file) => /(?<!\.d)\.ts$|\.test\.|\/build\./.test(file))).toEqual([]);
    const keys = 'crawlers/trust/keys';
    const keyrings = await filesBelow(path.join(repository, keys));
    expect(keyrings.length).toBeGreaterThan(0);
    expect(files).toEqual(expect.arrayContaining(keyrings.map((keyring) => `dist/${keys}/${keyring}`)));
  });

  it.each(['elf', 'dwarf', 'btf'])(
    'btfmill/%s can be imported by name, with nothing else installed',
    async (name) => {
      const app = path.join(scratch, 'app');
      const script = `
      import * as library from 'btfmill/${name}';
      process.stdout.write(JSON.stringify(Object.keys(library).toSorted()));`;
      const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', script], { cwd: app });
      const source = (await import(path.join(repository, name, 'index.ts'))) as object;
      expect(JSON.parse(stdout)).toEqual(Object.keys(source).toSorted());
      expect(manifest.exports).toHaveProperty([`./${name}`]);
    },
  );

  it.skipIf(needsTool(...toolsOf(toolchain)))("README's example runs", async () => {
    const app = path.join(scratch, 'app');
    const readme = await readFile(path.join(repository, 'README.md'), 'utf8');
    const example = /^```js\n(.*?)^```$/ms.exec(readme)?.[1] ?? '';
    expect(example).toContain('btfmill/dwarf');
    await buildProgram({ program: 'kernel', toolchain, output: path.join(app, 'vmlinux') });
    const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', example], { cwd: app });
    expect(Number(stdout)).toBeGreaterThan(10);
    expect(validateBtf(decodeBtf(await readFile(path.join(app, 'vmlinux.btf'))))).toEqual([]);
  });

  it.skipIf(needsTool(...toolsOf(toolchain)))('its examples run', async () => {
    const app = path.join(scratch, 'app');
    await cp(path.join(installed, 'examples'), path.join(app, 'examples'), { recursive: true });
    await buildProgram({ program: 'kernel', toolchain, output: path.join(app, 'image') });
    const run = async (name: string, ...args: string[]) =>
      (await execa(process.execPath, [path.join('examples', `${name}.mjs`), ...args], { cwd: app })).stdout;
    const elf = await run('elf', 'image');
    expect(elf).toMatch(
      /^64 bits, little-endian\nbuild id [0-9a-f]{40}\n[1-9]\d* bytes of \.debug_info\n[1-9]\d* function/u,
    );
    expect(await run('dwarf', 'image', 'image.btf')).toMatch(
      /^[1-9]\d* types, [1-9]\d* bytes\n\{[^}]*STRUCT: \d/u,
    );
    const btf = await run('btf', 'image.btf', 'struct task_struct');
    expect(btf).toMatch(/^[1-9]\d* types, 0 problems\nstruct task_struct \{\n/u);
    expect(btf).toMatch(/list: size 8 -> 16$/u);
    const damaged = execa(process.execPath, ['examples/elf.mjs', 'examples/elf.mjs'], { cwd: app });
    await expect(damaged).rejects.toMatchObject({
      stderr: expect.stringMatching(/^elf-malformed: elf/u) as string,
    });
  });

  it('its types satisfy a strict TypeScript user', async () => {
    const app = path.join(scratch, 'app');
    await writeFile(
      path.join(app, 'user.ts'),
      `import * as btf from 'btfmill/btf';
       import * as dwarf from 'btfmill/dwarf';
       import * as elf from 'btfmill/elf';
       const decoded: btf.Btf = btf.decodeBtf(new Uint8Array(24));
       const profile: dwarf.ProfileName = dwarf.DEFAULT_PROFILE;
       // @ts-expect-error: types are really there, not any
       const wrong: string = decoded.typeCount;
       export { profile, wrong, elf };`,
    );
    const flags = [
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      'false',
      '--module',
      'nodenext',
      '--target',
      'es2023',
    ];
    await execa('tsc', [...flags, '--types', '', 'user.ts'], {
      cwd: app,
      preferLocal: true,
      localDir: repository,
    });
  });

  describe('its command', () => {
    let command: string;

    beforeAll(async () => {
      // What `npm install` would add.
      for (const dependency of Object.keys(manifest.dependencies)) {
        await symlink(
          path.join(repository, 'node_modules', dependency),
          path.join(installed, '..', dependency),
        );
      }
      command = path.join(installed, manifest.bin.btfmill ?? 'no bin');
    });

    it('starts, knows its version and lists its verbs', async () => {
      const [help, version] = await Promise.all([execa(command, ['--help']), execa(command, ['--version'])]);
      for (const verb of ['crawl', 'convert', 'status', 'verify', 'doctor']) {
        expect(help.stdout).toMatch(new RegExp(`^  ${verb}\\b`, 'm'));
      }
      expect(version.stdout).toBe(manifest.version);
    });

    it('finds the keyrings and package.json', async () => {
      const { stdout } = await execa(command, ['doctor', '--json']);
      expect(JSON.parse(stdout)).toMatchObject({ v: 1, ok: true });
    });

    it.skipIf(needsTool(...toolsOf(toolchain)))('finds its worker threads: converts a file', async () => {
      const vmlinux = await buildProgram({
        program: 'kernel',
        toolchain,
        output: path.join(scratch, 'vmlinux'),
      });
      const output = path.join(scratch, 'vmlinux.btf');
      await execa(command, ['convert', vmlinux, '-o', output, '--threads', '2']);
      const btf = decodeBtf(await readFile(output));
      expect(btf.typeCount).toBeGreaterThan(10);
      expect(validateBtf(btf)).toEqual([]);
    });
  });
});

/** What a clone has, with the packages linked in, so that building touches nothing of the repository. */
async function copySources(to: string): Promise<void> {
  const { include } = JSON.parse(await readFile(path.join(repository, 'tsconfig.build.json'), 'utf8')) as {
    include: string[];
  };
  await mkdir(to);
  for (const name of await readdir(repository)) {
    const isDocument = /\.(?:json|md)$|^LICENSE$/.test(name);
    if (isDocument || name === 'examples' || include.includes(name)) {
      await cp(path.join(repository, name), path.join(to, name), { recursive: true });
    }
  }
  await symlink(path.join(repository, 'node_modules'), path.join(to, 'node_modules'));
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)));
}
