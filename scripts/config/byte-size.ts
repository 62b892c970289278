/** Numbers of bytes as people write them: `20 GB`, `512 MiB`. */

const FACTORS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

export const BYTE_SIZE = /^(\d{1,12}(?:\.\d{1,6})?) ?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$/u;

/** Whole bytes, or undefined for what is neither a number of bytes nor a size with its unit. */
export function parseByteSize(size: string | number): number | undefined {
  if (typeof size === 'number') return size;
  if (/^\d{1,15}$/u.test(size)) return Number(size);
  const [, amount, unit] = BYTE_SIZE.exec(size) ?? [];
  return unit === undefined ? undefined : Math.floor(Number(amount) * FACTORS[unit]);
}
