/** What the doctor found, as plain values, and how a person reads it. */

import { formatBytes, plural } from '../ui/format.ts';
import { type Column, renderTable } from '../ui/table.ts';
import type { ToolInfo } from './tools.ts';

export interface NodeFinding {
  readonly version: string;
  /** The `engines.node` range of package.json. */
  readonly required: string;
  /** Highest N-API version that this Node offers; a native package built for a later one takes the process down. */
  readonly napi: string;
  readonly fits: boolean;
}

/** better-sqlite3: the one npm package with machine code, tried in a process of its own. */
export interface SqliteFinding {
  readonly loads: boolean;
  readonly version?: string;
  readonly problem?: string;
}

export interface ToolFinding extends Omit<ToolInfo, 'versionArguments'> {
  /** Absolute path; absent when the program is missing. */
  readonly path?: string;
  /** Absent when the program is missing or does not say. */
  readonly version?: string;
}

export interface DiskFinding {
  readonly purpose: 'archive' | 'cache';
  /** The folder asked for; it need not exist yet. */
  readonly path: string;
  /** Free for an ordinary user, in the file system that holds the folder or will hold it. */
  readonly freeBytes: number;
  /** Less than this is worth a word. */
  readonly wantedBytes: number;
}

export interface KeyringFinding {
  readonly distro: string;
  /** Keyring files that hold OpenPGP public keys. */
  readonly files: readonly string[];
  /** Files in the same folder that do not. */
  readonly unusable: readonly string[];
}

export interface DoctorReport {
  /** Version of this shape; fields are only ever added. */
  readonly v: 1;
  /** Nothing that a crawl cannot do without is missing. */
  readonly ok: boolean;
  readonly node: NodeFinding;
  readonly sqlite: SqliteFinding;
  readonly tools: readonly ToolFinding[];
  readonly disks: readonly DiskFinding[];
  readonly keyrings: readonly KeyringFinding[];
}

/** The report on these findings, judged. */
export function judge(findings: Omit<DoctorReport, 'v' | 'ok'>): DoctorReport {
  const ok =
    findings.node.fits &&
    findings.sqlite.loads &&
    findings.tools.every((tool) => tool.need !== 'required' || tool.path !== undefined) &&
    findings.keyrings.length > 0 &&
    findings.keyrings.every((keyring) => keyring.files.length > 0 && keyring.unusable.length === 0);
  return { v: 1, ok, ...findings };
}

const COLUMNS: readonly Column[] = ['', 'what', 'version', 'need', 'for'].map((title) => ({ title }));

type Mark = 'ok' | 'low' | 'missing' | 'BROKEN' | 'MISSING';

/** The report as aligned text, without colour, ending in a newline. Capitals mark what stops a crawl. */
export function renderReport(report: DoctorReport): string {
  const rows = [
    ...report.tools.map(toolRow),
    nodeRow(report.node),
    sqliteRow(report.sqlite),
    ...keyringRows(report.keyrings),
    ...report.disks.map(diskRow),
  ];
  const verdict = report.ok
    ? 'Ready to crawl.'
    : 'Not ready to crawl: see what stands in capitals above; scripts/setup.sh installs what is missing.';
  return `${renderTable(COLUMNS, rows)}\n${verdict}\n`;
}

function toolRow(tool: ToolFinding): string[] {
  const present = tool.path !== undefined;
  const mark: Mark = present ? 'ok' : tool.need === 'required' ? 'MISSING' : 'missing';
  const purpose = present ? tool.neededFor : `${tool.neededFor}; without it: ${tool.withoutIt}`;
  return [mark, tool.command, tool.version ?? '-', tool.need, purpose];
}

function nodeRow(node: NodeFinding): string[] {
  const mark: Mark = node.fits ? 'ok' : 'BROKEN';
  return [
    mark,
    'Node.js',
    node.version,
    'required',
    `running btfmill (${node.required}; N-API ${node.napi})`,
  ];
}

function sqliteRow(sqlite: SqliteFinding): string[] {
  const mark: Mark = sqlite.loads ? 'ok' : 'BROKEN';
  const purpose = 'the record of every run; without it: only convert works';
  const problem = sqlite.problem === undefined ? '' : ` (${sqlite.problem})`;
  return [mark, 'better-sqlite3', sqlite.version ?? '-', 'required', purpose + problem];
}

function keyringRows(keyrings: readonly KeyringFinding[]): string[][] {
  if (keyrings.length > 0) return keyrings.map(keyringRow);
  return [['MISSING', 'keyrings', '-', 'required', 'trusting the indexes of a distribution']];
}

function keyringRow(keyring: KeyringFinding): string[] {
  const usable = keyring.files.length > 0 && keyring.unusable.length === 0;
  const mark: Mark = usable ? 'ok' : keyring.unusable.length > 0 ? 'BROKEN' : 'MISSING';
  const files = plural(keyring.files.length, 'file');
  const purpose = `trusting the indexes of ${keyring.distro}`;
  const broken = keyring.unusable.length === 0 ? '' : `; no keys in ${keyring.unusable.join(', ')}`;
  return [mark, `keyring ${keyring.distro}`, files, 'required', purpose + broken];
}

function diskRow(disk: DiskFinding): string[] {
  const mark: Mark = disk.freeBytes >= disk.wantedBytes ? 'ok' : 'low';
  const purpose = `${disk.path} (${formatBytes(disk.wantedBytes)} wanted)`;
  return [mark, `${disk.purpose} disk`, `${formatBytes(disk.freeBytes)} free`, 'optional', purpose];
}
