/** Damage that knows the format: what to put where, chosen at random. */

import { FORM, TAG, AT } from '../builders/dwarf-names.ts';
import type { FuzzInput, Site, SiteKind, Splice, Stretch } from './input.ts';
import type { Random } from './random.ts';

/** Most splices of one input; more only hide each other. */
const MAX_SPLICES = 4;

/** Longest stretch that is copied or made up: larger ones only cost time. */
const MAX_STRETCH_BYTES = 4096;

/**
 * Damage to one input.
 * @param other where bytes for splicing and crossing over come from
 */
export function mutate(input: FuzzInput, other: FuzzInput, random: Random): Splice[] {
  const splices: Splice[] = [];
  // Half of all inputs get one splice, a quarter two: one fault is seen for itself, several can add up.
  do splices.push(...oneMutation(input, other, random));
  while (splices.length < MAX_SPLICES && random.oneIn(2));
  return splices;
}

function oneMutation(input: FuzzInput, other: FuzzInput, random: Random): Splice[] {
  const dice = random.below(20);
  if (dice < 12 && input.sites.length > 0) return [damageSite(input, random)];
  if (dice < 16 && input.stretches.length > 0) return damageStretch(input, other, random);
  if (dice < 18) return [damageBytes(input, random)];
  if (dice < 19) return [truncate(input, random)];
  return crossOver(input, other, random);
}

/** Kinds first, then one of the kind: there are a thousand references for every form. */
function damageSite(input: FuzzInput, random: Random): Splice {
  const kinds = sitesByKind(input);
  const site = random.pick(random.pick(kinds));
  return { part: site.part, at: site.at, remove: site.size, insert: replacement(input, site, random) };
}

const known = new WeakMap<FuzzInput, readonly (readonly Site[])[]>();

function sitesByKind(input: FuzzInput): readonly (readonly Site[])[] {
  let groups = known.get(input);
  if (groups === undefined) {
    const byKind = new Map<SiteKind, Site[]>();
    for (const site of input.sites) {
      const group = byKind.get(site.kind);
      if (group === undefined) byKind.set(site.kind, [site]);
      else group.push(site);
    }
    groups = [...byKind.values()];
    known.set(input, groups);
  }
  return groups;
}

const TAGS = Object.values(TAG);
const ATTRIBUTES = Object.values(AT);
const FORMS = Object.values(FORM);

/** Where arithmetic goes wrong: the ends of the ranges of 8, 16, 31, 32 and 64 bits, signed and unsigned. */
const EXTREMES: readonly bigint[] = [
  0n,
  1n,
  2n,
  0x7fn,
  0x80n,
  0xffn,
  0x100n,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x1_0000n,
  0xff_ffffn,
  0x100_0000n,
  0x7fff_fff0n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_fff0n,
  0xffff_fffen,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x1f_ffff_ffff_ffffn,
  0x20_0000_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
];

function replacement(input: FuzzInput, site: Site, random: Random): Uint8Array {
  const old = input.parts[site.part].bytes.subarray(site.at, site.at + site.size);
  if (random.oneIn(8)) return flipped(old, random);
  switch (site.kind) {
    case 'tag':
      return uleb(BigInt(random.pick(TAGS)));
    case 'attribute':
      return uleb(BigInt(random.pick(ATTRIBUTES)));
    case 'form':
      return uleb(BigInt(random.pick(FORMS)));
    case 'uleb':
      return random.oneIn(4) ? overlongLeb(random) : uleb(random.pick(EXTREMES));
    case 'abbreviation':
      return random.oneIn(4) ? uleb(random.pick(EXTREMES)) : uleb(BigInt(random.below(40)));
    case 'reference':
      return fixed(input, site, random.oneIn(3) ? near(input, site, random) : target(input, random));
    case 'string': {
      // A string of this very site's kind, so that names clash, or anything.
      const same = random.pick(sitesByKind(input).find(([first]) => first.kind === 'string') ?? [site]);
      const from = input.parts[same.part].bytes.subarray(same.at, same.at + same.size);
      return random.oneIn(3) || from.length !== site.size
        ? fixed(input, site, near(input, site, random))
        : Uint8Array.from(from);
    }
    case 'flag':
      return Uint8Array.of(random.pick([0, 1, 2, 0xff]));
    case 'info':
      return random.oneIn(2) ? fixed(input, site, BigInt(random.below(8))) : random.bytes(site.size);
    case 'data':
      return random.oneIn(2) ? random.bytes(site.size) : fixed(input, site, random.pick(EXTREMES));
    default:
      return fixed(input, site, near(input, site, random));
  }
}

function target(input: FuzzInput, random: Random): bigint {
  const value = input.targets.length === 0 ? 0 : random.pick(input.targets);
  return BigInt(value + (random.oneIn(4) ? random.below(5) - 2 : 0));
}

/** An extreme, the old value a little changed, or the length of some part. */
function near(input: FuzzInput, site: Site, random: Random): bigint {
  switch (random.below(4)) {
    case 0:
      return random.pick(EXTREMES);
    case 1:
      return BigInt(random.pick(input.parts).bytes.length + random.below(3) - 1);
    default: {
      const bytes = input.parts[site.part].bytes.subarray(site.at, site.at + Math.min(site.size, 8));
      const size = bytes.length;
      let value = 0n;
      for (let i = 0; i < size; i++)
        value = (value << 8n) | BigInt(bytes[input.littleEndian ? size - 1 - i : i]);
      const step = BigInt(random.pick([1, 1, 2, 4, 8, 16, 256]));
      return random.oneIn(2) ? value + step : value - step;
    }
  }
}

function fixed(input: FuzzInput, { size }: Site, value: bigint): Uint8Array {
  const bytes = new Uint8Array(size);
  let rest = BigInt.asUintN(64, value);
  for (let i = 0; i < Math.min(size, 8); i++) {
    bytes[input.littleEndian ? i : size - 1 - i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

function uleb(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

/** More bytes than a number needs, or than any reader should take; maybe without an end. */
function overlongLeb(random: Random): Uint8Array {
  const bytes = new Uint8Array(random.pick([2, 5, 10, 11, 20, 300])).fill(random.pick([0x80, 0xff]));
  if (!random.oneIn(3)) bytes[bytes.length - 1] = random.pick([0, 1, 0x7f]);
  return bytes;
}

function flipped(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = Uint8Array.from(bytes);
  if (copy.length > 0) copy[random.below(copy.length)] ^= 1 << random.below(8);
  return copy;
}

/** Units, DIEs, abbreviations and records left out, doubled, exchanged, or taken from elsewhere. */
function damageStretch(input: FuzzInput, other: FuzzInput, random: Random): Splice[] {
  const one = random.pick(input.stretches);
  const bytes = bytesOf(input, one);
  const replaceBy = (insert: Uint8Array): Splice => ({
    part: one.part,
    at: one.start,
    remove: one.end - one.start,
    insert,
  });
  switch (random.below(5)) {
    case 0:
      return [replaceBy(new Uint8Array(0))];
    case 1: {
      // Thousands of copies of a small thing, too: what is quadratic shows.
      const times = random.oneIn(20) ? Math.floor(65_536 / (bytes.length + 1)) : random.pick([2, 3, 10]);
      return bytes.length > MAX_STRETCH_BYTES ? [] : [replaceBy(repeated(bytes, times))];
    }
    case 2: {
      const two = random.pick(input.stretches);
      const overlap = one.part === two.part && one.start < two.end && two.start < one.end;
      if (overlap) return [];
      return [
        replaceBy(bytesOf(input, two)),
        { part: two.part, at: two.start, remove: two.end - two.start, insert: bytes },
      ];
    }
    case 3:
      return [replaceBy(bytesOf(input, random.pick(input.stretches)))];
    default: {
      if (other.stretches.length === 0) return [];
      const from = random.pick(other.stretches);
      return [
        {
          part: one.part,
          at: one.start,
          remove: random.oneIn(2) ? one.end - one.start : 0,
          insert: bytesOf(other, from),
        },
      ];
    }
  }
}

function bytesOf(input: FuzzInput, { part, start, end }: Stretch): Uint8Array {
  return input.parts[part].bytes.slice(start, end);
}

function repeated(bytes: Uint8Array, times: number): Uint8Array {
  const whole = new Uint8Array(bytes.length * times);
  for (let i = 0; i < times; i++) whole.set(bytes, i * bytes.length);
  return whole;
}

function damageBytes(input: FuzzInput, random: Random): Splice {
  const part = random.below(input.parts.length);
  const { bytes } = input.parts[part];
  const at = random.below(bytes.length);
  if (random.oneIn(2)) return { part, at, remove: 1, insert: flipped(bytes.subarray(at, at + 1), random) };
  const remove = Math.min(random.below(9), bytes.length - at);
  const insert = random.oneIn(3)
    ? new Uint8Array(random.below(9)).fill(random.pick([0, 0xff]))
    : random.bytes(random.below(9));
  return { part, at, remove, insert };
}

function truncate(input: FuzzInput, random: Random): Splice {
  const part = random.below(input.parts.length);
  const { length } = input.parts[part].bytes;
  const at = random.below(length);
  return { part, at, remove: length - at, insert: new Uint8Array(0) };
}

/** A whole section of another file, e.g. its abbreviations under our DIEs. */
function crossOver(input: FuzzInput, other: FuzzInput, random: Random): Splice[] {
  const shared = input.parts.flatMap(({ name, isHeader }, part) => {
    const from = isHeader ? undefined : other.parts.find((candidate) => candidate.name === name);
    return from === undefined ? [] : [{ part, from: from.bytes }];
  });
  if (shared.length === 0) return [];
  const { part, from } = random.pick(shared);
  return [{ part, at: 0, remove: input.parts[part].bytes.length, insert: from }];
}
