// The page of the hosted wallet: everything that it can show, hidden until its script shows it. What is bought stands behind `#` of
// the address, so it is the script that reads it, and this server never sees it.
import { dataBlock, html, type Markup } from '@farthing/node-kit';
import { LOOPBACK } from '@farthing/protocol';
import { fill, type Language, texts } from './texts.ts';
import type { Texts } from './words.ts';

/** A site as the broker vouches for it. */
export type PaidSite = { readonly vnd: string; readonly name: string; readonly origins: readonly string[] };

export type PageContent = {
  readonly broker: { readonly name: string; readonly brk: string; readonly test: boolean };
  readonly language: Language;
  /** Named in the address: nothing, a site, or one that nobody knows. */
  readonly site: PaidSite | 'unknown' | undefined;
  /** Demo money that one request may ask for, base units. */
  readonly faucet: string | undefined;
  readonly hasPasswords: boolean;
};

export function walletPage(content: PageContent): { html: string; policy: string } {
  const { broker, language, site } = content;
  const t = texts[language];
  const known = typeof site === 'object' ? site : undefined;
  const title = known ? t.payTitle : t.wallet;
  const page = html`<!doctype html>
<html lang="${language}" dir="${t.dir}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · ${broker.name}</title>
<link rel="stylesheet" href="/pay/pay.css">
<link rel="icon" href="data:,">
<script src="/pay/webauthn.js" defer></script>
<script src="/pay/pay.js" type="module"></script>
</head>
<body>
${broker.test ? html`<header><p class="test">${t.test}</p></header>` : undefined}
<main>
${known ? html`<p class="site"><span class="avatar" aria-hidden="true">${initial(known.name)}</span><bdi>${known.name}</bdi></p>` : undefined}
<h1>${title}</h1>
<noscript><p class="refused">${t.needsScript}</p></noscript>
${site === 'unknown' ? html`<p class="refused" role="alert">${fill(t.unknownSite, { broker: broker.name })} ${t.notCharged}</p>` : undefined}
<section class="card" id="bill" hidden><p class="amount"><bdi dir="ltr" id="price"></bdi></p><p class="muted" id="what" dir="auto"></p></section>
<p class="refused" id="refused" role="alert" hidden></p>
<p id="status" role="status" class="muted" hidden></p>
${signedOut(t, content.hasPasswords)}
${printed(t)}
${signedIn(t, content)}
<p id="away" hidden><a id="back" href="/pay" rel="noreferrer">${t.back}</a></p>
<details><summary>${t.what}</summary><p>${fill(t.whatText, { broker: broker.name })}</p></details>
</main>
${dataBlock('application/json', 'about', aboutOf(content, t))}
</body>
</html>
`;
  return { html: page.text, policy: policyFor(known) };
}

const signedOut = (t: Texts, hasPasswords: boolean): Markup => html`<section id="signed-out" hidden>
<button id="sign-in">${t.signIn}</button>
<button id="sign-up" class="second">${t.signUp}</button>
<p class="muted">${t.signUpText}</p>
${
  hasPasswords
    ? html`<details id="by-password"><summary>${t.passwordInstead}</summary>
<form id="password-form"><p class="muted">${t.passwordText}</p>
<label>${t.contact}<input id="contact" name="contact" autocomplete="username" required minlength="3" maxlength="128" dir="ltr"></label>
<label>${t.password}<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="256" dir="ltr"></label>
<button class="second">${t.sendCode}</button></form>
<form id="code-form" hidden><p>${t.codeSent}</p><p class="inbox" id="inbox" hidden><b>${t.inbox}:</b> <span id="letter"></span></p>
<label>${t.code}<input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required pattern="[0-9]{6}" maxlength="6" dir="ltr"></label>
<button>${t.confirm}</button></form></details>`
    : undefined
}
<details><summary>${t.lost}</summary>
<form id="recover-form"><label>${t.printedCode}<input id="recovery" name="recovery" autocomplete="off" required maxlength="40" dir="ltr"></label>
<button class="second">${t.recover}</button></form></details>
</section>`;

const printed = (t: Texts): Markup => html`<section id="printed" hidden><p>${t.printedText}</p>
<p class="code"><bdi dir="ltr" id="printed-code"></bdi></p>
<button id="have-it">${t.haveIt}</button><button id="print" class="second">${t.print}</button></section>`;

const signedIn = (t: Texts, { faucet }: PageContent): Markup => html`<section id="signed-in" hidden>
<p class="balance"><span>${t.balance}</span> <b><bdi dir="ltr" id="balance"></bdi></b></p>
<button id="pay" hidden></button>
${faucet === undefined ? undefined : html`<button id="faucet" class="second"></button>`}
<details><summary>${t.voucher}</summary>
<form id="voucher-form"><label>${t.voucherCode}<input id="voucher" name="voucher" autocomplete="off" required maxlength="32" dir="ltr"></label>
<button class="second">${t.redeem}</button></form></details>
<details id="movements"><summary>${t.past}</summary><ul id="past"></ul></details>
<details id="keys"><summary>${t.passkeys}</summary><ul id="passkeys"></ul><p><button id="add" class="second small">${t.add}</button></p></details>
<p><button id="sign-out" class="second small">${t.signOut}</button></p>
</section>`;

/** For the script. */
function aboutOf({ broker, language, site, faucet }: PageContent, t: Texts): object {
  const known = typeof site === 'object' ? { vnd: site.vnd, origins: [...site.origins] } : undefined;
  const { pay, faucet: faucetText, topUp, passkey, remove, goingBack, notCharged, problems } = t;
  const says = { pay, faucet: faucetText, topUp, passkey, remove, goingBack, notCharged, problems };
  return { brk: broker.brk, language, says, ...(known ? { site: known } : {}), ...(faucet ? { faucet } : {}) };
}

const PLAIN = /^https?:\/\/[a-z0-9.-]+(:[0-9]{1,5})?$/;

/** A form may go to the origins that the broker vouches for, and nowhere else. */
function policyFor(site: PaidSite | undefined): string {
  const origins = (site?.origins ?? []).flatMap((origin) => {
    if (origin === LOOPBACK) return ['http://127.0.0.1:*', 'http://localhost:*', 'https://localhost:*'];
    // A site writes its origins itself: nothing but a host may get into the policy.
    return PLAIN.test(origin) ? [origin] : [];
  });
  const forms = origins.length === 0 ? "'none'" : origins.join(' ');
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    'img-src data:',
    `form-action ${forms}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; ');
}

const initial = (name: string): string => [...name][0]?.toUpperCase() ?? '';
