export { splitClearsigned, type ClearsignedParts } from './clearsigned.ts';
export { judgeSignatures, VERIFY_FOLDER_PREFIX } from './gpgv.ts';
export type { SignatureReport } from './gpgv-status.ts';
export {
  AMAZON_2_KEYRING,
  AMAZON_2023_KEYRING,
  AMAZON_2027_KEYRING,
  CENTOS_7_KEYRING,
  CENTOS_OFFICIAL_KEYRING,
  DEBIAN_KEYRING,
  DEBIAN_REMOVED_KEYRING,
  UBUNTU_DBGSYM_KEYRING,
  FEDORA_KEYRINGS,
} from './keys.ts';
export {
  describeReports,
  type DetachedOptions,
  verifyDetached,
  verifyInline,
  type VerifiedSignature,
  type VerifiedText,
  type VerifyOptions,
} from './verify.ts';
