/** Random numbers that a seed repeats: what a fuzzer did can be done again. */

/** sfc32 (Chris Doty-Humphrey, PractRand): small, fast, and good enough to choose damage with. */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  /** Every (seed, stream) gives a sequence of its own; both are taken modulo 2^32. */
  constructor(seed: number, stream = 0) {
    this.a = seed >>> 0;
    this.b = stream >>> 0;
    this.c = Math.floor(stream / 0x1_0000_0000) >>> 0;
    for (let i = 0; i < 15; i++) this.u32();
  }

  u32(): number {
    const value = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + value;
    return value >>> 0;
  }

  /** 0 .. limit - 1; 0 when the limit is 0. */
  below(limit: number): number {
    return Math.floor((this.u32() / 0x1_0000_0000) * limit);
  }

  /** True once in `n` times on average. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  /** `list` must not be empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.u32() & 0xff);
  }
}
