/** A key that an object of a JSON text has twice: the parser takes the last and says nothing. */

interface Level {
  /** Of an object; undefined for a list. */
  readonly keys?: Set<string>;
  isKeyNext: boolean;
}

/** Offset and name of the first such key. @param json what `JSON.parse` has taken */
export function findDuplicateKey(json: string): { readonly key: string; readonly at: number } | undefined {
  const levels: Level[] = [];
  for (const { 0: token, index: at } of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]/gu)) {
    const level = levels.at(-1);
    if (token === '{') levels.push({ keys: new Set(), isKeyNext: true });
    else if (token === '[') levels.push({ isKeyNext: false });
    else if (token === '}' || token === ']') levels.pop();
    else if (token === ',' && level?.keys !== undefined) level.isKeyNext = true;
    else if (token.startsWith('"') && level?.keys !== undefined && level.isKeyNext) {
      level.isKeyNext = false;
      const key = JSON.parse(token) as string;
      if (level.keys.has(key)) return { key, at };
      level.keys.add(key);
    }
  }
  return undefined;
}
