/**
 * The files that describe a published archive (archive-layout.md, "Index, sums and signature"): their shapes and rules.
 * A reader starts at the signed timestamp, which names the manifest, which names everything else.
 */

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { BtfmillError } from '../../errors/index.ts';
import { archivePath } from '../archive-path.ts';
import { isSafe, manifestName, type Plane, planeOfIndex, TIMESTAMP } from './names.ts';

/** Of the layout itself; a reader refuses what it does not know. */
export const GENERATION = 1;

/** A timestamp has a few hundred bytes; whoever serves more is not an archive. */
export const MAX_TIMESTAMP_BYTES = 64 * 1024;
/** About 150 bytes per plane and derived file: room for tens of thousands of planes. */
export const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;
/** About 1 kB per line, so a plane of a quarter of a million kernels; the largest real one has some thousand. */
export const MAX_INDEX_BYTES = 256 * 1024 * 1024;
/** What {@link readArchiveFile} takes. */
export const MAX_FILE_BYTES = 256 * 1024 * 1024;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/u);
const serial = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
const time = z.iso.datetime();
const size = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const timestampSchema = z.object({
  v: z.literal(GENERATION),
  serial,
  generated: time,
  /** After this, a copy must be taken for stale. */
  expires: time,
  manifest: z.object({ path: z.string(), size, sha256 }),
});
export type Timestamp = z.infer<typeof timestampSchema>;

/**
 * How a file changes. `fixed`: never, once it is there. `append`: only at its end, so that the first `size` bytes
 * are those of this serial for ever. `current`: with every serial; a reader that meets another one starts over.
 */
const CHANGES = ['fixed', 'append', 'current'] as const;

const manifestSchema = z.object({
  v: z.literal(GENERATION),
  serial,
  generated: time,
  /** Kernels whose last line says `published`. */
  kernels: size,
  files: z.array(z.object({ path: z.string(), change: z.enum(CHANGES), size, sha256 })).max(100_000),
});
export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestFile = Manifest['files'][number];

/** Of any text in an index, in UTF-16 units. */
export const MAX_TEXT_LENGTH = 4096;
const text = z.string().min(1).max(MAX_TEXT_LENGTH);
const published = z.object({
  kernel: text,
  state: z.literal('published'),
  serial,
  size,
  sha256,
  btf: z.object({ size, sha256, types: size }),
  source: z.enum(['dwarf', 'native', 'imported']),
  trust: text.optional(),
  profile: text.optional(),
  buildId: text.optional(),
  package: z.object({ name: text, version: text, url: text, digest: text }).optional(),
  tools: z.record(text, text).optional(),
  at: time,
});
const withdrawn = z.object({ kernel: text, state: z.literal('withdrawn'), serial, reason: text, at: time });
const lineSchema = z.discriminatedUnion('state', [published, withdrawn]);
export type IndexLine = z.infer<typeof lineSchema>;
export type PublishedLine = z.infer<typeof published>;

/** Throws `archive-malformed`, also for a manifest that does not lie where it must. */
export function parseTimestamp(bytes: Uint8Array, where: string): Timestamp {
  const timestamp = parse(timestampSchema, bytes, where);
  if (timestamp.manifest.path !== manifestName(timestamp.serial)) {
    throw malformed(
      where,
      `names ${JSON.stringify(timestamp.manifest.path)} as the manifest of serial ${timestamp.serial}`,
    );
  }
  return timestamp;
}

/** Throws `archive-malformed`, also for paths that are none of the archive's own files, or that come twice. */
export function parseManifest(bytes: Uint8Array, where: string): Manifest {
  const manifest = parse(manifestSchema, bytes, where);
  const seen = new Set<string>();
  for (const { path, change } of manifest.files) {
    if (seen.has(path)) throw malformed(where, `names ${path} twice`);
    seen.add(path);
    const isIndex = planeOfIndex(path) !== undefined;
    if (isIndex !== (change === 'append') || (!isIndex && !isDescribingName(path))) {
      throw malformed(where, `names ${JSON.stringify(path.slice(0, 200))} as ${change}`);
    }
  }
  return manifest;
}

/** Plain names at the top, and those of the folders that are ours: nothing that could climb or hide. */
function isDescribingName(path: string): boolean {
  return /^(?:(?:changes|compat)\/)?[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/u.test(path) && path !== TIMESTAMP;
}

/**
 * The lines of a plane's index, in their order. Throws `archive-malformed` naming the line, also for a kernel whose
 * name could lead out of its folder.
 */
export function parseIndex(bytes: Uint8Array, plane: Plane, where: string): IndexLine[] {
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8').split('\n');
  if (lines.pop() !== '') throw malformed(where, 'its last line has no end');
  return lines.map((line, index) => {
    const at = `${where}:${index + 1}`;
    const parsed = parseText(lineSchema, line, at);
    if (!isSafe(() => archivePath({ ...plane, kernel: parsed.kernel }))) {
      throw malformed(at, `${JSON.stringify(parsed.kernel.slice(0, 200))} cannot be part of an archive path`);
    }
    return parsed;
  });
}

/** Why readers would refuse this line of an index; undefined when they take it. */
export function lineProblem(line: IndexLine): string | undefined {
  const { error } = lineSchema.safeParse(line);
  return error === undefined ? undefined : describeIssue(error);
}

/** The last word on each kernel, in the order of first mention. */
export function lastLines(lines: readonly IndexLine[]): Map<string, IndexLine> {
  const last = new Map<string, IndexLine>();
  for (const line of lines) last.set(line.kernel, line);
  return last;
}

/** One JSON value with a newline behind it: what all these files are written as. */
export function toJsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function parse<T>(schema: z.ZodType<T>, bytes: Uint8Array, where: string): T {
  return parseText(
    schema,
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
    where,
  );
}

function parseText<T>(schema: z.ZodType<T>, json: string, where: string): T {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw malformed(where, 'is no JSON');
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw malformed(where, describeIssue(result.error));
}

function describeIssue({ issues: [issue] }: z.ZodError): string {
  return `${issue.path.join('.') || 'the value'}: ${issue.message}`;
}

function malformed(where: string, why: string): BtfmillError {
  return new BtfmillError('archive-malformed', `${where}: ${why}`);
}
