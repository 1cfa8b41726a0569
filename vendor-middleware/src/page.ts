// The 402 page for people (screens §3): exact price, plain words, no script, no sub-request, under 10 KB.
import { randomBytes } from 'node:crypto';
import { dataBlock, html, type Markup, styleBlock } from '@farthing/node-kit';
import type { JsonObject, PaymentProblem } from '@farthing/protocol';
import { priceFor, type Quote } from './offers.ts';
import { css } from './page-style.ts';
import { type Language, moneyText, plainPrice, sizeText, texts } from './page-texts.ts';
import type { Site } from './site.ts';

/** What the owner says about the page that is sold. */
export type PageText = { readonly title?: string | undefined; readonly teaser?: string | undefined };

export type PageContent = {
  readonly site: Pick<Site, 'name' | 'vnd' | 'test' | 'broker'>;
  readonly problem: PaymentProblem;
  readonly quote?: Quote | undefined;
  readonly text: PageText;
  readonly body: JsonObject;
  readonly language: Language;
  /** Where a person without a wallet pays. */
  readonly pay?: string | undefined;
};

export function paywallPage(content: PageContent): { html: string; policy: string } {
  const nonce = randomBytes(16).toString('base64');
  const { site, problem, quote, text, body, language, pay } = content;
  const t = texts[language];
  const title = text.title ?? quote?.description ?? quote?.sold?.item ?? (problem.status === 402 ? t.priced : t.retry);
  const page = html`<!doctype html>
<html lang="${language}" dir="${t.dir}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · ${site.name}</title>
${styleBlock(css, nonce)}
</head>
<body>
${site.test ? html`<header><p class="test">${t.test(site.broker.name)}</p></header>` : undefined}
<main>
<p class="site"><span class="avatar" aria-hidden="true">${initial(site.name)}</span><bdi>${site.name}</bdi></p>
<h1 dir="auto">${title}</h1>
${text.teaser ? html`<p dir="auto">${text.teaser}</p>` : undefined}
${goods(quote, language)}
${refusal(problem, language)}
${problem.status === 402 && quote ? offer(quote, language) : undefined}
${pay ? html`<p><a class="button" rel="noreferrer" href="${pay}">${t.payAt(site.broker.name)}</a></p><p class="muted">${t.payAtText}</p>` : undefined}
<details><summary>${t.what}</summary><p>${t.whatText}</p></details>
</main>
<footer><p>${t.learns} ${t.broker}: <bdi>${site.broker.name}</bdi>. ${t.code}: <code>${problem.code}</code></p></footer>
${dataBlock('application/problem+json', 'challenge', body)}
</body>
</html>
`;
  const policy = `default-src 'none'; style-src 'nonce-${nonce}'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;
  return { html: page.text, policy };
}

/** What a file is, before anybody pays for it. */
function goods(quote: Quote | undefined, language: Language): Markup | undefined {
  if (!quote?.sold || !quote.goods) return undefined;
  const { sold, goods: sealed } = quote;
  return html`<p class="muted"><bdi dir="ltr">${sold.media}</bdi> · <bdi>${sizeText(sealed.size, language)}</bdi></p>`;
}

/** What this request costs; of a stream, what each unit does. */
function offer({ price: asked, unit }: Quote, language: Language): Markup {
  const t = texts[language];
  const isStream = asked.units === 0;
  const price = isStream ? asked : priceFor('charge', asked);
  const words = plainPrice(price, language);
  return html`<section class="card" aria-label="${t.price}">
<p class="amount"><bdi dir="ltr">${moneyText(price, language)}${isStream ? ` / ${unit}` : undefined}</bdi></p>
${words ? html`<p class="muted">${words}</p>` : undefined}
</section>
<p><b>${t.have}</b> ${t.press[0]} <bdi dir="ltr"><kbd>Alt</kbd>+<kbd>Shift</kbd>+<kbd>P</kbd></bdi>${t.press[1]}.</p>`;
}

/** Why an attempt was refused, and whether it cost anything: always both. Titles come from the one English table. */
function refusal(problem: PaymentProblem, language: Language): Markup | undefined {
  if (problem.code === 'payment-required') return undefined;
  const { title } = problem.toBody();
  const charged = texts[language].charged[`${problem.extra.consumed ?? false}`];
  return html`<p class="refused" role="alert"><b lang="en">${String(title)}.</b> ${charged}</p>`;
}

const initial = (name: string): string => [...name][0]?.toUpperCase() ?? '';
