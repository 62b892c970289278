/** rpm packages made by rpmbuild, and signed by rpmsign. */

import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

export interface BuildRpm {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  readonly epoch?: number;
  /** rpm's name, e.g. `aarch64`. */
  readonly arch: string;
  /** Folder that the package's files are copied from, as they are to lie below `/`. */
  readonly tree: string;
  /** What `%files` lists, e.g. `/usr/lib/debug/*`. */
  readonly files: readonly string[];
  /** rpm's `_binary_payload`, e.g. `w6.xzdio`, `w3T.xzdio`, `w19.zstdio`; `w.ufdio` for none. */
  readonly payload: string;
}

/** Builds below `workDir` and returns the package's path. */
export async function buildRpm(workDir: string, spec: BuildRpm): Promise<string> {
  const top = join(workDir, 'rpmbuild');
  await mkdir(top, { recursive: true });
  const specPath = join(top, `${spec.name}.spec`);
  await writeFile(specPath, specText(spec));
  const out = join(top, `RPMS-${spec.payload}`);
  const macros = {
    _topdir: top,
    _rpmdir: out,
    _rpmfilename: '%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm',
    _binary_payload: spec.payload,
    _buildhost: 'build.example.invalid',
    __os_install_post: '%{nil}',
    debug_package: '%{nil}',
    _build_id_links: 'none',
  };
  const defines = Object.entries(macros).flatMap(([macro, value]) => ['--define', `${macro} ${value}`]);
  await execa('rpmbuild', ['-bb', '--quiet', '--target', spec.arch, ...defines, specPath]);
  const wanted = `${spec.name}-${spec.version}-${spec.release}.${spec.arch}.rpm`;
  if (!(await readdir(out)).includes(wanted)) throw new Error(`rpmbuild made no ${wanted}`);
  return join(out, wanted);
}

function specText({ name, version, release, epoch, tree, files }: BuildRpm): string {
  return `Name: ${name}
Version: ${version}
Release: ${release}
${epoch === undefined ? '' : `Epoch: ${epoch}\n`}Summary: made by a test
License: none
AutoReqProv: no
%description
Not a real kernel.
%install
cp -a '${tree}/.' %{buildroot}/
%files
%defattr(-,root,root)
${files.join('\n')}
`;
}
