/** Lists of the archive in the forms that other programs read. */

import type { KernelKey } from '../../crawlers/types.ts';

export interface ListedKernel extends KernelKey {
  /** Of the `.tar.xz`. */
  readonly sha256: string;
}

/** Without a prototype: `constructor` and `__proto__` are names like any other, as a folder may have them. */
type Node<Value> = Record<string, Value>;

/** `{arch: {distro: {release: {kernel: {sha256}}}}}`: the catalog that DataDog's agent checks its downloads with. */
export function datadogCatalog(kernels: readonly ListedKernel[]): unknown {
  const catalog = emptyNode<Node<Node<Node<{ sha256: string }>>>>();
  for (const { distro, release, arch, kernel, sha256 } of kernels) {
    const distros = (catalog[arch] ??= emptyNode());
    const releases = (distros[distro] ??= emptyNode());
    (releases[release] ??= emptyNode())[kernel] = { sha256 };
  }
  return catalog;
}

function emptyNode<Value>(): Node<Value> {
  return Object.create(null) as Node<Value>;
}

/** What btfhub-online answers to `GET /api/v1/list`. */
export function btfhubOnlineList(kernels: readonly KernelKey[]): unknown {
  return kernels.map(({ distro, release, arch, kernel }) => ({
    distribution: distro,
    distribution_version: release,
    kernel_version: kernel,
    arch,
  }));
}
