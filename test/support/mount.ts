/** Small file systems of their own, for disks that are full or read-only. Needs the right to mount. */

import { mkdirSync, rmdirSync } from 'node:fs';
import { execaSync } from 'execa';
import { onTestFinished } from 'vitest';
import { makeTempDir } from './temp.ts';
import { findTool } from './tools.ts';

export interface TestMount {
  readonly folder: string;
  readonly makeReadOnly: () => void;
}

/** Mounts a tmpfs until the current test ends. @param folder where; created when missing. */
export async function mountTmpfs(folder?: string, size = '4m'): Promise<TestMount> {
  const place = folder ?? (await makeTempDir('mount'));
  mkdirSync(place, { recursive: true });
  execaSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'btfmill-test', place]);
  onTestFinished(() => {
    execaSync('umount', [place]);
    if (folder === undefined) rmdirSync(place);
  });
  return {
    folder: place,
    makeReadOnly: () => {
      execaSync('mount', ['-o', 'remount,ro', place]);
    },
  };
}

let reason: string | false | undefined;

/** A reason, or false. Containers and ordinary users may not mount: that is nothing CI can mend. */
export function cannotMount(): string | false {
  reason ??= tryToMount();
  return reason;
}

function tryToMount(): string | false {
  if (findTool('mount') === undefined || findTool('umount') === undefined) return 'mount is not installed';
  const folder = execaSync('mktemp', ['-d']).stdout;
  const mounted = execaSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'btfmill-test', folder], {
    reject: false,
  });
  if (mounted.exitCode === 0) execaSync('umount', [folder]);
  execaSync('rmdir', [folder]);
  if (mounted.exitCode === 0) return false;
  process.stderr.write('skipping tests: not allowed to mount a tmpfs\n');
  return 'not allowed to mount a tmpfs';
}
