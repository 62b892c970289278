/** Sorting by place in the stream, without a comparison function: a kernel has 150 000 things to put in order. */

const DIGIT_BITS = 16;
const DIGITS = 1 << DIGIT_BITS;
const DIGIT_MASK = DIGITS - 1;
const HIGH_HALF = 0x1_0000_0000;

/**
 * The indexes 0 to count - 1 in ascending order of their keys; equal keys keep their order.
 * @param keys whole numbers from 0 to 2^53
 */
export function orderByKey(keys: Float64Array, count: number): Uint32Array {
  let order = new Uint32Array(count);
  let spare = new Uint32Array(count);
  const low = new Uint32Array(count);
  const high = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    order[i] = i;
    high[i] = Math.floor(keys[i] / HIGH_HALF);
    low[i] = keys[i] % HIGH_HALF;
  }
  // Radix sort from the lowest digit on: every pass keeps the order of the one before among equal digits.
  const starts = new Uint32Array(DIGITS);
  for (const half of [low, high]) {
    for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
      if (!countDigits(half, shift, starts)) continue;
      for (let i = 0; i < count; i++) {
        const index = order[i];
        const digit = (half[index] >>> shift) & DIGIT_MASK;
        spare[starts[digit]++] = index;
      }
      [order, spare] = [spare, order];
    }
  }
  return order;
}

/** Where each digit's run starts; false when all digits are the same. */
function countDigits(values: Uint32Array, shift: number, starts: Uint32Array): boolean {
  starts.fill(0);
  for (let i = 0; i < values.length; i++) {
    const digit = (values[i] >>> shift) & DIGIT_MASK;
    starts[digit] = starts[digit] + 1;
  }
  let at = 0;
  for (let digit = 0; digit < DIGITS; digit++) {
    const run = starts[digit];
    if (run === values.length) return false;
    starts[digit] = at;
    at += run;
  }
  return true;
}
