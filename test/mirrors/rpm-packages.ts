/** Packages without content, built by rpmbuild, for the indexes of test mirrors. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

export interface EmptyRpm {
  readonly name: string;
  readonly epoch?: number;
  readonly version: string;
  readonly release: string;
  readonly arch: string;
  readonly summary?: string;
  readonly description?: string;
}

/** Builds every package into `folder` as `<name>-<version>-<release>.<arch>.rpm`. */
export async function buildEmptyRpms(folder: string, rpms: readonly EmptyRpm[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const rpm of rpms) {
    const spec = join(folder, `${rpm.name}.spec`);
    await writeFile(spec, specOf(rpm));
    const place = ['--define', `_rpmdir ${folder}`, '--define', '_build_name_fmt %{NVRA}.rpm'];
    // The host's own settings and the time of day stay out of it.
    const fixed = ['--define', `_topdir ${folder}/.build`, '--define', '_buildhost test'];
    await execa('rpmbuild', ['-bb', '--quiet', '--nodeps', ...place, ...fixed, '--target', rpm.arch, spec], {
      env: { SOURCE_DATE_EPOCH: '1700000000', LC_ALL: 'C' },
    });
  }
}

function specOf(rpm: EmptyRpm): string {
  return [
    `Name: ${rpm.name}`,
    ...(rpm.epoch === undefined ? [] : [`Epoch: ${rpm.epoch}`]),
    `Version: ${rpm.version}`,
    `Release: ${rpm.release}`,
    `Summary: ${rpm.summary ?? 'nothing'}`,
    'License: none',
    '%description',
    rpm.description ?? 'Nothing.',
    '%files',
    '',
  ].join('\n');
}
