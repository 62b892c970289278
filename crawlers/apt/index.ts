export { poolUrl } from './pool-url.ts';
export type { ReleaseFile } from './release.ts';
export { parseStanza, requiredField, type Stanza } from './stanza.ts';
export { openPackages, openSuite, type OpenSuite, type SuiteLocation, type SuitePolicy } from './suite.ts';
export { compareDebianVersions } from './version.ts';
