export { DEBIAN_VERSION } from './debug-package.ts';
export { listSuite, type SuiteContents } from './list-suite.ts';
export type { ReleaseFile } from './release.ts';
export { parseStanza, requiredField, type Stanza } from './stanza.ts';
export { openSuite, type OpenSuite, type SuiteLocation, type SuitePolicy } from './suite.ts';
export { compareDebianVersions } from './version.ts';
