/** What no honest kernel package exceeds. Beyond these, the input is damaged or hostile. */

const GIB = 1024 ** 3;

/** Debian's vmlinux files have 0.3 to 0.7 GB; section offsets above 4 GiB would not fit ELF readers' buffers either. */
export const MAX_VMLINUX_BYTES = 4 * GIB;

/** A whole debug package unpacks to 2 GB (cloud) … 8 GB (full kernel, all modules); a decompression bomb to anything. */
export const MAX_TAR_BYTES = 64 * GIB;

/** dpkg writes three ar members; signing tools add a few whose names begin with `_`. */
export const MAX_AR_MEMBERS = 16;

/** `debian-binary` is `2.0` and a newline; deb(5) allows more lines, which nobody writes. */
export const MAX_VERSION_MEMBER_BYTES = 256;

/** `xz -9` needs 65 MiB to decode, and about 70 MiB per thread in blocks of 24 MiB; xz refuses or uses fewer threads. */
export const XZ_MEMORY_LIMIT = '1GiB';

/**
 * How much of the tar is still read once vmlinux is out. A decompressor checks a block when the block ends, and xz
 * writes blocks of 24 MiB at its default level: reading on by more than that proves the last bytes of vmlinux too.
 */
export const READ_ON_BYTES = 32 * 1024 * 1024;
