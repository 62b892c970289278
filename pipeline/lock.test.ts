import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { tempDirForTest } from '../test/support/temp.ts';
import { needsTool } from '../test/support/tools.ts';
import { lockFile, lockFolder } from './lock.ts';

describe.skipIf(needsTool('flock'))('locks', () => {
  it('keeps a second one away until the first lets go', async () => {
    const file = join(await tempDirForTest('lock'), 'deep', 'x.lock');
    const first = await lockFile(file, 'the record');
    const refusal = expect.objectContaining({
      code: 'locked',
      message: expect.stringContaining('the record'),
    });
    await expect(lockFile(file, 'the record')).rejects.toEqual(refusal);
    await first.release();
    const second = await lockFile(file, 'the record');
    await second.release();
  });

  it('locks a folder without leaving anything in it', async () => {
    const folder = await tempDirForTest('lock');
    const first = await lockFolder(folder, 'the archive');
    await expect(lockFolder(folder, 'the archive')).rejects.toMatchObject({ code: 'locked' });
    expect(readdirSync(folder)).toEqual([]);
    await first.release();
  });

  it('is free again after kill -9 of its holder', async () => {
    const folder = await tempDirForTest('lock');
    const lockModule = new URL('./lock.ts', import.meta.url).href;
    const script = `const { lockFolder } = await import(${JSON.stringify(lockModule)});
      await lockFolder(${JSON.stringify(folder)}, 'x'); process.stdout.write('held'); setInterval(() => {}, 1000);`;
    const tsx = import.meta.resolve('tsx');
    const holder = spawn(process.execPath, ['--import', tsx, '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    await expect(lockFolder(folder, 'x')).rejects.toMatchObject({ code: 'locked' });
    holder.kill('SIGKILL');
    await once(holder, 'close');
    await (await lockFolder(folder, 'x')).release();
  });

  it('says so when flock is not installed', async () => {
    const folder = await tempDirForTest('lock');
    vi.stubEnv('PATH', folder);
    try {
      await expect(lockFolder(folder, 'x')).rejects.toMatchObject({ code: 'tool-missing' });
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
