// Every bound that Farthing puts on what comes from outside, in one place. `farthing limits` prints this table.

/** name → [value, unit, why this much]. Values are starting points; raising one is a protocol decision. */
const table = {
  challengeBytes: [2048, 'bytes', 'one challenge; some intermediaries drop longer header lines'],
  challengeHeaderBytes: [16_384, 'bytes', 'all WWW-Authenticate lines of one answer together'],
  challenges: [16, 'challenges', 'offers read from one answer'],
  authParams: [32, 'parameters', 'parameters of one challenge'],
  credentialBytes: [4096, 'bytes', 'the header size every server must accept; more goes by reference'],
  receiptBytes: [4096, 'bytes', 'a receipt travels in one header line'],
  acceptPaymentBytes: [512, 'bytes', 'a preference list of four methods is under 100'],
  idempotencyKeyBytes: [255, 'bytes', 'as long as the keys that payment services accept'],
  jsonDepth: [8, 'levels', 'no message of ours is deeper than five'],
  bodyBytes: [65_536, 'bytes', 'one API request or one payload by reference'],
  digestBodyBytes: [1_048_576, 'bytes', 'a request body whose digest a payment binds'],
  brokers: [4, 'brokers', 'brokers that one challenge may name'],
  descriptionChars: [120, 'characters', 'text of a site that a wallet shows'],
  urlBytes: [4096, 'bytes', 'a request target that a payment binds'],
  amountMax: [10n ** 18n, 'base units', 'one amount; sums stay below 2^63'],
  sumMax: [2n ** 63n - 1n, 'base units', 'one balance: a signed 64-bit integer in every database'],
  clockSkewMs: [60_000, 'ms', 'how far two clocks may differ'],
  challengeLifeMs: [300_000, 'ms', 'a charge challenge; time enough to ask a person'],
  requestAgeMs: [300_000, 'ms', 'age of a signed broker request that was not seen before'],
  reservationMs: [60_000, 'ms', 'a reservation without a status; then a repeat may run again'],
  retentionMs: [86_400_000, 'ms', 'a stored outcome outlives its instruments by this'],
  claimWindowMs: [604_800_000, 'ms', 'how long after expiry a vendor may still claim'],
  scripBytes: [640, 'bytes', 'one piece of scrip'],
  scripProps: [8, 'members', 'properties of one piece'],
  scripPropsBytes: [256, 'bytes', 'properties of one piece, as JSON'],
  scripSerial: [10n ** 15n, 'serials', 'serials of one key id; exact in a double'],
  scripBuyCount: [20, 'pieces', 'pieces in one purchase'],
  scripTtlMinMs: [3_600_000, 'ms', 'shortest life that scrip can be bought with'],
  scripTtlMaxMs: [31_536_000_000, 'ms', 'longest life that scrip can be bought with'],
  chainLength: [100_000, 'words', 'one payword chain; 0.1 s of hashing to make, a day of seconds to spend'],
  chainLengthDouble: [10_000, 'words', 'a double-locked chain: an opening hashes all of it once'],
  chainsInline: [4, 'chains', 'chains written into one commitment; more go under a Merkle root'],
  chainSegments: [64, 'segments', 'chains under one Merkle root: a path of six hashes'],
  wordStep: [1000, 'hashes', 'a payment is at most so many words above the last: about 1 ms of work'],
  wordStepMax: [10_000, 'hashes', 'the most that a site may allow instead'],
  wordWindow: [64, 'indices', 'how far parallel requests of one session may overtake each other'],
  sessionDeeds: [4, 'commitments or tickets', 'the opening of a session and its top-ups; the state stays under 1 KB'],
  sessionIdleMs: [3_600_000, 'ms', 'a session without a payment; then the site closes it'],
  sessionIdleMaxMs: [86_400_000, 'ms', 'the longest idle time that a site may allow'],
  sessionUnits: [1_000_000, 'units', 'units that one request takes or one meter reading consumes'],
  sessionStreams: [4, 'streams', 'streams of one session at once; their part of its state stays small'],
  streamLeaseMs: [
    10_000,
    'ms',
    'a stream that says nothing for so long is gone; what it took and did not deliver is free',
  ],
  streamBatch: [256, 'units', 'units of a fast stream that one write takes: what a crash may cost the site'],
  companions: [1000, 'requests', 'companions of streams that one vendor process lets wait'],
  companionWaitMs: [25_000, 'ms', 'the longest that a companion waits; some proxies cut requests after 30 s'],
  certLifeMs: [86_400_000, 'ms', 'a day certificate; what it allows at most is lost with a stolen day key'],
  chainTtlMaxMs: [2_592_000_000, 'ms', 'longest life that a prepaid chain can be bought with'],
  chainTickets: [64, 'tickets', 'ranges of one prepaid chain; a refund sums over them'],
  paywordWindowMs: [172_800_000, 'ms', 'how long after expiry words can be claimed; then the rest is refunded'],
  paywordClaims: [500, 'claims', 'sessions in one redemption batch'],
  invoiceSessions: [500, 'sessions', 'one invoice; a period with more has several. Under 64 KB'],
  redeemHashes: [200_000, 'hashes', 'work of one redemption batch: 0.2 s, and twice the longest chain'],
  keysets: [256, 'keysets', 'keys of one broker in use: 27 denominations of a few currencies and epochs'],
  coinsInHeader: [4, 'coins', 'coins and change of one payment that fit a header of 4 KB'],
  coinsToRestore: [100, 'outputs', 'one batch of a restore; a wallet stops after three empty ones'],
  coinHoldMs: [86_400_000, 'ms', 'a payment with coins that its site neither captured nor voided'],
  coinsByReference: [64, 'coins', 'coins, and outputs, of one payment by reference, one withdrawal or one swap'],
  sealedBytes: [1_099_511_627_776, 'bytes', 'sealed goods: 2^40, far below what one AES key may encrypt'],
  sealedRecordBytes: [65_536, 'bytes', 'plaintext of one sealed record: what is held in memory of a file of any size'],
  mediaChars: [128, 'characters', 'a media type'],
  itemChars: [200, 'characters', 'the name of sealed goods at their site'],
  memoBytes: [80, 'characters', 'what a customer writes on a cheque'],
  approvals: [4, 'approvals', 'people who allow one cheque'],
  redeemClaims: [1000, 'claims', 'claims in one redemption batch'],
  redemptionsKept: [
    10_000,
    'redemptions',
    'of one method that a site keeps; older ones are in its statement at the broker',
  ],
  pendingClaims: [1_000_000, 'claims', 'claims a site keeps while its broker is away; then 503'],
  statementLines: [200, 'lines', 'one page of a statement'],
  openReservations: [10_000, 'reservations', 'requests one vendor process is serving at once'],
  vendorOrigins: [8, 'origins', 'web origins one site may register'],
} as const satisfies Record<string, readonly [number | bigint, string, string]>;

export type LimitName = keyof typeof table;

/** The values alone: `limits.credentialBytes`. */
export const limits = Object.freeze(
  Object.fromEntries(Object.entries(table).map(([name, [value]]) => [name, value])),
) as { readonly [Name in LimitName]: (typeof table)[Name][0] };

/** The whole table for people: name, value, unit and the reason for the bound. */
export function describeLimits(): { name: LimitName; value: string; unit: string; why: string }[] {
  return Object.entries(table).map(([name, [value, unit, why]]) => ({
    name: name as LimitName,
    value: String(value),
    unit,
    why,
  }));
}
