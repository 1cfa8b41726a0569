// Page or problem? By the Accept header alone (screens §3): HTML only for who names it, with at least the q of JSON.

/** True when `text/html` is named with q > 0 and no JSON type is preferred to it. */
export function wantsPage(accept: string | undefined): boolean {
  const ranges = readAccept(accept);
  const html = ranges.find(({ type }) => type === 'text/html')?.q ?? 0;
  const json = Math.max(...['application/problem+json', 'application/json'].map((type) => quality(type, ranges)));
  return html > 0 && html >= json;
}

type Range = { readonly type: string; readonly q: number };

/** The q of the most specific range that covers the type. */
function quality(type: string, ranges: readonly Range[]): number {
  for (const range of [type, `${type.split('/')[0]}/*`, '*/*']) {
    const found = ranges.find((candidate) => candidate.type === range);
    if (found) return found.q;
  }
  return 0;
}

function readAccept(accept: string | undefined): Range[] {
  return (accept ?? '')
    .slice(0, 2048)
    .split(',')
    .slice(0, 64)
    .flatMap((member) => {
      const [type = '', ...params] = member.split(';').map((part) => part.trim().toLowerCase());
      if (!/^[^\s/]+\/[^\s/]+$/.test(type)) return [];
      const q = params.find((param) => param.startsWith('q='))?.slice(2);
      return [{ type, q: q === undefined ? 1 : /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(q) ? Number(q) : 0 }];
    });
}
