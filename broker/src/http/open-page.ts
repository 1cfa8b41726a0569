// Where links to gifts and requests lead. What they carry is behind `#`, which browsers send nowhere; the page has no script that
// could read it, and says what to do with the address.

export const openPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Money from person to person</title>
<h1>Somebody sent you money, or asks you for some</h1>
<p>It is in the address of this page, behind the <b>#</b>. This server has not seen that part.</p>
<ul>
<li>With the Farthing extension: copy the whole address, and paste it under <b>Receive</b>.
<li>At a terminal: <code>farthing take 'ADDRESS'</code> takes a gift, <code>farthing gift --for 'ADDRESS'</code> answers a request.
</ul>
<p>A gift belongs to whoever takes it first: do not pass the address on.</p>
</html>
`;
