/** The programs that btfmill and its tests call, and what each is good for. scripts/setup.sh installs the same ones. */

/**
 * How much hangs on a program: no crawl without a `required` one; a crawl does with less when an `optional` one is
 * missing; `build` compiles better-sqlite3 during set-up; `test` is for `npm test` only.
 */
export type ToolNeed = 'required' | 'optional' | 'build' | 'test';

export interface ToolInfo {
  readonly command: string;
  readonly need: ToolNeed;
  readonly versionArguments: readonly string[];
  readonly neededFor: string;
  /** What still works, and what does not, when the program is missing. */
  readonly withoutIt: string;
}

const VERSION = ['--version'];

export const TOOLS: readonly ToolInfo[] = [
  {
    command: 'xz',
    need: 'required',
    versionArguments: VERSION,
    neededFor: 'reading indexes and packages, writing and checking archive files',
    withoutIt: 'no crawl and no verify; convert works',
  },
  {
    command: 'gpgv',
    need: 'required',
    versionArguments: VERSION,
    neededFor: "checking the signatures of a distribution's indexes",
    withoutIt: 'no crawl; convert, verify and status work',
  },
  {
    command: 'flock',
    need: 'required',
    versionArguments: VERSION,
    neededFor: 'keeping a second crawl away from the same archive, record and cache',
    withoutIt: 'no crawl; convert, verify and status work',
  },
  {
    command: 'zstd',
    need: 'optional',
    versionArguments: VERSION,
    neededFor: 'packages, indexes and on Node 20 debug sections that are compressed with zstd',
    withoutIt: 'such files fail: the indexes of current Fedora among them; Debian itself uses xz and zlib',
  },
  {
    command: 'bzip2',
    need: 'optional',
    versionArguments: VERSION,
    neededFor: 'packages and indexes that are compressed with bzip2',
    withoutIt: 'such packages are read all the same, more slowly; such indexes (Amazon Linux 1) fail',
  },
  {
    command: 'pahole',
    need: 'optional',
    versionArguments: VERSION,
    neededFor: 'cross-checking a BTF that was made from DWARF',
    withoutIt: 'a crawl works; kernels without native BTF are published unchecked, and the record says so',
  },
  {
    command: 'python3',
    need: 'build',
    versionArguments: VERSION,
    neededFor: 'compiling better-sqlite3 (node-gyp)',
    withoutIt: 'everything that is installed works',
  },
  {
    command: 'make',
    need: 'build',
    versionArguments: VERSION,
    neededFor: 'compiling better-sqlite3',
    withoutIt: 'everything that is installed works',
  },
  {
    command: 'g++',
    need: 'build',
    versionArguments: VERSION,
    neededFor: 'compiling better-sqlite3',
    withoutIt: 'everything that is installed works',
  },
  testTool('bpftool', 'reading our BTF with a second reader', ['version']),
  testTool('gcc', 'compiling the small programs that tests convert'),
  testTool('clang', 'the same, with the other compiler'),
  testTool('ld.lld', 'linking what clang compiled'),
  testTool('readelf', 'a second opinion on ELF and DWARF'),
  testTool('objcopy', 'taking sections out of test programs or putting them in'),
  testTool('objdump', 'a second opinion on DWARF that the tests write themselves'),
  testTool('ar', 'making archives like those inside a .deb'),
  testTool('llvm-dwarfdump', 'the same, from another toolchain'),
  testTool('s390x-linux-gnu-gcc', 'big-endian test programs'),
  testTool('aarch64-linux-gnu-gcc', 'arm64 test programs'),
  testTool('dwz', 'files whose units share types, and a second file with the types of several'),
  testTool('dpkg-deb', 'building the packages of the test mirror'),
  testTool('apt-ftparchive', 'building the indexes of the test mirror'),
  testTool('gpg', 'signing the indexes of the test mirror'),
  testTool('gpgconf', 'ending the key agents that gpg leaves behind'),
  testTool('rpmbuild', 'building the packages of the rpm mirrors'),
  testTool('rpmsign', 'signing them'),
  testTool('rpm', 'a second opinion on the digests of packages that the tests write themselves'),
  testTool('rpm2cpio', 'a second opinion on what a package holds'),
  testTool('rpm2archive', 'the same, for packages with files over 4 GiB'),
  testTool('cpio', 'reading and writing payloads with a second program'),
  testTool('createrepo_c', 'building the indexes of the rpm mirrors'),
  testTool('modifyrepo_c', 'making those with a database alone'),
  testTool('rpmkeys', 'a second opinion on the signatures of packages'),
  testTool('minisign', 'a second opinion on the signatures of archives', ['-v']),
  testTool('systemd-analyze', 'checking the units of the nightly job'),
  testTool('openssl', 'certificates for the hosts of the local internet', ['version']),
  testTool('tar', 'reading archive files with a second reader'),
  testTool('gzip', 'compressing the indexes and packages of the test mirror'),
];

function testTool(command: string, neededFor: string, versionArguments = VERSION): ToolInfo {
  return {
    command,
    need: 'test',
    versionArguments,
    neededFor,
    withoutIt: 'the tests that use it are skipped (with CI set they fail)',
  };
}

/**
 * The version in what a program prints about itself, e.g. `5.4.1` out of `xz (XZ Utils) 5.4.1`: the first dotted
 * number, those in parentheses last because distributions put their own package version there.
 */
export function parseToolVersion(output: string): string | undefined {
  const dottedNumber = /\d+(?:\.\d+)+/;
  return (dottedNumber.exec(output.replaceAll(/\([^)]*\)/g, '')) ?? dottedNumber.exec(output))?.[0];
}
