/**
 * Numbers of the header entries that are read (rpm's include/rpm/rpmtag.h). The two headers of a package have a table
 * each: from 1000 up the same number means different things in them.
 */

/** Of the signature header. */
export const SIGNATURE_TAG = {
  /** OpenPGP signatures over the main header, by kind of key: DSA (and what came after) and RSA. */
  DSA: 267,
  RSA: 268,
  /** Digests of the main header, hex. (docs/manual/format_v6.md prints SHA256 as 272; code and packages have 273.) */
  SHA1: 269,
  SHA256: 273,
  /** Any number of OpenPGP signatures over the main header, base64. */
  OPENPGP: 278,
  /** OpenPGP signatures over main header and payload. */
  PGP: 1002,
  GPG: 1005,
} as const;

/** Of the main header. */
export const MAIN_TAG = {
  FILESIZES: 1028,
  FILEMODES: 1030,
  FILEFLAGS: 1037,
  FILEDEVICES: 1095,
  FILEINODES: 1096,
  DIRINDEXES: 1116,
  BASENAMES: 1117,
  DIRNAMES: 1118,
  PAYLOADFORMAT: 1124,
  PAYLOADCOMPRESSOR: 1125,
  LONGFILESIZES: 5008,
  /** Digest of the compressed payload, hex, and its algorithm (OpenPGP's number). */
  PAYLOADDIGEST: 5092,
  PAYLOADDIGESTALGO: 5093,
} as const;
