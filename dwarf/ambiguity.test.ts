/**
 * Names with several definitions, and what forward declarations of them mean. Every case is a few C files, which
 * pahole converts beside us; the rules themselves are spelled out with the DWARF writer below.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ATE, type Die, die, ref, type Unit, unit } from '../test/builders/dwarf-writer.ts';
import { COMPILE_TOOLS, compileUnits } from '../test/support/compile.ts';
import { convertBytes, convertedLines, formatErrorOf } from '../test/support/conversion.ts';
import { expectSameBytes } from '../test/support/expect-btf.ts';
import { paholeBtf, paholeGivesProfile124 } from '../test/support/pahole.ts';
import { makeTempDir, removeDir } from '../test/support/temp.ts';
import { needs, needsTool } from '../test/support/tools.ts';

/** The same text for an `int` and for a `long` variant of what is below. */
function both(text: (type: string) => string): readonly string[] {
  return [text('int'), text('long')];
}

function chain(type: string, length: number): string {
  const links = Array.from({ length }, (_, i) => `struct t${i + 1} { struct t${i} *p; };`);
  return `struct t0 { ${type} a; }; ${links.join(' ')}`;
}

const PARSER = 'struct parser { struct bus *bus; int n; };';
const BUS_INT = 'struct bus { int a; };';
const BUS_LONG = 'struct bus { long a; };';
const H_PQ = 'struct h { struct p *p; struct q *q; };';
const P_INT = 'struct p { int a; };';
const P_LONG = 'struct p { long a; };';
const Q_INT = 'struct q { int b; };';
const Q_LONG = 'struct q { long b; };';

const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  'two definitions': both((type) => `struct s { ${type} a; };`),
  'members in another order, of another sign': [
    'struct s { int a; int b; };',
    'struct s { int b; int a; };',
    'struct s { unsigned a; int b; };',
  ],
  'three definitions and their users': ['int', 'long', 'char', 'int'].map(
    (type) => `struct s { ${type} a; }; struct u { struct s *s; };`,
  ),
  'definitions that differ only deeper': both((type) => chain(type, 5)),
  'definitions that differ a hundred types deeper': both((type) => chain(type, 100)),
  'definitions in a circle': both(
    (type) => `struct a; struct b { struct a *a; }; struct a { struct b *b; ${type} x; };`,
  ),
  'by value, in arrays and functions': both(
    (type) =>
      `struct in { ${type} x; }; struct out { struct in in, *q, arr[3]; int (*f)(const struct in *); };`,
  ),
  'anonymous parts that differ': [
    'struct s { struct { int a; } x; };',
    'struct s { struct { long a; } x; };',
    'struct s { union { int a; } x; };',
  ],
  'typedefs that differ': ['int', 'long', 'int'].map((type) => `typedef ${type} t; struct s { t *a; };`),
  'structs local to functions': [
    `int f(void *p) { struct loc { int a; } *l = p; return l->a; }
     int g(void *p) { struct loc { long a; } *l = p; return l->a; }
     int h(void *p) { struct loc { int a; } *l = p; return l->a; }`,
  ],
  'equal structs in one unit': ['f', 'g'].map(
    (name) => `
     int ${name}1(void *p) { struct loc { int a; struct loc *n; } *l = p; return l->n->a; }
     int ${name}2(void *p) { struct loc { int a; struct loc *n; } *l = p; return l->n->a; }`,
  ),
  'functions with ambiguous parameters': [
    'struct s { int a; }; struct w { struct s *s; }; int f(struct s *s) { return s->a; }',
    'struct s { long a; }; int g(struct s *s) { return s->a; } int f2(struct s *s) { return g(s); }',
    'struct s; struct w { struct s *s; }; int h(struct s *s) { return s != 0; }',
  ],

  'forward declaration, full elsewhere': [
    'struct s; struct u { struct s *p; };',
    'struct s { int x; }; struct u { struct s *p; };',
  ],
  'forward declaration that nobody completes': [
    'struct s; struct u { struct s *p; };',
    'struct s; struct u { struct s *p; };',
  ],
  'forward declaration of a union': [
    'union s; struct u { union s *p; };',
    'union s { int x; }; struct v { union s *p; };',
  ],
  'forward declaration of the other kind': [
    'struct s; struct u { struct s *p; };',
    'union s { int x; }; struct v { union s *p; };',
  ],
  'forward declaration of a name of both kinds': [
    'struct s; struct w { struct s *p; };',
    'union s { int x; }; struct v { union s *p; };',
    'struct s { int y; }; struct u { struct s *p; };',
  ],
  'forward declaration of a name of both kinds, union': [
    'union s; struct w { union s *p; };',
    'union s { int x; };',
    'struct s { int y; };',
  ],
  'forward declaration of a name of both kinds, paired': [
    'struct s; struct w { struct s *p; };',
    'union s { int x; };',
    'struct s { int y; }; struct w { struct s *p; };',
  ],

  'pairing: full first': [
    BUS_INT + PARSER,
    `${BUS_LONG} struct device { struct bus *bus; };`,
    `struct bus; ${PARSER}`,
  ],
  'pairing: forward first': [`struct bus; ${PARSER}`, BUS_INT + PARSER, BUS_LONG],
  'pairing: the second definition': [
    BUS_LONG,
    BUS_INT + PARSER,
    `struct bus; ${PARSER} struct more { struct bus *bus; };`,
  ],
  'pairing: none': [BUS_INT + PARSER, BUS_LONG, 'struct bus; struct lonely { struct bus *bus; int n; };'],
  'pairing: either, forward last': [BUS_INT + PARSER, BUS_LONG + PARSER, `struct bus; ${PARSER}`],
  'pairing: either, forward between': [BUS_INT + PARSER, `struct bus; ${PARSER}`, BUS_LONG + PARSER],
  'pairing: either, forward first': [`struct bus; ${PARSER}`, BUS_INT + PARSER, BUS_LONG + PARSER],
  'pairing: users above': [
    `${BUS_INT + PARSER} struct user { struct parser *p; };`,
    BUS_LONG,
    `struct bus; ${PARSER} struct user { struct parser *p; };`,
  ],
  'pairing: through typedefs, functions, arrays and anonymous structs': [
    'struct bus { int a; };',
    BUS_LONG,
    'struct bus;',
  ].map((bus, i) =>
    i === 1
      ? bus
      : `${bus} typedef struct bus bus_t;
           struct ops { void (*f)(bus_t *, int); const struct bus *arr[4]; struct { struct bus *x; } anon; };`,
  ),
  'pairing: in an anonymous struct': [
    `${BUS_INT} typedef struct { struct bus *b; int n; } parser_t;`,
    BUS_LONG,
    'struct bus; typedef struct { struct bus *b; int n; } parser_t;',
  ],
  'pairing: of unions': ['union s { int a; };', 'union s { long a; };', 'union s;'].map(
    (s) => `${s} struct u { union s *p; };`,
  ),
  'pairing: two at once': [P_INT + Q_INT + H_PQ, P_LONG + Q_LONG, `struct p; struct q; ${H_PQ}`],
  'pairing: one after the other': [
    `${P_INT + Q_INT} struct x { struct q *q; }; struct h { struct p *p; struct x *x; };`,
    P_LONG + Q_LONG,
    'struct p; struct q; struct x { struct q *q; }; struct h { struct p *p; struct x *x; };',
  ],
  'pairing: only with what was kept': [
    P_INT + Q_INT + H_PQ,
    `${P_LONG + Q_LONG} struct h2 { struct p *p; };`,
    `struct p; ${Q_INT} ${H_PQ}`,
    `${P_LONG} struct q; ${H_PQ}`,
  ],
  'pairing: only with what was kept, and users of it': [
    `${P_INT + Q_INT + H_PQ} struct user { struct h *h; }; struct top { struct user u; };`,
    `${P_LONG + Q_LONG} struct h2 { struct p *p; };`,
    `struct p; ${Q_INT} ${H_PQ} struct user { struct h *h; }; struct top { struct user u; };`,
    `${P_LONG} struct q; ${H_PQ} struct user { struct h *h; }; struct top { struct user u; };`,
  ],
  'pairing: not when the rest differs deeper': ['int', 'long'].flatMap((type, i) => {
    const rest = `${chain(type, 3)} struct h { struct bus *b; struct t3 *x; };`;
    return i === 0 ? [BUS_INT + rest, BUS_LONG] : [`struct bus; ${rest}`];
  }),
  'pairing: mutual references': [P_INT + Q_INT, P_LONG + Q_LONG, 'struct p; struct q;'].map((pq, i) =>
    i === 1
      ? pq
      : `${pq} struct x; struct h { struct p *b; struct x *x; }; struct x { struct h *h; struct q *q; };`,
  ),
  'pairing: a definition that refers to itself': ['int', 'long', undefined].map((type) => {
    const node = type === undefined ? 'struct node;' : `struct node { struct node *next; ${type} a; };`;
    return `${node} struct list { struct node *head; };`;
  }),
  'pairing: decided elsewhere before': [
    'struct s { int a; }; struct w { struct s *s; };',
    'struct s { long a; }; struct h { struct s *s; };',
    'struct s; struct w { struct s *s; };',
    'struct s; struct h { struct s *s; }; struct user { struct h *h; };',
  ],
  'pairing: two families of files': ['a', 'b'].flatMap((family, i) => [
    `struct bus { ${i === 0 ? 'int' : 'long'} x; }; struct ${family}_parser { struct bus *bus; };`,
    `struct bus; struct ${family}_parser { struct bus *bus; }; struct ${family}_top { struct ${family}_parser p; };`,
  ]),

  'enum with two definitions': [
    'enum e { A, B }; struct u { enum e p; };',
    'enum e { A, C }; struct u { enum e p; };',
  ],
  'enum, forward and full': ['enum e; struct u { enum e *p; };', 'enum e { A, B }; struct u { enum e *p; };'],
  'enum, forward only': ['enum e; struct u { enum e *p; };', 'enum e; struct u { enum e *p; };'],
  'enum of 64 bits, full and forward': [
    'enum e { A = 1L << 40 }; struct u { enum e *p; };',
    'enum e; struct u { enum e *p; };',
  ],
};

describe.skipIf(
  needsTool('pahole', ...COMPILE_TOOLS) || needs(paholeGivesProfile124(), 'pahole is none of 1.24 to 1.27'),
)('as pahole', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await makeTempDir('ambiguity');
  });

  afterAll(async () => {
    await removeDir(folder);
  });

  it.each(Object.keys(PROGRAMS))('%s', async (name) => {
    const file = await compileUnits(join(folder, name.replaceAll(/\W/gu, '-')), PROGRAMS[name]);
    expectSameBytes(convertBytes(await readFile(file), 'pahole-1.24'), await paholeBtf(file));
  });
});

/** A unit with an `int`, a `long` and what `dies` makes of a prefix that keeps labels apart. */
function unitOf(prefix: string, ...dies: readonly Die[]): Unit {
  return unit([
    die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], `${prefix}int`),
    die('base_type', { name: 'long', byte_size: 8, encoding: ATE.signed }, [], `${prefix}long`),
    ...dies,
  ]);
}

function struct(name: string, label: string, member: string): Die {
  return die(
    'structure_type',
    { name, byte_size: 8 },
    [die('member', { name: 'm', type: ref(member), data_member_location: 0 })],
    label,
  );
}

function pointer(label: string, to: string): Die {
  return die('pointer_type', { type: ref(to), byte_size: 8 }, [], label);
}

function forward(name: string, label: string): Die {
  return die('structure_type', { name, declaration: true }, [], label);
}

const INTS = ['INT int: int of 4 bytes, 32 bits, signed', 'INT long: int of 8 bytes, 64 bits, signed'];

describe('definitions', () => {
  it('that differ are both there, each with its own users, in stream order', () => {
    const of = (prefix: string, type: string): Unit =>
      unitOf(
        prefix,
        struct('user', `${prefix}user`, `${prefix}p`),
        struct('leaf', `${prefix}leaf`, prefix + type),
        pointer(`${prefix}p`, `${prefix}leaf`),
      );
    const user = 'STRUCT user: struct of 8 bytes; m: at bit 0, *struct leaf';
    const leaf = (type: string): string => `STRUCT leaf: struct of 8 bytes; m: at bit 0, ${type}`;
    expect(convertedLines([of('a', 'int'), of('b', 'long'), of('c', 'int'), of('d', 'long')])).toEqual([
      ...INTS,
      user,
      leaf('int'),
      'PTR: *struct leaf',
      user,
      leaf('long'),
      'PTR: *struct leaf',
    ]);
  });

  it('leave what does not refer to them alone', () => {
    const of = (prefix: string, type: string): Unit =>
      unitOf(
        prefix,
        struct('leaf', `${prefix}leaf`, prefix + type),
        struct('other', `${prefix}o`, `${prefix}int`),
      );
    const lines = convertedLines([of('a', 'int'), of('b', 'long')]);
    expect(lines.filter((line) => line.startsWith('STRUCT other'))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith('STRUCT leaf'))).toHaveLength(2);
  });

  it('of one name as struct, union and enum are three things', () => {
    const all = unitOf(
      'a',
      struct('s', 's', 'aint'),
      die('union_type', { name: 's', byte_size: 0 }),
      die('enumeration_type', { name: 's', byte_size: 4 }, [
        die('enumerator', { name: 'E', const_value: 1 }),
      ]),
    );
    expect(convertedLines([all])).toHaveLength(5);
  });
});

describe('names that split because of each other, a long way up', () => {
  /** Each struct has a pointer to the next one; the last is of one type or the other. */
  function chainOf(prefix: string, length: number, type: string): Unit {
    const links = Array.from({ length }, (_, i) => [
      struct(`t${i}`, `${prefix}t${i}`, i + 1 < length ? `${prefix}p${i + 1}` : prefix + type),
      pointer(`${prefix}p${i}`, `${prefix}t${i}`),
    ]);
    return unitOf(prefix, ...links.flat());
  }

  it('are split at once: more of them than there are rounds', () => {
    const units = [chainOf('a', 1100, 'int'), chainOf('b', 1100, 'long'), chainOf('c', 1100, 'int')];
    const lines = convertedLines(units);
    expect(lines.filter((line) => line.startsWith('STRUCT'))).toHaveLength(2200);
  });

  it('leave a chain that is the same in both units alone', () => {
    const same = (prefix: string): Die[] => [
      struct('same', `${prefix}same`, `${prefix}sp`),
      pointer(`${prefix}sp`, `${prefix}other`),
      struct('other', `${prefix}other`, `${prefix}int`),
    ];
    const of = (prefix: string, type: string): Unit =>
      unit([...chainOf(prefix, 30, type).children, ...same(prefix)]);
    const lines = convertedLines([of('a', 'int'), of('b', 'long')]);
    expect(lines.filter((line) => line.startsWith('STRUCT same'))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith('STRUCT other'))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith('STRUCT t'))).toHaveLength(60);
  });

  it('are refused when they are declared as well and a large file would be read too often', () => {
    const length = 80;
    const declared = Array.from({ length }, (_, i) => forward(`t${i}`, `ft${i}`));
    const large = die('base_type', { name: 'x'.repeat(1 << 19), byte_size: 4, encoding: ATE.signed });
    const units = [chainOf('a', length, 'int'), chainOf('b', length, 'long'), unit(declared)];
    expect(convertedLines(units).filter((line) => line.startsWith('STRUCT'))).toHaveLength(2 * length);
    expect(formatErrorOf(() => convertedLines([...units, unit([large])]))).toMatchObject({
      code: 'dwarf-unsupported',
      message: expect.stringContaining('do not settle in 64 rounds'),
    });
  });
});

describe('forward declarations of an ambiguous name', () => {
  /** bus is `int` in a, `long` in b and only declared in c; `parser` of c is the one of a. */
  function units(parserInC: string): Unit[] {
    const full = (prefix: string, type: string, user: string): Unit =>
      unitOf(
        prefix,
        struct('bus', `${prefix}bus`, prefix + type),
        struct(user, `${prefix}user`, `${prefix}p`),
        pointer(`${prefix}p`, `${prefix}bus`),
      );
    return [
      full('a', 'int', 'parser'),
      full('b', 'long', 'device'),
      unitOf('c', forward('bus', 'cbus'), struct(parserInC, 'cuser', 'cp'), pointer('cp', 'cbus')),
    ];
  }

  it('mean the definition of the struct they are paired in', () => {
    const lines = convertedLines(units('parser'));
    expect(lines.filter((line) => line.includes('forward'))).toEqual([]);
    expect(lines.filter((line) => line.startsWith('STRUCT parser'))).toHaveLength(1);
    expect(lines).toHaveLength(8);
  });

  it('stay when nothing is there to pair them with', () => {
    const lines = convertedLines(units('lonely'));
    expect(lines).toContain('FWD bus: struct bus (forward)');
    expect(lines).toContain('STRUCT lonely: struct of 8 bytes; m: at bit 0, *struct bus (forward)');
  });
});

describe('comparisons of what forward declarations leave open', () => {
  /** Two units that agree in all but the last member of `count` structs s, which each lead through `width` types. */
  function wide(prefix: string, count: number, width: number, f: Die): Unit {
    const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
    const nth = (i: number, size: number): Die[] => [
      die(
        'array_type',
        { type: ref(`${prefix}int`) },
        [die('subrange_type', { upper_bound: size })],
        `${prefix}a${i}`,
      ),
      pointer(`${prefix}b${i}`, `${prefix}a${i}`),
      pointer(`${prefix}c${i}`, `${prefix}b${i}`),
      die('structure_type', { name: 's', byte_size: 16 }, [
        die('member', { name: 'w', type: ref(`${prefix}pw`), data_member_location: 0 }),
        die('member', { name: 'd', type: ref(`${prefix}c${i}`), data_member_location: 8 }),
      ]),
    ];
    return unitOf(
      prefix,
      f,
      pointer(`${prefix}pf`, `${prefix}f`),
      ...numbers(width).map((i) =>
        die(
          'structure_type',
          { byte_size: 8 * i + 8 },
          [die('member', { name: 'f', type: ref(`${prefix}pf`), data_member_location: 0 })],
          `${prefix}t${i}`,
        ),
      ),
      die(
        'structure_type',
        { byte_size: 8 * width },
        numbers(width).map((i) =>
          die('member', { name: 'm', type: ref(`${prefix}t${i}`), data_member_location: 8 * i }),
        ),
        `${prefix}w`,
      ),
      pointer(`${prefix}pw`, `${prefix}w`),
      ...numbers(count).flatMap((i) => nth(i, 2 * i + (prefix === 'a' ? 1 : 0))),
    );
  }

  it('have an end', () => {
    const f = die('structure_type', { name: 'f', byte_size: 8 }, [], 'af');
    const other = unitOf('c', die('structure_type', { name: 'f', byte_size: 16 }, [], 'cf'));
    const units = (count: number): Unit[] => [
      wide('a', count, 2000, f),
      wide('b', count, 2000, forward('f', 'bf')),
      other,
    ];
    expect(convertedLines(units(5)).filter((line) => line.startsWith('STRUCT s:'))).toHaveLength(10);
    expect(formatErrorOf(() => convertedLines(units(300)))).toMatchObject({
      code: 'dwarf-unsupported',
      message: expect.stringContaining('too many comparisons'),
    });
  });
});

describe('enums that are only declared', () => {
  it('mean the first full one of an ambiguous name', () => {
    const full = (...names: string[]): Die =>
      die(
        'enumeration_type',
        { name: 'e', byte_size: 4 },
        names.map((name) => die('enumerator', { name, const_value: 1 })),
      );
    const declared = die('enumeration_type', { name: 'e', declaration: true }, [], 'e');
    const lines = convertedLines([unit([declared, pointer('p', 'e')]), unit([full('A')]), unit([full('B')])]);
    expect(lines).toEqual([
      'PTR: *enum e',
      'ENUM e: unsigned enum of 4 bytes; A = 1',
      'ENUM e: unsigned enum of 4 bytes; B = 1',
    ]);
  });
});
