/**
 * Where the parts of an rpm package lie: lead, signature header, main header, payload. Spec: rpm's
 * docs/manual/format_v3.md (lead), format_v4.md and format_v6.md.
 */

import type { FileHandle } from 'node:fs/promises';
import { type Compression, compressionOfPayload, MAGIC_WINDOW_BYTES } from '../compression.ts';
import { readAt } from '../file-range.ts';
import { MAIN_HEADER_LIMITS, SIGNATURE_HEADER_LIMITS } from '../limits.ts';
import { malformed } from '../malformed.ts';
import { decodeHeaderIntro, HEADER_INTRO_BYTES, type HeaderLimits, RpmHeader } from './header.ts';
import { MAIN_TAG } from './tags.ts';

const LEAD_BYTES = 96;
const LEAD_MAGIC = [0xed, 0xab, 0xee, 0xdb] as const;
/** The signature header is padded to a multiple of it. */
const SIGNATURE_ALIGNMENT = 8;

export interface RpmPackage {
  readonly signature: RpmHeader;
  readonly main: RpmHeader;
  /** Offsets in the file. The payload follows the main header at once, and ends with the file. */
  readonly mainStart: number;
  readonly payloadStart: number;
  readonly end: number;
}

/** Reads both headers. Throws `package-malformed`. */
export async function readRpmPackage(handle: FileHandle): Promise<RpmPackage> {
  const { size: end } = await handle.stat();
  // Nothing but the magic counts: the rest of the lead says less than the header, and version 6 fills it otherwise.
  const lead = await readAt(handle, 0, LEAD_BYTES);
  if (LEAD_MAGIC.some((byte, i) => lead[i] !== byte))
    throw malformed('rpm lead', 0, 'not an rpm (bad magic)');
  if (lead.length < LEAD_BYTES) throw malformed('rpm lead', lead.length, 'the file ends here');
  const signature = await readHeader(
    handle,
    LEAD_BYTES,
    end,
    'rpm signature header',
    SIGNATURE_HEADER_LIMITS,
  );
  const signatureBytes = signature.bytes.length;
  const padding = (SIGNATURE_ALIGNMENT - (signatureBytes % SIGNATURE_ALIGNMENT)) % SIGNATURE_ALIGNMENT;
  const mainStart = LEAD_BYTES + signatureBytes + padding;
  const main = await readHeader(handle, mainStart, end, 'rpm main header', MAIN_HEADER_LIMITS);
  return { signature, main, mainStart, payloadStart: mainStart + main.bytes.length, end };
}

/** How the payload is compressed. Throws `package-malformed` also for one that is no cpio archive. */
export async function compressionOf(
  handle: FileHandle,
  { main, payloadStart }: RpmPackage,
): Promise<Compression> {
  const format = main.text(MAIN_TAG.PAYLOADFORMAT);
  if (format === 'drpm') throw malformed('rpm payload', undefined, 'a delta to another package (drpm)');
  if (format !== undefined && format !== 'cpio') {
    throw malformed('rpm payload', undefined, `unknown format ${JSON.stringify(format)}`);
  }
  const head = await readAt(handle, payloadStart, MAGIC_WINDOW_BYTES);
  return compressionOfPayload(main.text(MAIN_TAG.PAYLOADCOMPRESSOR), head);
}

async function readHeader(
  handle: FileHandle,
  start: number,
  fileEnd: number,
  part: string,
  limits: HeaderLimits,
): Promise<RpmHeader> {
  const { sizeBytes } = decodeHeaderIntro(await readAt(handle, start, HEADER_INTRO_BYTES), part, limits);
  if (start + sizeBytes > fileEnd) {
    throw malformed(part, fileEnd - start, `the file ends here, before the header's ${sizeBytes} bytes do`);
  }
  return new RpmHeader(await readAt(handle, start, sizeBytes), part, limits);
}
