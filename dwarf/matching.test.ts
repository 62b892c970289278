import { describe, expect, it } from 'vitest';
import { ATE, type Die, die, form, ref, type Unit, unit } from '../test/builders/dwarf-writer.ts';
import { convertUnits, typeLines } from '../test/support/conversion.ts';

/** A unit with `int`, from which on units are compared with what is known, and what `dies` adds. */
function unitOf(...dies: readonly Die[]): Unit {
  return unit([die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int'), ...dies]);
}

const IDLE = form('strp', 'IDLE');
const zero = form('data1', 0);

function enumeration(enumerator: Die): Die {
  return die('enumeration_type', { name: form('strp', 'state'), byte_size: 4 }, [enumerator]);
}

function struct(member: Die): Die {
  return die('structure_type', { name: form('strp', 's'), byte_size: 4 }, [member]);
}

function lines(first: Die, second: Die, kind: string): string[] {
  const relabelled = unit([
    die('base_type', { name: 'int', byte_size: 4, encoding: ATE.signed }, [], 'int2'),
    second,
  ]);
  return typeLines(convertUnits([unitOf(first), relabelled])).filter((line) => line.startsWith(kind));
}

describe('a type that has a name which is known', () => {
  it('is the known one when it says the same', () => {
    const enumerator = die('enumerator', { name: IDLE, const_value: zero });
    expect(lines(enumeration(enumerator), enumeration(enumerator), 'ENUM')).toHaveLength(1);
  });

  it('is another one when its enumerator has no name, whatever stands in the place of a name', () => {
    const named = die('enumerator', { name: IDLE, const_value: zero });
    const nameless = die('enumerator', { decl_line: IDLE, const_value: zero });
    expect(lines(enumeration(named), enumeration(nameless), 'ENUM')).toHaveLength(2);
  });

  it('is another one when its member has no name, whatever stands in the place of a name', () => {
    const rest = { data_member_location: zero };
    const named = die('member', { name: IDLE, type: ref('int'), ...rest });
    const nameless = die('member', { decl_line: IDLE, type: ref('int2'), ...rest });
    expect(lines(struct(named), struct(nameless), 'STRUCT')).toHaveLength(2);
  });
});
