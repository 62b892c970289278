/** `btfmill publish` on a disk that fills up at each of its last changes: every reader finds one serial, lists included. */

import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeArchive } from '../support/published-archive.ts';
import { type CommandResult, runBtfmill } from '../support/run-btfmill.ts';
import { tempDirForTest } from '../support/temp.ts';
import { needsTool } from '../support/tools.ts';
import { buildFaultyFiles, FAULTY_FILES_TOOLS, watchFiles } from './faulty-files.ts';
import { readAsStranger } from './stranger.ts';

/** From before the first name is given to behind the last: the lists, the signature and the timestamp. */
const LAST_CHANGES = 14;

it.skipIf(needsTool(...FAULTY_FILES_TOOLS))(
  'a disk that fills up leaves one serial',
  { timeout: 600_000 },
  async () => {
    const world = await makeArchive();
    const folder = await tempDirForTest('publish-faults');
    const library = await buildFaultyFiles(folder);
    const publish = (cwd: string, env: Readonly<Record<string, string>> = {}): Promise<CommandResult> =>
      runBtfmill(['publish', '--key', 'key'], { cwd, env });
    const start = join(folder, 'start');
    const copyTo = (site: string): void => {
      cpSync(world.archiveDir, join(site, 'archive'), { recursive: true });
      world.record.copyTo(join(site, 'btfmill.sqlite'));
    };
    world.add('6.1.0-1-amd64');
    copyTo(start);
    expect(await runBtfmill(['keygen', 'key'], { cwd: start })).toMatchObject({ exitCode: 0 });
    expect(await publish(start)).toMatchObject({ exitCode: 0 });
    world.add('6.1.0-2-amd64');

    const publishOn = async (
      name: string,
      at?: number,
    ): Promise<{ changes: number; result: CommandResult; site: string }> => {
      const site = join(folder, name);
      cpSync(start, site, { recursive: true, filter: (path) => !path.includes('btfmill.sqlite') });
      copyTo(site);
      const files = watchFiles(library, join(folder, `${name}.control`), [join(site, 'archive')]);
      files.arm(at === undefined ? undefined : { kind: 'fail-from', at, error: 'ENOSPC' });
      const result = await publish(site, files.env);
      return { changes: files.changes(), result, site };
    };
    const undisturbed = await publishOn('undisturbed');
    expect(undisturbed.result).toMatchObject({ exitCode: 0 });
    for (let at = undisturbed.changes - LAST_CHANGES; at <= undisturbed.changes; at += 1) {
      const { result, site } = await publishOn(`full-${at}`, at);
      const state = await readAsStranger(join(site, 'archive'), join(site, 'key.pub'));
      expect([at, result.exitCode === 0 ? 2 : state?.serial, state?.newer]).toEqual([at, state?.serial, []]);
      expect(await publish(site)).toMatchObject({ exitCode: 0 });
      expect(await readAsStranger(join(site, 'archive'), join(site, 'key.pub'))).toMatchObject({
        serial: 2,
        newer: [],
      });
    }
  },
);
