// The Gazette's front page and its articles, as HTML strings.
import { archivePrice, FIRST_YEAR, LAST_YEAR } from './archive.ts';
import { type Article, almanac, almanacPrice, articlePrice, articles, film, picture, print } from './content.ts';
import { radio, tidesPrice } from './harbour.ts';
import { cents, shell } from './shell.ts';

const teaser = (
  { kicker, title, standfirst, minutes }: Article,
  { path, price }: { path: string; price: string },
): string =>
  `<section><div class="kicker">${kicker}</div><h2><a href="${path}">${title}</a></h2><p>${standfirst}</p><div class="price">${minutes} min · ${cents(price)}</div></section>`;
const inPaper = (article: Article): string =>
  teaser(article, { path: `/article/${article.slug}`, price: articlePrice });

/** Paid as it comes. */
const byTheUnit = (): string =>
  [
    { ...film, path: '/film', by: `${film.seconds} seconds · ${cents(film.price)} a second` },
    {
      path: '/tides',
      kicker: 'Today',
      title: 'Tides',
      standfirst: 'High and low water for as many days as you like, asked of the harbour office as you look.',
      by: `${cents(tidesPrice)} a day`,
    },
    {
      path: '/radio',
      kicker: 'On air',
      title: radio.title,
      standfirst: 'Pilots, ferries, a dredger with opinions, and the light at Skerry Point.',
      by: `${cents(radio.price)} a message`,
    },
  ]
    .map(
      ({ path, kicker, title, standfirst, by }) =>
        `<section><div class="kicker">${kicker}</div><h2><a href="${path}">${title}</a></h2><p>${standfirst}</p><div class="price">${by}</div></section>`,
    )
    .join('');

const shelf = (): string =>
  `<section><div class="kicker">From the archive</div><h2><a href="/archive">A hundred years</a></h2><p>Lemons, geese and weather: what was found in the harbour from ${FIRST_YEAR} to ${LAST_YEAR}.</p><div class="price">${cents(archivePrice)} a year</div></section>`;

export function archivePage(): string {
  const years = Array.from({ length: LAST_YEAR - FIRST_YEAR + 1 }, (_, n) => FIRST_YEAR + n);
  const links = years.map((year) => `<a href="/archive/year/${year}">${year}</a>`).join(' ');
  return shell(
    'A hundred years · The Harbour Gazette',
    `<article class="desk"><div class="kicker">From the archive</div><h1>A hundred years</h1><p class="standfirst">No subscription: ${cents(archivePrice)} for each year that you open.</p><p>${links}</p></article>`,
  );
}

export function frontPage(): string {
  const [lead, ...others] = articles;
  return shell(
    'The Harbour Gazette',
    `<div class="grid">${
      lead
        ? `<section class="lead"><a href="/picture/skerry-point.svg"><img src="/small/skerry-point.svg" width="640" height="400" alt="A lighthouse on a dark headland under a red evening sky"></a><div><div class="kicker">${lead.kicker}</div><h2><a href="/article/${lead.slug}">${lead.title}</a></h2><p>${lead.standfirst}</p><div class="price">${lead.minutes} min · ${cents(articlePrice)}</div><p class="price"><a href="/picture/skerry-point.svg">${picture.title}, the large print</a> · ${cents(picture.price)} · <a href="/print/skerry-point.png">the print for a wall</a> · ${cents(print.price)}</p></div></section>`
        : ''
    }${others.map(inPaper).join('')}${teaser(almanac, { path: '/archive/the-almanac', price: almanacPrice })}${shelf()}${byTheUnit()}</div>`,
    '<h1 class="name">The Harbour Gazette</h1>',
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
