export { splitClearsigned, type ClearsignedParts } from './clearsigned.ts';
export { DEBIAN_KEYRING, DEBIAN_REMOVED_KEYRING } from './keys.ts';
export { VERIFY_FOLDER_PREFIX, verifyInline, type VerifiedText, type VerifyOptions } from './verify.ts';
