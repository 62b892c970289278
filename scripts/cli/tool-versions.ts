/** The versions that decide the bytes of a result, as the record keeps them. */

import { execa } from 'execa';
import type { ToolVersions } from '../../db/index.ts';
import { parseToolVersion } from '../doctor/tools.ts';
import { readVersion } from './version.ts';

/** btfmill, node and xz; a program that is missing is left out, and the step that needs it says so. */
export async function readToolVersions(): Promise<ToolVersions & { readonly btfmill: string }> {
  const xz = await execa('xz', ['--version'], { reject: false, stdin: 'ignore' });
  const xzVersion = xz.failed ? undefined : parseToolVersion(xz.stdout);
  return {
    btfmill: readVersion(),
    node: process.versions.node,
    ...(xzVersion === undefined ? {} : { xz: xzVersion }),
  };
}
