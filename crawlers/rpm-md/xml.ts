/**
 * Small XML documents and fragments (repomd.xml, metalink, one `<package>` of primary.xml) as plain elements.
 *
 * fast-xml-parser reads them; what it takes too easily is refused here: a document type (and with it entities of
 * one's own), undefined entities, bad nesting, other encodings than UTF-8. Values stay strings.
 */

import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { BtfmillError } from '../../errors/index.ts';

export interface XmlElement {
  /** As written, with its prefix. */
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** Of the element itself, without that of its children; white space at the ends is cut. */
  readonly text: string;
}

const CDATA = '#cdata';
const TEXT = '#text';
const ATTRIBUTES = ':@';

/** Nested deeper than anything of these formats; it also bounds our own recursion. */
const MAX_DEPTH = 32;

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  cdataPropName: CDATA,
  // It would leave numeric references and unknown names as they are, without a word.
  processEntities: false,
  maxNestedTags: MAX_DEPTH,
});

/** What the parser gives for `preserveOrder`: one key names the node, `:@` holds its attributes. */
type Node = Readonly<Record<string, unknown>>;

/** The root element. Throws `index-malformed`. */
export function parseXml(bytes: Uint8Array, where: string): XmlElement {
  const text = decodeUtf8(bytes, where);
  try {
    refuseDeclarations(text);
    const verdict = XMLValidator.validate(text);
    if (verdict !== true) throw new Error(`line ${verdict.err.line}: ${verdict.err.msg}`);
    // The validator overlooks this behind a root that is empty.
    if (!text.trimEnd().endsWith('>')) throw new Error('text behind the root element');
    const roots = (parser.parse(text) as Node[]).filter((node) => isElement(node));
    if (roots.length !== 1) throw new Error(`${roots.length} root elements`);
    return toElement(roots[0]);
  } catch (error) {
    throw malformed(
      where,
      `is no sound XML: ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }
}

/** The child of that name, in the namespace that the parent's prefix stands for; throws `index-malformed` if twice. */
export function findChild(parent: XmlElement, name: string, where: string): XmlElement | undefined {
  const found = childrenOf(parent, name);
  if (found.length > 1) throw malformed(where, `has ${found.length} <${name}> in one <${parent.name}>`);
  return found[0];
}

/** The same; throws `index-malformed` without one as well. */
export function requireChild(parent: XmlElement, name: string, where: string): XmlElement {
  const found = findChild(parent, name, where);
  if (found === undefined) throw malformed(where, `has no <${name}> in <${parent.name}>`);
  return found;
}

/** All children of that name in the parent's namespace. */
export function childrenOf(parent: XmlElement, name: string): XmlElement[] {
  const prefix = prefixOf(parent.name);
  return parent.children.filter((child) => child.name === prefix + name);
}

/** All children of that name, whatever their prefix. */
export function childrenOfAnyPrefix(parent: XmlElement, name: string): XmlElement[] {
  return parent.children.filter((child) => localName(child.name) === name);
}

/** The value of an attribute that must be there. Throws `index-malformed`. */
export function requireAttribute(element: XmlElement, name: string, where: string): string {
  const value = element.attributes.get(name);
  if (value === undefined) throw malformed(where, `has no ${name} in <${element.name}>`);
  return value;
}

/** `name` without its prefix. */
export function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

/** `index-malformed`, about what is wrong with the document at `where`. */
export function malformed(where: string, what: string, cause?: unknown): BtfmillError {
  return new BtfmillError('index-malformed', `${where}: ${what}`, cause === undefined ? {} : { cause });
}

/** A value from a document, short enough for a message. */
export function quote(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
}

function prefixOf(name: string): string {
  return name.slice(0, name.indexOf(':') + 1);
}

/** Throws `index-malformed` for bytes that are no UTF-8, or that say they are something else. */
function decodeUtf8(bytes: Uint8Array, where: string): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw malformed(where, 'is not in UTF-8', error);
  }
  refuseOtherEncoding(text, where);
  return text;
}

/**
 * Throws `index-malformed` when an XML declaration names another encoding than UTF-8.
 *
 * @param start of a document
 */
export function refuseOtherEncoding(start: string, where: string): void {
  const named = /^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([^"']*)["']/.exec(start)?.[1];
  if (named !== undefined && !/^(?:utf-?8|us-ascii)$/i.test(named)) {
    throw malformed(where, `is in ${quote(named)}, not in UTF-8`);
  }
}

/** What begins with `<!` is a comment or character data; a document type has no place here. */
function refuseDeclarations(text: string): void {
  for (let at = text.indexOf('<!'); at !== -1; ) {
    const isComment = text.startsWith('<!--', at);
    if (!isComment && !text.startsWith('<![CDATA[', at)) throw new Error('a document type declaration');
    const end = isComment ? text.indexOf('-->', at + 4) : text.indexOf(']]>', at + 9);
    if (end === -1) throw new Error(isComment ? 'a comment without end' : 'character data without end');
    at = text.indexOf('<!', end + 3);
  }
}

function isElement(node: Node): boolean {
  return nameOf(node) !== undefined;
}

function nameOf(node: Node): string | undefined {
  return Object.keys(node).find((key) => key !== TEXT && key !== CDATA && key !== ATTRIBUTES);
}

function toElement(node: Node): XmlElement {
  const name = nameOf(node) as string;
  const attributes = Object.entries((node[ATTRIBUTES] ?? {}) as Record<string, string>);
  const children: XmlElement[] = [];
  let text = '';
  for (const child of node[name] as Node[]) {
    if (isElement(child)) children.push(toElement(child));
    else if (CDATA in child) text += (child[CDATA] as Node[]).map((part) => String(part[TEXT])).join('');
    else text += decodeReferences(String(child[TEXT]));
  }
  return {
    name,
    attributes: new Map(attributes.map(([key, value]) => [key, decodeReferences(value)])),
    children,
    text: text.trim(),
  };
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

/** Character and entity references (XML 1.0 §4.1); other names than the five predefined ones mean nothing here. */
function decodeReferences(text: string): string {
  return text.replaceAll(
    /&(?:#(\d{1,7})|#x([0-9A-Fa-f]{1,6})|([A-Za-z]{1,8}));|&/g,
    (whole, decimal, hex, name) => {
      const known = ENTITIES.get(name as string);
      if (known !== undefined) return known;
      const code = decimal === undefined ? Number.parseInt(hex as string, 16) : Number(decimal);
      const isCharacter = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
      if (!isCharacter) throw new Error(`the reference ${quote(whole)} stands for nothing`);
      return String.fromCodePoint(code);
    },
  );
}
