// The Gazette's pages as HTML strings. All text is our own, so nothing from outside is printed here.
import { type Article, almanac, almanacPrice, articlePrice, articles, picture, tidesPrice } from './content.ts';

const style = `
:root{color-scheme:light dark;--paper:light-dark(#fbf8f1,#15171a);--ink:light-dark(#1b1a17,#ece7dc);--soft:light-dark(#5c574c,#a9a294);--rule:light-dark(#cfc7b4,#3a3a38);--accent:light-dark(#0b6b53,#4cc9a4)}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:18px/1.6 Georgia,"Iowan Old Style","Noto Serif",serif}
a{color:inherit}main,header,footer{max-inline-size:68rem;margin:auto;padding:0 1.25rem}
header{text-align:center;padding-block:1.5rem 0}header .name{font-size:clamp(2.2rem,8vw,4.4rem);line-height:1;font-weight:700;letter-spacing:-.02em;text-decoration:none;display:block}
.line{display:flex;justify-content:space-between;gap:1rem;border-block:1px solid var(--rule);margin-block:1rem 1.5rem;padding:.4rem 0;font-size:.8rem;color:var(--soft);flex-wrap:wrap}
.grid{display:grid;gap:1.5rem 2.5rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr))}
.lead{grid-column:1/-1;display:grid;gap:1.5rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));border-block-end:1px solid var(--rule);padding-block-end:1.5rem}
.lead img{inline-size:100%;block-size:auto;display:block;border-radius:2px}.lead h2{font-size:clamp(1.8rem,4vw,2.8rem)}
h1,h2{line-height:1.15;margin:.2em 0 .3em;text-wrap:balance}h2{font-size:1.5rem}h2 a{text-decoration:none}h2 a:hover,h2 a:focus-visible{text-decoration:underline}
.kicker{font:600 .75rem/1.4 system-ui,sans-serif;letter-spacing:.08em;text-transform:uppercase;color:var(--accent)}
.price{font:.8rem/1.5 system-ui,sans-serif;color:var(--soft);font-variant-numeric:tabular-nums}
article.story{max-inline-size:38rem;margin:auto}article.story h1{font-size:clamp(2rem,6vw,3.2rem)}.standfirst{font-size:1.2em;color:var(--soft)}
article.story p:first-of-type::first-letter{float:inline-start;font-size:3.6em;line-height:.8;padding-inline-end:.08em;padding-block-start:.06em}
table{border-collapse:collapse;inline-size:100%;font-variant-numeric:tabular-nums}th,td{text-align:start;padding:.3rem 0;border-block-end:1px solid var(--rule)}
footer{border-block-start:1px solid var(--rule);margin-block-start:3rem;padding-block:1rem 2rem;font-size:.85rem;color:var(--soft)}
:focus-visible{outline:3px solid light-dark(#0b57d0,#8ab4f8);outline-offset:3px}
`;

const shell = (title: string, body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><link rel="icon" href="data:,"><style>${style}</style></head>
<body><header><a class="name" href="/">The Harbour Gazette</a><div class="line"><span>Founded 1871</span><span>No advertisements, no subscription: a fraction of a cent a piece</span><span>Paid with Farthing</span></div></header>
<main>${body}</main>
<footer>Every piece has its price beside it. You pay for what you read, and read it again free. Demo money only.</footer></body></html>`;

const cents = (price: string): string => `$${price.replace(' USD', '')}`;
const teaser = (
  { kicker, title, standfirst, minutes }: Article,
  { path, price }: { path: string; price: string },
): string =>
  `<section><div class="kicker">${kicker}</div><h2><a href="${path}">${title}</a></h2><p>${standfirst}</p><div class="price">${minutes} min · ${cents(price)}</div></section>`;
const inPaper = (article: Article): string =>
  teaser(article, { path: `/article/${article.slug}`, price: articlePrice });

export function frontPage(): string {
  const [lead, ...others] = articles;
  return shell(
    'The Harbour Gazette',
    `<div class="grid">${
      lead
        ? `<section class="lead"><a href="/picture/skerry-point.svg"><img src="/small/skerry-point.svg" width="640" height="400" alt="A lighthouse on a dark headland under a red evening sky"></a><div><div class="kicker">${lead.kicker}</div><h2><a href="/article/${lead.slug}">${lead.title}</a></h2><p>${lead.standfirst}</p><div class="price">${lead.minutes} min · ${cents(articlePrice)}</div><p class="price"><a href="/picture/skerry-point.svg">${picture.title}, the large print</a> · ${cents(picture.price)}</p></div></section>`
        : ''
    }${others.map(inPaper).join('')}${teaser(almanac, { path: '/archive/the-almanac', price: almanacPrice })}<section><div class="kicker">Today</div><h2><a href="/tides">Tides at the pier</a></h2><p>High and low water, asked of the harbour office as you look.</p><div class="price">${cents(tidesPrice)} a look</div></section></div>`,
  );
}

export function articlePage({ kicker, title, standfirst, paragraphs, slug }: Article): string {
  const next = articles[(articles.findIndex((article) => article.slug === slug) + 1) % articles.length];
  return shell(
    `${title} · The Harbour Gazette`,
    `<article class="story"><div class="kicker">${kicker}</div><h1>${title}</h1><div class="standfirst">${standfirst}</div>${paragraphs.map((text) => `<p>${text}</p>`).join('')}${
      next
        ? `<nav><div class="kicker">Read next</div><h2><a id="next" href="/article/${next.slug}">${next.title}</a></h2><div class="price">${cents(articlePrice)}</div></nav>`
        : ''
    }</article>`,
  );
}

/** A free page whose script asks the priced endpoint, as any page would: it knows nothing of wallets. */
export const tidesPage = (): string =>
  shell(
    'Tides · The Harbour Gazette',
    `<article class="story"><div class="kicker">Today</div><h1>Tides at the pier</h1><div id="tides" role="status">Asking the harbour office…</div></article><script type="module" src="/tides.js"></script>`,
  );

export const tidesScript = `const place = document.getElementById('tides');
const answer = await fetch('/api/tides');
if (answer.ok) {
  const { tides } = await answer.json();
  const table = document.createElement('table');
  for (const { at, metres, kind } of tides) {
    const row = table.insertRow();
    for (const text of [at, kind + ' water', metres + ' m']) row.insertCell().textContent = text;
  }
  place.replaceChildren(table);
} else {
  place.textContent = answer.status === 402 ? 'The harbour office asks a fraction of a cent for this. With the Farthing wallet it appears here by itself.' : 'The harbour office does not answer (' + answer.status + ').';
}
`;
