/** pahole as a cross-check that is missing, crashes, says nothing or disagrees; and what the run makes of it. */

import { chmod, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { paholeBtf } from '../support/pahole.ts';
import { buildProgram, TOOLCHAINS } from '../support/programs.ts';
import { expectExit } from '../support/run-btfmill.ts';
import { needsTool } from '../support/tools.ts';
import { E2E_TOOLS, type Sample, startSample } from './sample.ts';
import { query, type Site, statesOf, treeOf } from './site.ts';

const DWARF_KERNEL = '6.1.0-1-amd64';
const NATIVE_KERNEL = '6.1.0-3-amd64';
const BOTH = ['--kernel', DWARF_KERNEL, '--kernel', NATIVE_KERNEL];

describe.skipIf(needsTool(...E2E_TOOLS))('cross-check with a bad oracle', () => {
  let sample: Sample;
  let site: Site;
  let fakes = 0;

  beforeAll(async () => {
    sample = await startSample();
  });

  afterAll(async () => {
    await sample.close();
  });

  /** A folder for the front of PATH with a pahole that runs `script`. */
  async function fakePahole(script: string): Promise<string> {
    const folder = join(sample.folder, `fake${fakes++}`);
    await mkdir(folder);
    const file = join(folder, 'pahole');
    await writeFile(file, `#!/bin/sh\ncase "$*" in *--version*) echo v1.24; exit 0;; esac\n${script}\n`);
    await chmod(file, 0o755);
    return folder;
  }

  const checks = (): unknown[] =>
    query(
      site.db,
      `SELECT k.kernel, c.against, c.verdict FROM cross_checks c
       JOIN attempts a ON a.id = c.attempt_id JOIN kernels k ON k.id = a.kernel_id ORDER BY k.kernel`,
    );

  it.each([
    ['crashes', 'kill -SEGV $$'],
    ['fails', 'echo "cannot read this" >&2; exit 1'],
    ['says nothing and is content', 'exit 0'],
    [
      'writes rubbish',
      'for a in "$@"; do case $a in --btf_encode_detached=*) echo rubbish > "${a#*=}";; esac; done',
    ],
  ])('publishes nothing from DWARF when pahole %s', async (_what, script) => {
    site = await sample.newSite();
    const result = await site.crawl(BOTH, { pathPrefix: await fakePahole(script) });
    expectExit(result, 3);
    expect(statesOf(site.db)).toEqual({
      [DWARF_KERNEL]: 'failed(oracle-failed)',
      [NATIVE_KERNEL]: 'published',
    });
    expect(Object.keys(await treeOf(site.archive))).toEqual([`debian/12/x86_64/${NATIVE_KERNEL}.btf.tar.xz`]);

    // pahole is itself again: the same command publishes what was missing.
    expectExit(await site.crawl(BOTH), 0);
    expect(Object.keys(await treeOf(site.archive))).toHaveLength(2);
  });

  it('publishes nothing from DWARF when pahole disagrees in a type', async () => {
    site = await sample.newSite();
    const other = await buildProgram({
      program: 'kernel',
      toolchain: TOOLCHAINS['gcc x86_64'],
      flags: ['-gdwarf-5', '-O2', '-fpack-struct'],
      output: join(sample.folder, 'other'),
    });
    const wrong = join(sample.folder, 'wrong.btf');
    await writeFile(wrong, await paholeBtf(other));
    const script = `for a in "$@"; do case $a in --btf_encode_detached=*) cp ${wrong} "\${a#*=}";; esac; done`;
    const result = await site.crawl(BOTH, { pathPrefix: await fakePahole(script) });
    expectExit(result, 3);
    expect(result.done.get(DWARF_KERNEL)).toMatchObject({ outcome: 'failed', code: 'cross-check' });
    expect(result.done.get(DWARF_KERNEL)?.message).toMatch(/types differ/u);
    expect(Object.keys(await treeOf(site.archive))).toEqual([`debian/12/x86_64/${NATIVE_KERNEL}.btf.tar.xz`]);
    expect(checks()).toEqual([
      { kernel: DWARF_KERNEL, against: 'pahole', verdict: 'types-differ' },
      { kernel: NATIVE_KERNEL, against: 'native', verdict: 'equal' },
    ]);
    const [{ first_differences: differences }] = query(
      site.db,
      `SELECT first_differences FROM cross_checks WHERE verdict = 'types-differ'`,
    );
    expect(JSON.parse(String(differences))).not.toEqual([]);
  });

  it('crawls without pahole, and says that nothing was checked', async () => {
    site = await sample.newSite();
    const path = await pathWithout(sample.folder, 'pahole');
    const result = await site.crawl([...BOTH, '--quiet'], { path });
    expectExit(result, 0);
    expect(result.stderr).toMatch(/^warning \(cross-check\): [^\n]* unchecked: pahole is not installed$/u);
    expect(checks()).toEqual([
      { kernel: DWARF_KERNEL, against: 'pahole', verdict: 'unavailable' },
      { kernel: NATIVE_KERNEL, against: 'native', verdict: 'equal' },
    ]);
  });

  it('does not crawl without pahole when told to check always', async () => {
    site = await sample.newSite();
    const path = await pathWithout(sample.folder, 'pahole');
    const result = await site.crawl([...BOTH, '--cross-check', 'always'], { path });
    expectExit(result, 2);
    expect(result.stderr + JSON.stringify([...result.done])).toMatch(/tool-missing/u);
    expect(await treeOf(site.archive)).toEqual({});
  });

  it('does not call pahole when told never to check', async () => {
    site = await sample.newSite();
    const result = await site.crawl([...BOTH, '--cross-check', 'never'], {
      pathPrefix: await fakePahole('exit 1'),
    });
    expectExit(result, 0);
    expect(result.stderr).not.toContain('warning');
    expect(checks()).toEqual([
      { kernel: DWARF_KERNEL, against: 'pahole', verdict: 'skipped' },
      { kernel: NATIVE_KERNEL, against: 'native', verdict: 'skipped' },
    ]);
  });

  it.each(['xz', 'gpgv'])('names %s when it is missing', async (tool) => {
    site = await sample.newSite();
    const path = await pathWithout(sample.folder, tool);
    sample.server.clear();
    const result = await site.crawl(BOTH, { path });
    expectExit(result, 2);
    expect(sample.server.log.filter((entry) => entry.path.includes('/pool/'))).toEqual([]);
    expect(result.stderr + JSON.stringify([...result.done])).toMatch(
      new RegExp(`tool-missing.*\\b${tool}\\b`, 'u'),
    );
    expect(await treeOf(site.archive)).toEqual({});
  });
});

/** A PATH of one folder that links to every program there is but one. */
async function pathWithout(folder: string, tool: string): Promise<string> {
  const target = join(folder, `path-without-${tool}`);
  await mkdir(target, { recursive: true });
  const seen = new Set(await readdir(target));
  for (const place of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of await readdir(place).catch(() => [])) {
      if (name === tool || seen.has(name)) continue;
      seen.add(name);
      await symlink(join(place, name), join(target, name));
    }
  }
  return target;
}
