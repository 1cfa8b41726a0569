// The film is a plain video element, whose seconds are paid as they come. This says what it waits for, and goes on from
// where a film stopped before its end, so that nobody pays again for what was seen.
const film = document.querySelector('video');
const note = document.getElementById('note');
const goOn = document.getElementById('go-on');
/** Seconds that were seen. A player whose film stops early jumps to the end, so its own clock does not tell. */
let seen = 0;

film.addEventListener('timeupdate', () => {
  if (!film.ended) seen = film.currentTime;
});
film.addEventListener('playing', () => say(''));
film.addEventListener('waiting', () => {
  if (film.readyState > HTMLMediaElement.HAVE_NOTHING) say('Waiting for the next second…');
});
film.addEventListener('ended', () => {
  // A player tells its time every quarter of a second: one second that did not come is more than that.
  if (film.duration - seen > 0.75) stopped();
});
film.addEventListener('error', () => {
  if (seen > 0) stopped();
  else say(`Each second costs ${film.dataset.price}. With the Farthing wallet the film plays by itself.`);
});
goOn.addEventListener('click', () => {
  say('');
  film.src = `/film/skerry-point.webm?from=${goOn.value}`;
  seen = 0;
  film.focus();
  void film.play();
});

function stopped() {
  say('');
  const from = String(Math.floor(seen));
  goOn.value = from;
  goOn.textContent = `Go on from 0:${from.padStart(2, '0')}`;
  goOn.hidden = false;
}

function say(text) {
  note.textContent = text;
  goOn.hidden = true;
}
