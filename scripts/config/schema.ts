/** The configuration file of `nightly`: its keys, what they may hold, and what they are for. */

import { z } from 'zod';
import { parseArch } from '../../crawlers/arch.ts';
import { crawlerNames } from '../../crawlers/index.ts';
import { checkProxy } from '../../crawlers/http/proxy.ts';
import { parseMirror } from '../../crawlers/mirror.ts';
import { PROFILES, type ProfileName } from '../../dwarf/index.ts';
import { BtfmillError } from '../../errors/index.ts';
import { BYTE_SIZE, parseByteSize } from './byte-size.ts';

const text = z.string().min(1);
const path = text.describe('a path; relative ones begin at the configuration file');
const count = z.int().min(1);
const SIZE_ERROR = { error: 'expected a number of bytes, or text such as "20 GB" or "512 MiB"' };
const isCount = (bytes = 0): boolean => bytes >= 1 && bytes <= Number.MAX_SAFE_INTEGER;
const size = z.union(
  [
    count,
    z
      .string()
      .regex(BYTE_SIZE, { ...SIZE_ERROR, abort: true })
      .refine(
        (written) => isCount(parseByteSize(written)),
        'is less than a byte, or more than can be counted',
      ),
  ],
  SIZE_ERROR,
);
const proxy = text.check(asks(checkProxy));

const distro = z.strictObject({
  releases: z.array(text).default([]).describe('only these releases, e.g. "12" or "bookworm"; [] is all'),
  archs: z
    .array(text.check(asks(parseArch)))
    .default([])
    .describe(
      'these architectures, by any of their names; [] is x86_64 and arm64, where there are such kernels',
    ),
  kernels: z
    .array(text)
    .default([])
    .describe('only kernels whose `uname -r` matches one of these globs; [] is all'),
  variants: z.array(text).default([]).describe('also kernels of these kinds, e.g. "debug"'),
  history: z
    .boolean()
    .default(false)
    .describe('also kernels that left the mirrors (Ubuntu: those that Launchpad has)'),
  limit: count.optional().describe('only the newest so many kernels that exist'),
  mirror: text
    .check(asks(parseMirror))
    .optional()
    .describe("base URL in place of the distribution's own hosts"),
  keyrings: z.array(path).default([]).describe('OpenPGP keyrings trusted beside the built-in ones'),
  allowExpired: z.boolean().default(false).describe('accept an index that is past its Valid-Until'),
});

const distroShape = Object.fromEntries(crawlerNames().map((name) => [name, distro.optional()]));

const publish = z.strictObject({
  key: path
    .optional()
    .describe('minisign secret key; without it that of the environment or of systemd (see `publish --help`)'),
  unsigned: z.boolean().default(false).describe('publish without a signature'),
  validDays: z
    .int()
    .min(1)
    .max(366)
    .default(7)
    .describe('days after which a copy without a newer timestamp is stale'),
});

const backups = z.strictObject({
  folder: path.default('backups').describe('where copies of the record go'),
  keep: z.int().min(1).max(1000).default(7).describe('how many stay; the oldest go'),
});

export const configSchema = z.strictObject({
  $schema: z.string().optional().describe('for editors; not read'),
  archive: path.default('archive').describe('the archive'),
  db: path.default('btfmill.sqlite').describe('the SQLite record; outside the archive'),
  cache: path
    .optional()
    .describe('downloads and work files; default `$XDG_CACHE_HOME/btfmill`, else `~/.cache/btfmill`'),
  cacheSize: size
    .optional()
    .describe('what downloads and work files may take, e.g. "40 GB"; without it, what the disk has'),
  reports: path.default('reports').describe('a folder; each run leaves `run-<id>.md` and `.json` there'),
  metrics: path
    .optional()
    .describe("Prometheus text file for node_exporter's textfile collector, e.g. `/…/btfmill.prom`"),
  backups: z
    .union([z.literal(false), backups])
    .default({ folder: 'backups', keep: 7 })
    .describe('copies of the record after nights that find it changed; `false` for none'),
  distros: z
    .strictObject(distroShape)
    .refine((distros) => Object.keys(distros).length > 0, 'names no distribution')
    .describe('what to crawl: a key for each distribution, `{}` for all of it'),
  limits: z
    .strictObject({
      bytes: size.optional().describe('packages to fetch in one run'),
      kernels: count.optional().describe('kernels to make in one run'),
      minutes: z
        .number()
        .positive()
        .optional()
        .describe('no kernel is begun after so long; those in work are finished'),
    })
    .default({})
    .describe('per run; what is left is for the next one'),
  jobs: z.int().min(1).max(256).default(2).describe('kernels unpacked, converted and compressed at once'),
  downloads: z.int().min(1).max(64).default(2).describe('packages fetched at once'),
  threads: z
    .int()
    .min(1)
    .max(1024)
    .optional()
    .describe('threads of one conversion or decompression; default: those of the machine'),
  profile: z
    .enum(Object.keys(PROFILES) as [ProfileName, ...ProfileName[]])
    .optional()
    .describe('as `crawl --profile`'),
  source: z.enum(['auto', 'dwarf', 'native']).default('auto').describe('as `crawl --source`'),
  crossCheck: z.enum(['auto', 'always', 'never']).default('auto').describe('as `crawl --cross-check`'),
  proxies: z
    .strictObject({
      http: proxy.optional().describe('proxy for http, e.g. "http://proxy:3128"'),
      https: proxy.optional().describe('proxy for https'),
      no: text.optional().describe('hosts to be asked directly, with commas between'),
    })
    .default({})
    .describe('where `http_proxy`, `https_proxy` and `no_proxy` are not set'),
  publish: z
    .union([z.literal(false), publish])
    .default(false)
    .describe('write and sign the index after each run; `false` leaves that to `btfmill publish`'),
});

/** As a file may have it. */
export type ConfigInput = z.input<typeof configSchema>;
export type ParsedConfig = z.output<typeof configSchema>;
export type DistroConfig = z.output<typeof distro>;

/** JSON Schema of the file, for editors. */
export function configJsonSchema(): object {
  return z.toJSONSchema(configSchema, { io: 'input' });
}

/** The message of a parser's `usage` error becomes that of the key. */
function asks(parse: (value: string) => unknown): z.core.CheckFn<string> {
  return (payload) => {
    try {
      parse(payload.value);
    } catch (thrown) {
      if (!(thrown instanceof BtfmillError)) throw thrown;
      payload.issues.push({ code: 'custom', message: thrown.message, input: payload.value });
    }
  };
}
