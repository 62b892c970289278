/** What no honest kernel package exceeds. Beyond these, the input is damaged or hostile. */

const KIB = 1024;
const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/** Debian's vmlinux files have 0.3 to 0.7 GB; section offsets above 4 GiB would not fit ELF readers' buffers either. */
export const MAX_VMLINUX_BYTES = 4 * GIB;

/** A whole debug package unpacks to 2 GB (cloud) … 8 GB (full kernel, all modules); a decompression bomb to anything. */
export const MAX_UNPACKED_BYTES = 64 * GIB;

/** dpkg writes three ar members; signing tools add a few whose names begin with `_`. */
export const MAX_AR_MEMBERS = 16;

/** `debian-binary` is `2.0` and a newline; deb(5) allows more lines, which nobody writes. */
export const MAX_VERSION_MEMBER_BYTES = 256;

/** `xz -9` needs 65 MiB to decode, and about 70 MiB per thread in blocks of 24 MiB; xz refuses or uses fewer threads. */
export const XZ_MEMORY_LIMIT = '1GiB';

/**
 * How much of the archive is still read once vmlinux is out. A decompressor checks a block when the block ends, and
 * xz writes blocks of 24 MiB at its default level: reading on by more than that proves the last bytes of vmlinux too.
 * (rpm's one-threaded xz makes a single block; what was read of that, the package's digest alone vouches for.)
 */
export const READ_ON_BYTES = 32 * MIB;

/** A kernel's debug package has some thousand files; even that of its sources has no more than 80,000. */
export const MAX_PACKAGE_FILES = 250_000;

/** Linux's PATH_MAX, its NUL included: rpm could not install what has a longer name. */
export const MAX_NAME_BYTES = 4096;

/** Names that wait for the content they share; rpm writes a set's links one after the other. */
export const MAX_OPEN_LINKS = 10_000;

/** What rpm itself (lib/header.cc) accepts of a package's two headers: entries of the index, and bytes of data. */
export const SIGNATURE_HEADER_LIMITS = { entries: 32, dataBytes: 64 * MIB } as const;
export const MAIN_HEADER_LIMITS = { entries: 64 * KIB - 1, dataBytes: 256 * MIB - 1 } as const;
