/** primary.xml: its `<package>` elements as entries. */

import { addEntry, checkEntry, type EntryOrigin, type RpmEntry } from './package-entry.ts';
import { createPackageScanner } from './package-scanner.ts';
import {
  childrenOfAnyPrefix,
  findChild,
  malformed,
  parseXml,
  quote,
  requireAttribute,
  requireChild,
} from './xml.ts';

/**
 * The packages of a primary.xml whose name `isWanted` takes, in their order. Throws `index-malformed` and
 * `index-unsafe-path`.
 */
export async function readPrimaryXml(
  plain: AsyncIterable<Uint8Array>,
  origin: EntryOrigin,
  isWanted: (name: string) => boolean,
): Promise<RpmEntry[]> {
  const entries: RpmEntry[] = [];
  const scanner = createPackageScanner(isWanted, origin.where);
  const take = (elements: readonly Uint8Array[]) => {
    for (const element of elements) {
      const entry = parsePackage(element, origin, isWanted);
      if (entry !== undefined) addEntry(entries, entry, origin.where);
    }
  };
  for await (const chunk of plain) take(scanner.feed(chunk));
  take(scanner.end());
  return entries;
}

/** Only direct children count: the entries inside `<format>` have names and versions too. */
function parsePackage(
  bytes: Uint8Array,
  origin: EntryOrigin,
  isWanted: (name: string) => boolean,
): RpmEntry | undefined {
  const { where: index } = origin;
  const element = parseXml(bytes, index);
  const name = requireChild(element, 'name', index).text;
  if (!isWanted(name)) return undefined;

  const where = `${index}: ${quote(name)}`;
  const type = element.attributes.get('type') ?? 'rpm';
  if (type !== 'rpm') throw malformed(where, `is a package of type ${quote(type)}`);
  const version = requireChild(element, 'version', where);
  const checksum = requireChild(element, 'checksum', where);
  const size = requireChild(element, 'size', where);
  const location = requireChild(element, 'location', where);
  const format = findChild(element, 'format', where);
  return checkEntry(
    {
      name,
      arch: requireChild(element, 'arch', where).text,
      epoch: version.attributes.get('epoch'),
      version: requireAttribute(version, 'ver', where),
      release: requireAttribute(version, 'rel', where),
      checksumType: requireAttribute(checksum, 'type', where),
      checksum: checksum.text,
      sizeBytes: requireAttribute(size, 'package', where),
      href: requireAttribute(location, 'href', where),
      xmlBase: location.attributes.get('xml:base'),
      buildTime: findChild(element, 'time', where)?.attributes.get('build'),
      sourceRpm:
        format === undefined ? undefined : childrenOfAnyPrefix(format, 'sourcerpm')[0]?.text || undefined,
    },
    origin,
  );
}
