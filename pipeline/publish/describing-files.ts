/** The files that describe a serial: a pure function of the planes, so that the same archive gives the same bytes. */

import { archivePath } from '../archive-path.ts';
import { aliasesOf } from './aliases.ts';
import { btfhubOnlineList, datadogCatalog, type ListedKernel } from './compat.ts';
import { GENERATION, type Manifest, type ManifestFile, sha256Of, toJsonLine } from './layout.ts';
import { changesName, CONFIG, SUMS } from './names.ts';
import { type PlaneState, publishedKernels } from './plane-states.ts';

export const ALIASES = 'compat/aliases.json';
export const CATALOG = 'compat/datadog-catalog.json';
export const ONLINE_LIST = 'compat/btfhub-online-list.json';

/** How to find things without having read the documentation. */
export function configFile(publicKey: string | undefined): Buffer {
  return Buffer.from(
    toJsonLine({
      v: GENERATION,
      path: '{distro}/{release}/{arch}/{kernel}.btf.tar.xz',
      index: 'index/{distro}/{release}/{arch}.jsonl',
      ...(publicKey === undefined ? {} : { publicKey }),
    }),
  );
}

/** A file and how it changes. */
export interface DescribingFile {
  readonly path: string;
  readonly change: ManifestFile['change'];
  readonly bytes: Buffer;
}

/** All but the copy of the record, the manifest and the timestamp; in the order in which they are written. */
export function describingFiles(
  planes: readonly PlaneState[],
  config: Buffer,
  serial: number,
): DescribingFile[] {
  const kernels = planes.flatMap((state): ListedKernel[] =>
    publishedKernels(state).map(({ kernel, sha256 }) => ({ ...state.plane, kernel, sha256 })),
  );
  const indexes = planes.map(({ path, bytes, added }): DescribingFile => {
    const more = Buffer.from(added.map(toJsonLine).join(''));
    return { path, change: 'append', bytes: Buffer.concat([bytes, more]) };
  });
  return [
    ...indexes,
    file(SUMS, 'current', kernels.map((kernel) => `${kernel.sha256}  ${archivePath(kernel)}\n`).join('')),
    file(CONFIG, 'current', config),
    file(
      changesName(serial),
      'fixed',
      changedPaths(planes)
        .map((path) => `${path}\n`)
        .join(''),
    ),
    file(CATALOG, 'current', toJsonLine(datadogCatalog(kernels))),
    file(ALIASES, 'current', toJsonLine(Object.fromEntries(aliasesOf(planes.map(({ plane }) => plane))))),
    file(ONLINE_LIST, 'current', toJsonLine(btfhubOnlineList(kernels))),
  ];
}

function file(path: string, change: ManifestFile['change'], text: string | Buffer): DescribingFile {
  return { path, change, bytes: Buffer.from(text) };
}

/** Archive paths that the serial adds: what `rsync --files-from` takes. */
export function changedPaths(planes: readonly PlaneState[]): string[] {
  return paths(planes, 'published');
}

export function withdrawnPaths(planes: readonly PlaneState[]): string[] {
  return paths(planes, 'withdrawn');
}

function paths(planes: readonly PlaneState[], wanted: 'published' | 'withdrawn'): string[] {
  return planes.flatMap(({ plane, added }) =>
    added.filter(({ state }) => state === wanted).map(({ kernel }) => archivePath({ ...plane, kernel })),
  );
}

export function makeManifest(
  planes: readonly PlaneState[],
  files: readonly Pick<DescribingFile, 'path' | 'change' | 'bytes'>[],
  serial: number,
  generated: Date,
): Manifest {
  return {
    v: GENERATION,
    serial,
    generated: generated.toISOString(),
    kernels: planes.reduce((sum, state) => sum + publishedKernels(state).length, 0),
    files: files.map(({ path, change, bytes }) => ({
      path,
      change,
      size: bytes.length,
      sha256: sha256Of(bytes),
    })),
  };
}
