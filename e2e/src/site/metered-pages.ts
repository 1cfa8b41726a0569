// The pages around what is sold by the unit: a film by the second, tides by the day, a radio log by the message.
import { captions } from './captions.ts';
import { film } from './content.ts';
import { mostDays, ports, radio, tidesPrice } from './harbour.ts';
import { cents, shell } from './shell.ts';

const whole = `$${(film.seconds * Number(film.price.replace(' USD', ''))).toFixed(4)}`;
const perSecond = `${cents(film.price)} a second`;
const transcript = captions
  .map(({ from, text }) => `<dt>0:${String(Math.floor(from)).padStart(2, '0')}</dt><dd>${text}</dd>`)
  .join('');

/** Nothing is fetched, and nothing paid, before somebody presses Play. */
export const filmPage = (): string =>
  shell(
    `${film.title} · The Harbour Gazette`,
    `<article class="desk"><div class="kicker">${film.kicker}</div><h1>${film.title}</h1><div class="standfirst">${film.standfirst}</div>
<p class="price">${film.seconds} seconds · ${perSecond} · ${whole} to the end</p>
<video controls playsinline preload="none" width="640" height="360" poster="/film/poster.jpg" src="/film/skerry-point.webm" data-price="${cents(film.price)}" aria-label="${film.title}">
<track kind="captions" srclang="en" label="English" src="/film/captions.vtt" default></video>
<div class="note" id="note" role="status"></div><button type="button" id="go-on" hidden></button>
<p>You pay for the seconds that come, and for no other: close the page, and it stops. The film has sound, and captions.</p>
<details><summary>What the film shows</summary><dl>${transcript}</dl></details></article><script type="module" src="/scripts/film.js"></script>`,
  );

/** A free page whose script asks the priced endpoint: today at the pier at once, more when somebody asks. */
export const tidesPage = (): string =>
  shell(
    'Tides · The Harbour Gazette',
    `<article class="desk"><div class="kicker">Today</div><h1>Tides</h1>
<p class="price">${cents(tidesPrice)} a day, asked of the harbour office as you look</p>
<form data-price="${tidesPrice.replace(' USD', '')}"><label>Port<select name="port">${[...ports]
      .map(([id, { name }]) => `<option value="${id}">${name}</option>`)
      .join('')}</select></label>
<label>Days<input type="number" name="days" value="1" min="1" max="${mostDays}" required></label><button>Ask</button></form>
<div class="note" id="cost" role="status"></div><div id="tides"></div></article><script type="module" src="/scripts/tides.js"></script>`,
  );

export const radioPage = (): string =>
  shell(
    `${radio.title} · The Harbour Gazette`,
    `<article class="desk"><div class="kicker">On air</div><h1>${radio.title}</h1>
<p class="price">${cents(radio.price)} a message, for as long as you listen</p>
<div class="buttons"><button type="button">Listen</button></div><div class="note" id="note" role="status"></div>
<ol class="log" id="log" data-price="${radio.price.replace(' USD', '')}"></ol></article><script type="module" src="/scripts/radio.js"></script>`,
  );
