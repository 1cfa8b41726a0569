// Values as JSON in which integers of any size are strings behind a mark: the same text for the same value.
const MARK = '#';

/** @throws {TypeError} there is something else in it than strings, numbers, integers, yes and no, lists and plain objects */
export const packed = (value: unknown): string =>
  typeof value === 'bigint' ? `"${MARK}${value}"` : JSON.stringify(pack(value));

/** What `packed` was given, without members that were undefined. @throws {SyntaxError} it is no such text */
export const unpacked = (text: string): unknown => unpack(JSON.parse(text));

function pack(value: unknown): unknown {
  if (typeof value === 'bigint') return `${MARK}${value}`;
  if (typeof value === 'string') return value.startsWith(MARK) ? `${MARK}${value}` : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(pack);
  if (Object.getPrototypeOf(value) !== Object.prototype) throw new TypeError('a value that cannot be packed');
  const members: Record<string, unknown> = { ...value };
  for (const name in members) members[name] = pack(members[name]);
  return members;
}

/** In its place: nobody else has what was just parsed. */
function unpack(json: unknown): unknown {
  if (typeof json === 'string') {
    if (!json.startsWith(MARK)) return json;
    return json.startsWith(MARK, 1) ? json.slice(1) : BigInt(json.slice(1));
  }
  if (typeof json === 'object' && json !== null) {
    const members = json as Record<string, unknown>;
    for (const name in members) members[name] = unpack(members[name]);
  }
  return json;
}
