/**
 * Hashes for tables whose keys come from a file. Whoever knows a hash function can make a file whose keys all have one
 * hash, and filling a table with them takes the square of their number; so the function depends on two numbers that a
 * program which reads files of strangers draws anew each time it runs. Nothing that is computed with the tables does.
 */

// Without a seed: two odd numbers with bits all over (the golden ratio's, and one of MurmurHash3).
let firstFactor = 0x9e3779b1 | 0;
let secondFactor = 0x85ebca6b | 0;

/**
 * Makes the hashes of all tables that are made from now on depend on two words that no file can know.
 * @param words two random ints of 32 bits
 */
export function seedHashes([first, second]: Int32Array): void {
  // Even factors would lose bits.
  firstFactor = first | 1;
  secondFactor = second | 1;
}

/** What the hashes of one table are made with. */
export interface HashKey {
  readonly first: number;
  readonly second: number;
}

/** The key of a new table. */
export function hashKey(): HashKey {
  return { first: firstFactor, second: secondFactor };
}

/**
 * Hash of some words and one more. Of two factors because the highest bit of what goes into a single one comes out as
 * the highest bit whatever the factor is, and the next word could take it back.
 */
export function addWord(hash: number, word: number, first: number, second: number): number {
  const h = Math.imul(hash ^ word, first);
  return Math.imul(h ^ (h >>> 15), second);
}

/** Hash of some bytes and one more. */
export function addByte(hash: number, byte: number, first: number): number {
  return Math.imul(hash, first) ^ byte;
}

/** A hash made by {@link addWord}, for tables that look at its low bits. */
export function finishWords(hash: number): number {
  return hash ^ (hash >>> 16);
}

/** The same for {@link addByte}. */
export function finishBytes(hash: number, second: number): number {
  const h = Math.imul(hash ^ (hash >>> 15), second);
  return h ^ (h >>> 16);
}
