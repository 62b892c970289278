export { splitClearsigned, type ClearsignedParts } from './clearsigned.ts';
export { VERIFY_FOLDER_PREFIX } from './gpgv.ts';
export { DEBIAN_KEYRING, DEBIAN_REMOVED_KEYRING } from './keys.ts';
export {
  type DetachedOptions,
  verifyDetached,
  verifyInline,
  type VerifiedSignature,
  type VerifiedText,
  type VerifyOptions,
} from './verify.ts';
