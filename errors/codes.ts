/** Every error code of btfmill in one table: what it means, whether trying again can help, and the exit code it stands for. */

import type { FormatErrorCode } from '../elf/format-error.ts';

/** Exit codes of every verb (archive-layout.md and README document them). */
export const EXIT = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  someKernelsFailed: 3,
  upstreamUnreachable: 4,
  integrity: 5,
  locked: 6,
  damageFound: 7,
  /** `diff --exit-code` found differences. */
  different: 8,
} as const;

export interface ErrorCodeInfo {
  readonly meaning: string;
  /** A later run with the same input may succeed. */
  readonly retryable: boolean;
  readonly exit: number;
}

function row(meaning: string, exit: number, retryable = false): ErrorCodeInfo {
  return { meaning, retryable, exit };
}

const FORMAT_CODES: Record<FormatErrorCode, ErrorCodeInfo> = {
  'elf-malformed': row('the ELF file breaks its own rules', EXIT.someKernelsFailed),
  'elf-unsupported': row('an ELF feature btfmill does not read', EXIT.someKernelsFailed),
  'dwarf-malformed': row('the DWARF data breaks its own rules', EXIT.someKernelsFailed),
  'dwarf-unsupported': row(
    'a DWARF version, form or language btfmill does not convert',
    EXIT.someKernelsFailed,
  ),
  'dwarf-supplement': row(
    'the supplementary file (dwz) that the DWARF refers to is missing or another one',
    EXIT.someKernelsFailed,
  ),
  'dwarf-none': row('the file has no DWARF', EXIT.someKernelsFailed),
  'btf-malformed': row('the BTF data breaks its own rules', EXIT.someKernelsFailed),
  'btf-unencodable': row('a type that BTF cannot express', EXIT.someKernelsFailed),
};

export const ERROR_CODES = {
  ...FORMAT_CODES,

  usage: row('flags or configuration that make no sense', EXIT.usage),
  'tool-missing': row('a program that this step needs is not installed', EXIT.usage),
  'tool-failed': row('a program that this step runs was killed or broke', EXIT.someKernelsFailed, true),
  'io-failed': row('reading or writing local files failed', EXIT.unexpected, true),
  'disk-full': row('not enough free disk space', EXIT.someKernelsFailed, true),
  locked: row('another run holds the lock', EXIT.locked, true),
  aborted: row('stopped by the user', EXIT.unexpected, true),
  unexpected: row('a fault of btfmill itself', EXIT.unexpected),

  'http-unreachable': row('no connection to the mirror', EXIT.upstreamUnreachable, true),
  'http-status': row('the mirror answered with an error status', EXIT.upstreamUnreachable, true),
  'http-not-found': row('the mirror does not have the file', EXIT.upstreamUnreachable, true),
  'http-refused': row('the mirror refuses to serve us (401, 403, 429)', EXIT.upstreamUnreachable, true),
  'http-stalled': row('no byte, or too few of them, came for too long', EXIT.upstreamUnreachable, true),
  'http-truncated': row('the connection ended before the file did', EXIT.upstreamUnreachable, true),
  'http-redirect': row('a redirect that leads nowhere or too far', EXIT.upstreamUnreachable, true),

  'index-signature': row('the index has no good signature of a trusted key', EXIT.integrity),
  'index-expired': row('the signed index is past its Valid-Until', EXIT.integrity, true),
  'index-digest': row('an index file differs from the digest its signed parent gives', EXIT.integrity, true),
  'index-malformed': row('an index file breaks its format', EXIT.integrity),
  'index-changed': row('the mirror changed its indexes while they were read', EXIT.integrity, true),
  'index-conflict': row(
    'two repositories give different packages one name, version and architecture',
    EXIT.integrity,
  ),
  'index-unsafe-path': row('an index names a file outside its mirror', EXIT.integrity),

  'package-digest': row(
    'the package differs from a digest that its index or itself gives',
    EXIT.integrity,
    true,
  ),
  'package-signature': row('the package has no good signature of a trusted key', EXIT.integrity),
  'package-malformed': row('the package container is damaged or not what it claims', EXIT.someKernelsFailed),
  'package-unsafe-path': row('the package holds a path that climbs or is absolute', EXIT.someKernelsFailed),
  'package-too-large': row('a package member exceeds the size limit', EXIT.someKernelsFailed),
  'package-no-vmlinux': row('the package holds no vmlinux as a regular file', EXIT.someKernelsFailed),

  'kernel-name': row(
    'the kernel inside the package is another one than its index promises',
    EXIT.someKernelsFailed,
  ),

  'cross-check': row('our conversion disagrees with the oracle', EXIT.someKernelsFailed),
  'oracle-failed': row('pahole crashed or produced nothing', EXIT.someKernelsFailed, true),
  'native-none': row('native BTF was asked for, and the vmlinux has no .BTF section', EXIT.someKernelsFailed),
  'btf-invalid': row('the finished BTF failed validation', EXIT.someKernelsFailed),
  'archive-conflict': row(
    'what was made differs from what was published, or from a sound file that the record does not know',
    EXIT.someKernelsFailed,
  ),
  'archive-signature': row('the archive has no good signature of the expected key', EXIT.integrity),
  'archive-rollback': row(
    'the archive is older than what was seen of it before, or has expired',
    EXIT.integrity,
    true,
  ),
  'archive-malformed': row('a file that describes the archive breaks its format', EXIT.integrity),
  'archive-digest': row(
    'a file of the archive differs from the digest its signed index gives',
    EXIT.integrity,
    true,
  ),
  'archive-damaged': row('a published file differs from the record', EXIT.damageFound),
  'record-damaged': row('the SQLite record cannot be used', EXIT.unexpected),
} as const satisfies Record<string, ErrorCodeInfo>;

export type ErrorCode = keyof typeof ERROR_CODES;
