// What every page of the Gazette has around it. All text is our own, so nothing from outside is printed here.

const style = `
:root{color-scheme:light dark;--paper:light-dark(#fbf8f1,#15171a);--ink:light-dark(#1b1a17,#ece7dc);--soft:light-dark(#5c574c,#a9a294);--rule:light-dark(#cfc7b4,#3a3a38);--accent:light-dark(#0b6b53,#4cc9a4)}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:18px/1.6 Georgia,"Iowan Old Style","Noto Serif",serif}
a{color:inherit}main,header,footer{max-inline-size:68rem;margin:auto;padding:0 1.25rem}
header{text-align:center;padding-block:1.5rem 0}header .name{font-size:clamp(2.2rem,8vw,4.4rem);line-height:1;font-weight:700;letter-spacing:-.02em;text-decoration:none;display:block;margin:0}
.line{display:flex;justify-content:space-between;gap:.1rem 1rem;text-align:start;border-block:1px solid var(--rule);margin-block:1rem 1.5rem;padding:.4rem 0;font-size:.8rem;color:var(--soft);flex-wrap:wrap}
.grid{display:grid;gap:1.5rem 2.5rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr))}
.lead{grid-column:1/-1;display:grid;gap:1.5rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));border-block-end:1px solid var(--rule);padding-block-end:1.5rem}
.lead img{inline-size:100%;block-size:auto;display:block;border-radius:2px}.lead h2{font-size:clamp(1.8rem,4vw,2.8rem)}
h1,h2{line-height:1.15;margin:.2em 0 .3em;text-wrap:balance}h2{font-size:1.5rem}h2 a{text-decoration:none}h2 a:hover,h2 a:focus-visible{text-decoration:underline}
.kicker{font:600 .75rem/1.4 system-ui,sans-serif;letter-spacing:.08em;text-transform:uppercase;color:var(--accent)}
.price{font:.8rem/1.5 system-ui,sans-serif;color:var(--soft);font-variant-numeric:tabular-nums}
article.story,article.desk{max-inline-size:38rem;margin:auto}article h1{font-size:clamp(2rem,6vw,3.2rem)}.standfirst{font-size:1.2em;color:var(--soft)}
article.story p:first-of-type::first-letter{float:inline-start;font-size:3.6em;line-height:.8;padding-inline-end:.08em;padding-block-start:.06em}
video{inline-size:100%;block-size:auto;aspect-ratio:16/9;display:block;border-radius:2px;background:#0b0e1a}
form{display:flex;flex-wrap:wrap;gap:.75rem 1.25rem;align-items:end;margin-block:1rem}label{display:grid;gap:.25rem;font:.8rem/1.4 system-ui,sans-serif;color:var(--soft)}
input,select,button{font:1rem/1.4 system-ui,sans-serif;color:var(--ink);background:transparent;border:1px solid var(--soft);border-radius:4px;padding:.45rem .7rem;min-block-size:2.75rem}select option{background:var(--paper)}
input[type=number]{inline-size:6rem}button{cursor:pointer;background:var(--accent);border-color:var(--accent);color:var(--paper);font-weight:600}button:disabled{opacity:.45;cursor:default}
.buttons{display:flex;gap:.75rem;flex-wrap:wrap;margin-block:1rem}.note{color:var(--soft);font:.9rem/1.5 system-ui,sans-serif;min-block-size:1.5em;margin-block:.5rem;overflow-wrap:anywhere}
summary{cursor:pointer;font:.9rem/1.5 system-ui,sans-serif}dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem;margin-block:.75rem}dt{font-variant-numeric:tabular-nums;color:var(--soft)}dd{margin:0}
ol.log{list-style:none;padding:0;margin:0}ol.log li{border-block-end:1px solid var(--rule);padding-block:.5rem}ol.log .number{font-variant-numeric:tabular-nums;color:var(--soft);margin-inline-end:.75rem}
caption{text-align:start;font-weight:700;padding-block:.75rem .25rem}table{border-collapse:collapse;inline-size:100%;font-variant-numeric:tabular-nums}th,td{text-align:start;padding:.3rem 0;border-block-end:1px solid var(--rule)}
footer{border-block-start:1px solid var(--rule);margin-block-start:3rem;padding-block:1rem 2rem;font-size:.85rem;color:var(--soft)}
:focus-visible{outline:3px solid light-dark(#0b57d0,#8ab4f8);outline-offset:3px}
`;

/** @param name the paper's name: a link, or the heading of the front page */
export const shell = (
  title: string,
  body: string,
  name = '<a class="name" href="/">The Harbour Gazette</a>',
): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><link rel="icon" href="data:,"><style>${style}</style></head>
<body><header>${name}<div class="line"><span>Founded 1871</span><span>No advertisements, no subscription: a fraction of a cent a piece</span><span>Paid with Farthing</span></div></header>
<main>${body}</main>
<footer>Every piece has its price beside it. You pay for what you read, and read it again free; what comes by the second, the day or the message is paid as it comes. Demo money only.</footer></body></html>`;

/** `'0.0015 USD'` as a newspaper prints it. */
export const cents = (price: string): string => `$${price.replace(' USD', '')}`;
