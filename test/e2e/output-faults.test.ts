/** Readers that go away and disks that fill up behind stdout and stderr of a crawl. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectExit } from '../support/run-btfmill.ts';
import { needsTool } from '../support/tools.ts';
import { E2E_TOOLS, type Sample, startSample } from './sample.ts';
import { query, statesOf } from './site.ts';

const KERNELS = ['--kernel', '6.1.0-1-amd64', '--kernel', '6.1.0-2-cloud-amd64'];
const OPEN_ATTEMPTS = 'SELECT count(*) AS n FROM attempts WHERE finished_at IS NULL';

describe.skipIf(needsTool(...E2E_TOOLS))('the output of a crawl', () => {
  let sample: Sample;

  beforeAll(async () => {
    sample = await startSample();
  });

  afterAll(async () => {
    await sample.close();
  });

  it.each([
    ['is closed', '{ "$@"; echo "exit code $?" >&2; } | head -n 1', 141],
    ['is full', '"$@" > /dev/full; echo "exit code $?" >&2', 3],
  ])('on stdout %s: stops in order, not as if it were done', async (_what, shell, exitCode) => {
    const site = await sample.newSite();
    const { stderr } = await site.command(site.args(...KERNELS, '--json'), { shell });
    expect(stderr).toContain(`exit code ${exitCode}`);
    expect(stderr).toContain('the same command goes on from here');
    expect(query(site.db, 'SELECT exit_code FROM runs')).toEqual([{ exit_code: exitCode }]);
    expect(query(site.db, OPEN_ATTEMPTS)).toEqual([{ n: 0 }]);
    expectExit(await site.crawl(KERNELS), 0);
    expect(new Set(Object.values(statesOf(site.db)))).toEqual(new Set(['published']));
  });

  it('on stderr is full: goes on, and ends by its result', async () => {
    const site = await sample.newSite();
    expectExit(await site.crawl(KERNELS, { shell: '"$@" 2> /dev/full' }), 0);
    expect(new Set(Object.values(statesOf(site.db)))).toEqual(new Set(['published']));
  });
});
