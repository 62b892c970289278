import { describe, expect, test } from 'vitest';
import { BTF_KIND } from '../btf/constants.ts';
import { TypePool } from '../btf/type-pool.ts';
import { prototypesMatch } from './prototypes.ts';

/** Each level is `level (*)(level)`: every level names the one below twice. */
function tower(pool: TypePool, bottom: number, levels: number): number {
  let type = bottom;
  let proto = 0;
  for (let i = 0; i < levels; i++) {
    proto = pool.list(BTF_KIND.FUNC_PROTO, type, 0, Int32Array.of(0, 0, type), 0, 1);
    type = pool.reference(BTF_KIND.PTR, proto);
  }
  return proto;
}

describe('prototypesMatch', () => {
  test('has an end where prototypes of prototypes double with each level', () => {
    const pool = new TypePool();
    const int = pool.scalar(BTF_KIND.INT, 1, (4 << 8) | 1);
    const plain = tower(pool, int, 200);
    const constant = tower(pool, pool.reference(BTF_KIND.CONST, int), 200);
    const other = tower(pool, pool.scalar(BTF_KIND.INT, 2, (8 << 8) | 1), 200);
    expect(prototypesMatch(pool, plain, constant, 'result-and-parameters')).toBe(true);
    expect(prototypesMatch(pool, plain, other, 'result-and-parameters')).toBe(false);
  });
});
