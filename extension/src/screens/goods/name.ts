// What a site calls its goods, as a file may be called here, and how large they are.

/** A name that a site chose is a file, never a path. */
export function nameOf(item: string): string {
  const last = item.split(/[/\\]/).findLast((part) => part !== '') ?? '';
  const plain = last.replace(/[^\p{L}\p{N}. _-]/gu, '_').replace(/^\.+/, '');
  return plain === '' ? 'goods' : plain;
}

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

export function sizeText(bytes: number, locale: string): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const options = { style: 'unit', unit: UNITS[power] ?? 'byte', maximumFractionDigits: power === 0 ? 0 : 1 } as const;
  return new Intl.NumberFormat(locale, options).format(bytes / 1000 ** power);
}
