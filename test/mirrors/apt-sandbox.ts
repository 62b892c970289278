/** apt with settings, state and trust of its own, as a referee over local mirrors. */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

export interface AptSandboxOptions {
  readonly keyring: string;
  /** `<base URL> <suite> <components>` each, for amd64. */
  readonly sources: readonly string[];
  /** Default none, whatever the environment says. */
  readonly proxy?: string;
}

/** Runs a program of apt's; downloads land in the folder. */
export type Apt = (
  program: string,
  ...args: readonly string[]
) => Promise<{ readonly stdout: string; readonly stderr: string }>;

/** @param folder is made; the caller's to remove */
export async function aptSandbox(
  folder: string,
  { keyring, sources, proxy }: AptSandboxOptions,
): Promise<Apt> {
  for (const sub of ['lists/partial', 'cache/archives/partial', 'etc/apt.conf.d', 'etc/preferences.d']) {
    await mkdir(join(folder, sub), { recursive: true });
  }
  const list = sources.map((source) => `deb [arch=amd64 signed-by=${keyring}] ${source}\n`);
  await writeFile(join(folder, 'sources.list'), list.join(''));
  await writeFile(join(folder, 'status'), '');
  const settings = {
    'Dir::Etc': join(folder, 'etc'),
    'Dir::Etc::SourceList': join(folder, 'sources.list'),
    'Dir::Etc::SourceParts': '-',
    'Dir::State::Lists': join(folder, 'lists'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': join(folder, 'cache'),
    'Acquire::Languages': 'none',
    'Acquire::http::Proxy': proxy ?? 'false',
    'APT::Architecture': 'amd64',
    'APT::Sandbox::User': '',
  };
  const flags = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  return (program, ...args) => execa(program, [...flags, ...args], { cwd: folder, env: { LC_ALL: 'C' } });
}
