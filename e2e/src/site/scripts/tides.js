// Asks the priced endpoint as any page would: it knows nothing of wallets. A receipt is shown where one came.
const form = document.querySelector('form');
const place = document.getElementById('tides');
const cost = document.getElementById('cost');
const button = form.querySelector('button');

form.addEventListener('submit', (event) => {
  event.preventDefault();
  void ask();
});
await ask();

async function ask() {
  const query = new URLSearchParams(new FormData(form));
  button.disabled = true;
  cost.textContent = 'Asking the harbour office…';
  const answer = await fetch(`/api/tides?${query}`).catch(() => undefined);
  button.disabled = false;
  if (answer?.ok) show(await answer.json(), answer.headers.get('payment-receipt'));
  else cost.textContent = sorry(answer?.status);
}

function sorry(status) {
  return status === 402
    ? 'The harbour office asks a fraction of a cent for this. With the Farthing wallet it appears here by itself.'
    : 'The harbour office does not answer.';
}

function show({ port, days }, receipt) {
  place.replaceChildren(...days.map((day) => table(port, day)));
  const micro = days.length * Math.round(Number(form.dataset.price) * 1e6);
  const money = `$${(micro / 1e6).toFixed(6).replace(/0+$/, '')}`;
  const count = days.length === 1 ? 'One day' : `${days.length} days`;
  const number = receipt ? `, receipt ${referenceOf(receipt)}` : '';
  cost.textContent = `${count}: ${money}${number}.`;
}

function table(port, { date, tides }) {
  const element = document.createElement('table');
  element.createCaption().textContent = `${port}, ${date}`;
  for (const { at, metres, kind } of tides) {
    const row = element.insertRow();
    for (const text of [at, `${kind} water`, `${metres} m`]) row.insertCell().textContent = text;
  }
  return element;
}

/** A receipt is JSON in base64url. */
function referenceOf(receipt) {
  const { method, reference } = JSON.parse(atob(receipt.replaceAll('-', '+').replaceAll('_', '/')));
  return `${reference} (${method})`;
}
