// What the Harbour Gazette prints: a small newspaper of a small port, priced by the piece.

export type Article = {
  slug: string;
  kicker: string;
  title: string;
  standfirst: string;
  minutes: number;
  paragraphs: readonly string[];
};

/** Every article costs the same, so one challenge answers for all of them. */
export const articlePrice = '0.0015 USD';

export const articles: readonly Article[] = [
  {
    slug: 'last-lighthouse-keeper',
    kicker: 'The coast',
    title: 'The last lighthouse keeper',
    standfirst: 'For forty-one winters Ines Abram kept a light that no ship needed any more. Then one did.',
    minutes: 4,
    paragraphs: [
      'The lamp at Skerry Point burns for nobody. The ferries steer by satellite, the trawlers were sold for scrap in the spring of a year that people here would rather not name, and the last chart that marks the light as anything but a ruin hangs in the schoolroom, where it is used to teach fractions.',
      'Ines Abram lights it all the same. At dusk she climbs the hundred and eight steps, winds the clockwork that turns the lens, and sits with the logbook on her knees. “A light that is only lit when it is needed”, she says, “is a torch.”',
      'On the ninth of February the fog came in so thick that the gulls walked. A boy of fourteen, out in his uncle’s dinghy with a telephone that had drunk the sea, saw what he took for the moon, and rowed towards it for three hours. The moon, he noticed after a while, was counting: two long, one short.',
      'The boy is well. The logbook of that night has a single line in a steady hand: “Wind none. Visibility none. One vessel.”',
    ],
  },
  {
    slug: 'the-price-of-a-herring',
    kicker: 'The market',
    title: 'The price of a herring',
    standfirst: 'Every morning at five, eleven people who distrust one another agree on a number.',
    minutes: 3,
    paragraphs: [
      'There is no bell. When Marta Lund puts down her coffee the auction has begun, and when she picks it up again it is over; in between lie four to seven minutes in which the price of a herring is found, as a diver finds the bottom: by going down until it stops.',
      'The buyers bid with their eyebrows. A stranger who sneezes may own a ton. Nobody has ever written the rules down, because, as Lund puts it, “then there would be a lawyer, and he would want breakfast”.',
      'Yesterday it stopped at a fraction of a cent more than the day before. Nobody at the quay could say why. By noon the same herring, smoked, cost in the capital what it has cost for nine years: too much.',
    ],
  },
  {
    slug: 'a-map-of-the-wind',
    kicker: 'Science',
    title: 'A map of the wind',
    standfirst:
      'Two retired postmen have measured the air over the harbour for thirty years. Now the air office has called.',
    minutes: 6,
    paragraphs: [
      'It began with hats. Between the sorting office and the pier a postman loses, on average, one hat every two years, and the brothers Teodor and Emil Vahl, who delivered the harbour district between them, began to mark on a street plan where theirs had come off.',
      'Thirty years later the plan covers a wall. Coloured threads show where the wind turns corners, where it rests, and the one courtyard, behind the chandler’s, in which it has never been seen to blow at all.',
      'In October the air office asked for a copy: its model, fed by six satellites, had been wrong about the harbour every March since it was switched on. The brothers sent the plan, and one hat.',
    ],
  },
];

/** Dearer than a wallet's usual limit for a page: it always asks. */
export const almanac: Article = {
  slug: 'the-almanac',
  kicker: 'From the archive',
  title: 'The harbour almanac, complete',
  standfirst: 'Tides, lights, moons and saints’ days of the whole year, as printed since 1871.',
  minutes: 90,
  paragraphs: [
    'January. High water on the first at 05:12 and 17:40. The light at Skerry Point shows two long, one short.',
  ],
};
export const almanacPrice = '0.05 USD';

export const picture = { title: 'Skerry Point at dusk', price: '0.0025 USD' } as const;
/** The picture as a file to keep. */
export const print = { price: '0.005 USD' } as const;
/** A film of a second for each unit: shorter than a wallet's usual limit for a page, so one yes lasts to its end. */
export const film = {
  kicker: 'Moving pictures',
  title: 'An evening at Skerry Point',
  standfirst: 'Sunset, fog, and one vessel: the night of the ninth of February in thirty-six seconds.',
  price: '0.0002 USD',
  seconds: 36,
} as const;
