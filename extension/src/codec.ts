// Messages and stored snapshots are JSON, money is bigint: amounts travel as `{"$n":"1500"}` and come back exact.

export type Packed = null | boolean | number | string | Packed[] | { [name: string]: Packed };

export function pack(value: unknown): Packed {
  if (typeof value === 'bigint') return { $n: value.toString() };
  if (Array.isArray(value)) return value.map(pack);
  if (typeof value === 'object' && value !== null) {
    const out: { [name: string]: Packed } = {};
    for (const [name, member] of Object.entries(value)) if (member !== undefined) out[name] = pack(member);
    return out;
  }
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return value;
  return null;
}

export function unpack(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unpack);
  if (typeof value !== 'object' || value === null) return value;
  if ('$n' in value && typeof value.$n === 'string' && /^-?[0-9]{1,40}$/.test(value.$n)) return BigInt(value.$n);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, unpack(member)]));
}
