/** Growing byte buffer in one byte order, for the builders. */

export interface ByteWriter {
  /** Bytes written so far. */
  readonly length: number;
  u8(value: number): void;
  u16(value: number): void;
  u32(value: number): void;
  u64(value: number | bigint): void;
  /** Unsigned integer of 1, 2, 3, 4 or 8 bytes; higher bits are dropped. */
  uint(value: number | bigint, sizeBytes: number): void;
  uleb(value: number | bigint, padToBytes?: number): void;
  sleb(value: number | bigint): void;
  /** Text (UTF-8) and its terminating NUL. */
  cstring(text: string): void;
  bytes(data: Uint8Array): void;
  /** Zero bytes up to the next multiple. */
  align(multiple: number): void;
  /** Overwrites what was written before. */
  patch(offset: number, value: number | bigint, sizeBytes: number): void;
  toBytes(): Uint8Array;
}

/** @param littleEndian byte order of every multi-byte value */
export function byteWriter(littleEndian = true): ByteWriter {
  const out: number[] = [];

  function uint(value: number | bigint, sizeBytes: number): void {
    const at = out.length;
    for (let i = 0; i < sizeBytes; i++) out.push(0);
    patch(at, value, sizeBytes);
  }

  function patch(offset: number, value: number | bigint, sizeBytes: number): void {
    let rest = BigInt.asUintN(sizeBytes * 8, BigInt(value));
    for (let i = 0; i < sizeBytes; i++) {
      out[littleEndian ? offset + i : offset + sizeBytes - 1 - i] = Number(rest & 0xffn);
      rest >>= 8n;
    }
  }

  function uleb(value: number | bigint, padToBytes = 1): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    for (let i = 1; ; i++) {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      const isLast = rest === 0n && i >= padToBytes;
      out.push(isLast ? low : low | 0x80);
      if (isLast) return;
    }
  }

  function sleb(value: number | bigint): void {
    let rest = BigInt.asIntN(64, BigInt(value));
    for (;;) {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      const isLast = (rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0);
      out.push(isLast ? low : low | 0x80);
      if (isLast) return;
    }
  }

  function bytes(data: Uint8Array): void {
    for (const byte of data) out.push(byte);
  }

  return {
    get length() {
      return out.length;
    },
    u8: (value) => uint(value, 1),
    u16: (value) => uint(value, 2),
    u32: (value) => uint(value, 4),
    u64: (value) => uint(value, 8),
    uint,
    uleb,
    sleb,
    cstring(text) {
      bytes(new TextEncoder().encode(text));
      out.push(0);
    },
    bytes,
    align(multiple) {
      const gap = multiple > 1 ? (multiple - (out.length % multiple)) % multiple : 0;
      bytes(new Uint8Array(gap));
    },
    patch,
    toBytes: () => Uint8Array.from(out),
  };
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
