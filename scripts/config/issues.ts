/** What is wrong with a configuration, and where, in words. */

import type { z } from 'zod';

/** A part of the configuration schema as JSON Schema describes it, as far as it is needed here. */
interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

type Path = readonly PropertyKey[];

/** One sentence per issue; `where` names the place of a path. */
export function describeIssues(
  issues: readonly z.core.$ZodIssue[],
  schema: object,
  where: (path: Path) => string,
): string[] {
  return issues.flatMap((issue) => describe(issue, [], schema as SchemaNode, where));
}

function describe(
  issue: z.core.$ZodIssue,
  above: Path,
  schema: SchemaNode,
  where: (path: Path) => string,
): string[] {
  const path = [...above, ...issue.path];
  if (issue.code === 'invalid_union') {
    // The alternative that fits but for something inside it is the one that was meant.
    const meant = issue.errors.find((errors) => errors.every((one) => !isOther(one)));
    if (meant !== undefined) return meant.flatMap((one) => describe(one, path, schema, where));
  }
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, path);
    return issue.keys.map((key) => `${where([...path, key])}: unknown key${suggestion(key, known)}`);
  }
  return [`${where(path)}: ${sentence(issue)}`];
}

/** Another kind of value altogether. */
function isOther({ code, path }: z.core.$ZodIssue): boolean {
  return path.length === 0 && (code === 'invalid_type' || code === 'invalid_value');
}

function sentence(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is missing';
      return `expected ${KINDS[issue.expected] ?? issue.expected}, found ${shown(issue.input)}`;
    case 'invalid_value':
      return `expected ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}, found ${shown(issue.input)}`;
    case 'too_small':
      if (issue.origin === 'string') return 'is empty';
      return `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}, is ${shown(issue.input)}`;
    case 'too_big':
      return `must be at most ${issue.maximum}, is ${shown(issue.input)}`;
    case 'custom':
      return issue.message;
    default:
      return issue.message === 'Invalid input'
        ? `cannot be ${shown(issue.input)}`
        : `${issue.message}, found ${shown(issue.input)}`;
  }
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

const MAX_SHOWN = 60;

function shown(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'nothing');
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`;
}

/** The keys that an object at this path may have. */
function keysAt(schema: SchemaNode, path: Path): string[] {
  let nodes: SchemaNode[] = [schema];
  for (const step of path) {
    nodes = nodes.flatMap((node) => {
      const inside = typeof step === 'number' ? node.items : node.properties?.[String(step)];
      return inside === undefined ? [] : [inside, ...(inside.anyOf ?? [])];
    });
  }
  return nodes.flatMap(({ properties = {} }) => Object.keys(properties));
}

function suggestion(key: string, known: readonly string[]): string {
  const near = known
    .map((name) => ({ name, distance: editDistance(key.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(name.length / 3)))
    .toSorted((a, b) => a.distance - b.distance);
  if (near.length > 0) return `; did you mean ${JSON.stringify(near[0].name)}?`;
  return known.length === 0 ? '' : `; there is ${known.join(', ')}`;
}

/** Levenshtein's: insertions, deletions and replacements. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}
