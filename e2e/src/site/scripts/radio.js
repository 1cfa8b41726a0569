// Listens with a plain EventSource: each message is paid as it comes, until somebody presses Stop.
const button = document.querySelector('button');
const note = document.getElementById('note');
const log = document.getElementById('log');
const MOST_LINES = 50;
const priceMicro = Math.round(Number(log.dataset.price) * 1e6);
/** Open while somebody listens. */
let source;
let messages = 0;

button.addEventListener('click', () => (source ? end(`Off, after ${counted()}.`) : listen()));

function listen() {
  messages = 0;
  button.textContent = 'Stop';
  note.textContent = 'Tuning in…';
  source = new EventSource('/radio/log');
  source.addEventListener('message', ({ data }) => {
    messages += 1;
    print(JSON.parse(data));
    note.textContent = `On air: ${counted()}.`;
  });
  source.addEventListener('payment-need-payword', () => {
    note.textContent = `Waiting for the wallet, after ${counted()}.`;
  });
  // The site's last word: without it, an EventSource would dial again and again.
  source.addEventListener('payment-receipt', () => end(`The site has ended the stream, after ${counted()}.`));
  source.addEventListener('error', () => {
    if (source?.readyState !== EventSource.CLOSED) return;
    const asked = 'Each message costs a fraction of a cent. With the Farthing wallet they appear here by themselves.';
    end(messages > 0 ? `Cut off, after ${counted()}.` : asked);
  });
}

function end(text) {
  source?.close();
  source = undefined;
  button.textContent = 'Listen';
  note.textContent = text;
}

function counted() {
  if (messages === 0) return 'no message';
  const money = `$${((messages * priceMicro) / 1e6).toFixed(6).replace(/0+$/, '')}`;
  return `${messages === 1 ? 'one message' : `${messages} messages`}, ${money}`;
}

function print({ n, from, text }) {
  const line = document.createElement('li');
  const name = document.createElement('strong');
  name.textContent = `${from}: `;
  const number = document.createElement('span');
  number.className = 'number';
  number.textContent = String(n).padStart(3, '0');
  line.append(number, name, text);
  log.prepend(line);
  while (log.children.length > MOST_LINES) log.lastElementChild.remove();
}
