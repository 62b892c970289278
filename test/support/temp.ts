/** Temporary folders that go away with the test that asked for them. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A new empty folder below the system's temp folder; the caller removes it (suites do so in `afterAll`). */
export async function makeTempDir(label = 'test'): Promise<string> {
  return mkdtemp(join(tmpdir(), `btfmill-${label}-`));
}

/** A new empty folder that is removed when the current test ends. */
export async function tempDirForTest(label = 'test'): Promise<string> {
  const folder = await makeTempDir(label);
  onTestFinished(() => removeDir(folder));
  return folder;
}

export async function removeDir(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}
