export type { RpmEntry } from './package-entry.ts';
export { type PackageList, readPackages } from './packages.ts';
export { SQLITE_FOLDER_PREFIX } from './primary-sqlite.ts';
export type { PrimaryFile, Repomd } from './repomd.ts';
export { openRepository } from './repository.ts';
export type { OpenRepository, RepositoryAnchor, RepositoryLocation, RepositoryPolicy } from './types.ts';
export { compareEvr, compareRpmVersions, type Evr, formatEvr, parseEvr } from './version.ts';
export { childrenOf, localName, malformed, parseXml, quote, requireAttribute } from './xml.ts';
