import { describe, expect, it } from 'vitest';
import { cDeclaration, cDefinition } from './c-text.ts';
import { decodeBtf } from './decode.ts';
import { describeLines, typeExpression } from './describe.ts';
import { BtfBuilder } from './encode.ts';
import { forEachReference } from './references.ts';
import { sizeOfType } from './type-size.ts';
import type { Btf } from './view.ts';

function build(fill: (b: BtfBuilder) => number): { btf: Btf; id: number } {
  const builder = new BtfBuilder();
  const id = fill(builder);
  return { btf: decodeBtf(builder.build()), id };
}

describe('declarations', () => {
  const cases: [string, (b: BtfBuilder, int: number) => number][] = [
    ['int x', (_b, int) => int],
    ['int *x', (b, int) => b.addPtr(int)],
    ['const int *x', (b, int) => b.addPtr(b.addConst(int))],
    ['int *const x', (b, int) => b.addConst(b.addPtr(int))],
    ['int *const volatile *x', (b, int) => b.addPtr(b.addConst(b.addVolatile(b.addPtr(int))))],
    ['int *restrict x', (b, int) => b.addRestrict(b.addPtr(int))],
    ['int x[3][4]', (b, int) => b.addArray(b.addArray(int, int, 4), int, 3)],
    ['int (*x)[4]', (b, int) => b.addPtr(b.addArray(int, int, 4))],
    ['int *x[4]', (b, int) => b.addArray(b.addPtr(int), int, 4)],
    ['int (*x)(void)', (b, int) => b.addPtr(b.addFuncProto(int, []))],
    [
      'void (*(*x)(int n, ...))(struct s *)',
      (b, int) => {
        const s = b.addPtr(b.addFwd('s', 'struct'));
        const inner = b.addPtr(b.addFuncProto(0, [{ name: '', type: s }]));
        return b.addPtr(
          b.addFuncProto(inner, [
            { name: 'n', type: int },
            { name: '', type: 0 },
          ]),
        );
      },
    ],
    [
      'int (*x[2])(int)',
      (b, int) => b.addArray(b.addPtr(b.addFuncProto(int, [{ name: '', type: int }])), int, 2),
    ],
    ['void *x', (b) => b.addPtr(0)],
    ['int __attribute__((btf_type_tag("user"))) *x', (b, int) => b.addPtr(b.addTypeTag('user', int))],
    [
      'int __attribute__((address_space(1))) *x',
      (b, int) => b.addPtr(b.addTypeTag('address_space(1)', int, true)),
    ],
    [
      'struct { int a; /* 0 4 */ } x',
      (b, int) => b.addStruct('', 4, [{ name: 'a', type: int, bitOffset: 0 }]),
    ],
    ['enum e x', (b) => b.addEnum('e', 4, [])],
    ['union u x', (b) => b.addFwd('u', 'union')],
  ];

  it.each(cases)('%s', (expected, fill) => {
    const { btf, id } = build((b) => fill(b, b.addInt('int', 4, 1)));
    const text = cDeclaration(btf, id, 'x').replaceAll(/\s+/gu, ' ');
    const attribute = /^(\w+) (__attribute__.*) \*x$/u.exec(expected);
    // Attributes of the pointee may stand on either side of it.
    if (attribute === null) expect(text).toBe(expected);
    else expect(text).toBe(`${attribute[2]} ${attribute[1]} *x`);
  });

  it('ends for types that have no end', () => {
    const ring = build((b) => {
      b.addPtr(2);
      return b.addPtr(1);
    });
    expect(cDeclaration(ring.btf, ring.id, 'x')).toContain('…');
    const self = build((b) => {
      b.addStruct('', 8, [
        { name: 'a', type: 1, bitOffset: 0 },
        { name: 'b', type: 1, bitOffset: 0 },
      ]);
      return 1;
    });
    const lines = cDefinition(self.btf, self.id);
    expect(lines.length).toBeGreaterThan(1000);
    expect(lines.length).toBeLessThan(50_000);
    const proto = build((b) => {
      b.addPtr(2);
      return b.addFuncProto(1, [
        { name: 'a', type: 1 },
        { name: 'b', type: 1 },
      ]);
    });
    expect(cDeclaration(proto.btf, proto.id, 'f').length).toBeLessThan(1_000_000);
  });
});

describe('definitions', () => {
  it('of a struct: offsets, holes, bitfields, an anonymous union, padding, tags', () => {
    const { btf, id } = build((b) => {
      const int = b.addInt('int', 4, 1);
      const char = b.addInt('char', 1, 1);
      const long = b.addInt('long unsigned int', 8);
      const union = b.addUnion('', 8, [
        { name: 'number', type: long, bitOffset: 0 },
        { name: 'text', type: b.nextId + 1, bitOffset: 0 },
      ]);
      b.addArray(char, int, 8);
      const struct = b.addStruct('s', 40, [
        { name: 'c', type: char, bitOffset: 0 },
        { name: 'i', type: int, bitOffset: 32 },
        { name: 'f', type: int, bitOffset: 64, bitSize: 3 },
        { name: 'g', type: int, bitOffset: 69, bitSize: 4 },
        { name: '', type: union, bitOffset: 128 },
        { name: 'next', type: b.nextId + 1, bitOffset: 192 },
      ]);
      b.addPtr(struct);
      b.addDeclTag('kptr', struct, 5);
      return struct;
    });
    expect(cDefinition(btf, id)).toEqual([
      'struct s {',
      '    char c;                       /*     0        1 */',
      '    /* hole of 3 bytes */',
      '    int i;                        /*     4        4 */',
      '    int f:3;                      /*     8: 0     4 */',
      '    /* hole of 2 bits */',
      '    int g:4;                      /*     8: 5     4 */',
      '    /* hole of 55 bits */',
      '    union {',
      '        long unsigned int number; /*    16        8 */',
      '        char text[8];             /*    16        8 */',
      '    };                            /*    16        8 */',
      '    struct s *next;               /*    24        8 */',
      '    /* padding of 8 bytes */',
      '',
      '    /* size: 40, members: 6, holes: 3, tag: kptr on next */',
      '};',
    ]);
  });

  it('of packed structs and small enums', () => {
    const packed = build((b) => {
      const int = b.addInt('int', 4, 1);
      const char = b.addInt('char', 1, 1);
      return b.addStruct('p', 5, [
        { name: 'c', type: char, bitOffset: 0 },
        { name: 'i', type: int, bitOffset: 8 },
      ]);
    });
    expect(cDefinition(packed.btf, packed.id).at(-1)).toBe('} __attribute__((packed));');
    const small = build((b) => b.addEnum('e', 1, [{ name: 'A', value: -1 }], true));
    expect(cDefinition(small.btf, small.id)).toEqual([
      'enum e {',
      '    A = -1,',
      '} __attribute__((packed)); /* size: 1 */',
    ]);
    const wide = build((b) => b.addEnum64('w', 8, [{ name: 'A', value: 2n ** 40n }]));
    expect(cDefinition(wide.btf, wide.id)[1]).toBe('    A = 1099511627776ULL,');
  });

  it('of everything else', () => {
    const { btf } = build((b) => {
      const int = b.addInt('int', 4, 1);
      b.addFloat('double', 8);
      b.addTypedef('callback', b.addPtr(b.addFuncProto(int, [{ name: 'n', type: int }])));
      const func = b.addFunc('start', 3);
      const variable = b.addVar('counter', int);
      b.addDatasec('.data..percpu', 16, [{ variable, offset: 8, size: 4 }]);
      b.addFwd('opaque', 'union');
      b.addDeclTag('bpf_kfunc', func);
      return b.addTypedef('anonymous', b.addStruct('', 4, [{ name: 'a', type: int, bitOffset: 0 }]));
    });
    const all = [];
    for (let id = 1; id < btf.typeCount; id++) all.push(cDefinition(btf, id).join('\n'));
    expect(all).toEqual([
      '/* int: signed integer, 4 bytes */',
      '/* double: floating point, 8 bytes */',
      'int (int n);',
      'int (*)(int n);',
      'typedef int (*callback)(int n);',
      'int start(int n); /* tag: bpf_kfunc */',
      'int counter;',
      '/* section .data..percpu: 16 bytes, 1 variable */\n/*       8      4 */ int counter;',
      'union opaque;',
      '/* tag "bpf_kfunc" on FUNC start */',
      'struct {\n    int a; /*     0        4 */\n\n    /* size: 4, members: 1 */\n};',
      'typedef struct {\n    int a; /*     0        4 */\n\n    /* size: 4, members: 1 */\n} anonymous;',
    ]);
  });

  it('of a section whose entries are no variables', () => {
    const { btf, id } = build((b) => {
      const struct = b.addStruct('s', 0xffff_ffff, []);
      return b.addDatasec('.data', 8, [{ variable: struct, offset: 0, size: 4 }]);
    });
    expect(cDefinition(btf, id)[1]).toBe('/*       0      4 */ /* STRUCT s */;');
  });
});

describe('an id that no type has', () => {
  const btf = decodeBtf(new BtfBuilder().build());
  const functions: readonly [string, (id: number) => unknown][] = [
    ['cDeclaration', (id) => cDeclaration(btf, id)],
    ['cDefinition', (id) => cDefinition(btf, id)],
    ['typeExpression', (id) => typeExpression(btf, id)],
    ['describeLines', (id) => describeLines(btf, id)],
    ['sizeOfType', (id) => sizeOfType(btf, id, 8)],
    ['forEachReference', (id) => forEachReference(btf, id, () => {})],
  ];

  it.each(functions)('is a RangeError in %s', (_, use) => {
    for (const id of [1, 99, -1, 0.5, Number.NaN]) expect(() => use(id)).toThrow(RangeError);
    expect(() => use(0)).not.toThrow();
  });
});
