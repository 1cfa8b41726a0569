// The 402 page for people (screens §3): exact price, plain words, no script, no sub-request, under 10 KB.
import { randomBytes } from 'node:crypto';
import { formatMoney, type JsonObject, type Money, type PaymentProblem, toDecimal } from '@farthing/protocol';
import { dataBlock, html, type Markup, styleBlock } from './html.ts';
import type { Quote } from './offers.ts';
import { css } from './page-style.ts';
import type { Site } from './site.ts';

/** What the owner says about the page that is sold. */
export type PageText = { readonly title?: string | undefined; readonly teaser?: string | undefined };

export type PageContent = {
  readonly site: Pick<Site, 'name' | 'vnd' | 'test' | 'broker'>;
  readonly problem: PaymentProblem;
  readonly quote?: Quote | undefined;
  readonly text: PageText;
  readonly body: JsonObject;
};

export function paywallPage(content: PageContent): { html: string; policy: string } {
  const nonce = randomBytes(16).toString('base64');
  const { site, problem, quote, text, body } = content;
  const title =
    text.title ?? quote?.description ?? (problem.status === 402 ? 'This page has a price' : 'Please try again');
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · ${site.name}</title>
${styleBlock(css, nonce)}
</head>
<body>
${site.test ? html`<p class="test" role="note">Test mode: this site takes play money of ${site.broker.name}. Nothing here costs real money.</p>` : undefined}
<main>
<p class="site"><span class="avatar" aria-hidden="true">${initial(site.name)}</span><bdi>${site.name}</bdi></p>
<h1 dir="auto">${title}</h1>
${text.teaser ? html`<p dir="auto">${text.teaser}</p>` : undefined}
${refusal(problem)}
${problem.status === 402 && quote ? offer(quote.price) : undefined}
<details><summary>What is this?</summary><p>This site charges a tiny amount for a page. A wallet in your browser pays it from a balance and within limits that you set. No account, no e-mail address.</p></details>
</main>
<footer><p>The site learns that this page was paid, and not by whom. Broker: <bdi>${site.broker.name}</bdi>. Code: <code>${problem.code}</code></p></footer>
${dataBlock('application/problem+json', 'challenge', body)}
</body>
</html>
`;
  const policy = `default-src 'none'; style-src 'nonce-${nonce}'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;
  return { html: page.text, policy };
}

function offer(price: Money): Markup {
  return html`<section class="card" aria-label="Price">
<p class="amount">${formatMoney(price)}</p>
<p class="muted">${plainPrice(price)}</p>
</section>
<p><b>Already have it?</b> Click its icon or press <kbd>Alt</kbd>+<kbd>Shift</kbd>+<kbd>P</kbd>.</p>`;
}

/** Why an attempt was refused, and whether it cost anything: always both. */
function refusal(problem: PaymentProblem): Markup | undefined {
  if (problem.code === 'payment-required') return undefined;
  const { title } = problem.toBody();
  const charged = {
    true: 'This payment was used before.',
    false: 'You were not charged.',
    unknown: 'We do not know yet whether this was charged. Your wallet will ask again.',
  };
  return html`<p class="refused" role="alert"><b>${String(title)}.</b> ${charged[`${problem.extra.consumed ?? false}`]}</p>`;
}

/** The exact price in words: `0.15 of a cent`, `2.5 cents`, `3 dollars`. */
export function plainPrice({ amount, currency }: Money): string {
  const [unit, units] = currency === 'usd-micro' ? ['dollar', 'dollars'] : ['euro', 'euros'];
  if (amount >= 1_000_000n) return `${plain(toDecimal(amount))} ${amount === 1_000_000n ? unit : units}`;
  const cents = plain(toDecimal(amount * 100n));
  if (amount < 10_000n) return `${cents} of a cent`;
  return `${cents} ${amount === 10_000n ? 'cent' : 'cents'}`;
}

const plain = (decimal: string): string => decimal.replace(/\.?0+$/, '');

const initial = (name: string): string => [...name][0]?.toUpperCase() ?? '';
