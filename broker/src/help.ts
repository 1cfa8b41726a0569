// What `broker --help` prints.
export const HELP = `Farthing broker: sells scrip, pays sites, keeps the ledger.

  broker [serve] [options]             run the service
  broker audit [--data DIR] [--json]   recompute the ledger and name what is wrong; exit 1 on findings
  broker voucher --value '5 USD' [--count 10]   issue voucher codes, one a line
  broker invite [--count 1]            issue codes that let a site register
  broker vendors                       list sites, what they are owed, and alarms
  broker overclaims [--json]           claims that were not paid, with evidence for a third party
  broker check-evidence FILE [--json]  judge such evidence with nothing but the file; exit 1 unless all is proved
  broker credit --account KEY --value '20 USD'   let an account owe so much; '0 USD' ends its credit
  broker invoices [--close]            invoices of customers on credit; --close makes those of the running period now
  broker keysets [--revoke KS] [--rotate]   keys of coins, and what each has out; --revoke: its coins are only swapped;
                                       --rotate: the next key of each, now
  broker peers [list]                  brokers that this one clears with: what each owes, or is owed
  broker peers add URL --limit '100 USD' [--fingerprint ID]   take coins of another broker for our sites, up to what it may
                                       owe us; '0 USD': it takes ours, and we none of its. Shows its fingerprint first
  broker migrate [--dry-run]           bring the tables to this version; --dry-run: only try
  broker migrate --from sqlite --to postgres --database URL   move the ledger, and prove that nothing changed
  broker peers remove ID               nothing new with it; what is under way is finished and cleared
  broker clear [ID]                    settle with other brokers what was owed until a minute ago; exit 1 where the books differ
  broker statement                     balances by kind of account
  broker settlement [--since DAY] [--until DAY]   what each site earned and gave back in a period
  broker export [--since DAY] [--until DAY] [--site NAME | --account KEY] [--format csv|json]   every line of the journal of a
                                       period (--until not included), of all accounts or of one; json: an object a line

  broker archive --before DAY [--to FOLDER] [--dry-run] [--shrink]   move closed months from before that day, 400 days old or
                                       more, into files (default: archive in the broker's directory); all is tried on a copy
                                       first; --shrink: gives the room in a ledger's file back, orders wait meanwhile
  broker archive --list | --restore FILE   what is archived; bring the last period back
  broker audit|settlement|export|overclaims --archive FOLDER   over archived periods too
  broker audit --archive FOLDER --renew   keep anew, out of the archives, what audits go on from without them: after a new
                                       version that asks for it

  --data DIR            keys and ledger (default ./.farthing/broker)       FARTHING_BROKER_DATA
  --database URL        postgres://…: the ledger is there, for any number
                        of brokers with the same keys                      FARTHING_BROKER_DATABASE
  --port N              0 takes a free port (default 8402)                 FARTHING_BROKER_PORT
  --host ADDRESS        (default 127.0.0.1)                                FARTHING_BROKER_HOST
  --name TEXT           what wallets show, at most 64 characters           FARTHING_BROKER_NAME
  --test                demo money and open registration; money is worth nothing   FARTHING_BROKER_TEST=1
  --registration MODE   open or invite (default invite)                    FARTHING_BROKER_REGISTRATION
  --faucet-limit MONEY  demo money for one request (default '5 USD'); an account gets five times as much an hour
                                                                           FARTHING_BROKER_FAUCET_LIMIT
  --credit-limit MONEY  test mode: what any account may owe (default '1 USD')   FARTHING_BROKER_CREDIT_LIMIT
  --payword-fee N       kept of PayWord claims, in hundredths of a percent (default 0)   FARTHING_BROKER_PAYWORD_FEE
  --poll MONEY          on credit a site reports one payment in so much (default '0.01 USD')   FARTHING_BROKER_POLL
  --password-limit, --passkey-limit, --wallet-limit MONEY   cheques: the most in one payment, by how well the key that writes
                        them is kept; four times as much in a day (default '5 USD', '50 USD', '1000 USD')
                                                                           FARTHING_BROKER_PASSWORD_LIMIT, …
  --single MONEY        cheques of more than that are never summed in the books (default '1 USD')   FARTHING_BROKER_SINGLE
  --invoice-period P    on credit: daily, weekly or monthly (default monthly)   FARTHING_BROKER_INVOICE_PERIOD
  --invoice-due DAYS    to pay an invoice in; then no more certificates (default 14)   FARTHING_BROKER_INVOICE_DUE
  --ecash               make coins that nobody can trace: keys for them take some seconds to make   FARTHING_BROKER_ECASH=1
  --hosted              pages where people without a wallet pay, with passkeys; needs https (--public-url). On in test mode
                                                                           FARTHING_BROKER_HOSTED=1
  --code-command FILE   lets hosted wallets be opened by password and code: a program that sends the code, {"to","code","text"}
                        on its standard input                              FARTHING_BROKER_CODE_COMMAND
  --public-url URL      how others reach it, behind a proxy                FARTHING_BROKER_PUBLIC_URL
  --otlp URL            sends figures and traces to a collector, OTLP over HTTP, such as http://127.0.0.1:4318   FARTHING_BROKER_OTLP
  --log FORMAT          on standard error: text or json, one line an event (default text)   FARTHING_BROKER_LOG
  --log-level LEVEL     debug tells of each order, info, warn or error (default info)   FARTHING_BROKER_LOG_LEVEL
  --json                results as JSON; serve prints {"url","brk"} when ready
  --help
`;
