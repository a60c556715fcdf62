import { wordsOf } from "../glossary.ts";

/**
 * Words that a programmer knows without our glossary: what names of exports and of files may be made of besides its terms.
 * A word that a stranger would have to look up does not belong here, nor does one that has a standard word instead.
 */
const english = `
  aside
  a abort absent account ack across action active actual add address admit advance after against age ahead alarm album alive all allow allowlist
  alone and announce announced another any app application applied apply arg array arrival arrive as assert assertion async at attach
  attempt attribute audience author auto available average away back background backlog backoff base basic batch before begin behaviour
  benchmark between bind binding bitmap block body boolean boot both bound bridge broker browser bucket buffer build builder built
  bulk bus busy by byte cache calculate call callback cancel canonical capability capacity capture case catalogue cause certain
  certificate chain change channel chaos charset check child choice claims class clean cleanup client clock clone close closed cloud
  cluster coalesce code codec collect collection column combine command comment commit common compare complete component concurrency
  condition config configuration configured confirm conflict connect connection consistency console constant constraint consume
  consumer container content context contract convert copy core correct cost count counter coverage cpu crash create credential cron
  current cursor custom cut damage dashboard data database date day deadline decide declaration declare decode decorator dedupe
  default defect defer define definition delay delete deliver demand demo depend dependency depth derive derived describe description destination
  detail detect detector device dialect differ digest directory disable discard disconnect discover disk dispatch dispatcher dispose distance document
  domain done down drain draining driver drop due dump duplicate durable duration dynamic each echo edge elapsed element emit emitter empty
  enable encode encoding end endpoint engine enhanced enhancer ensure entry enum environment equal error escape estimate evaluate
  event every examinable examine example exception exchange execute execution exhaust exhaustion exist exit expect expectation expiry explain
  export expose exposition expression extend extension external extra extract fact factor factory fail failed failure fair fall fallback
  false fast fatal fault feature fetch few field fifo file fill filter final find finder finding finish first fixture flag flat flight
  flow flush folder follow followup for forbidden force foreign fork form format forward forwarded found frame free freeze frequency fresh from full
  function gap gate gateway gather gauge generate get global go grace graph greedy group guard guarded handle harness has hash head header
  health healthy heap heartbeat height help hex high histogram history home hook host hostname hour http human id idempotency identity
  idle if ignore image immediate import in inactivity inbound inbox incoming index indicator info inherit init initial inject inline
  inner input insert inspect inspectable inspector instance instrument integer interface internal interval invalid invoke is isolation issue issuer
  item iterate iterator jitter json judge junction keep keeper key kind known label language last late later latency latest lane launch layer lazy
  leak lease leased least leave ledger length let less level library lifecycle light like limit limiter line link list listen listener literal live load loader
  local locate location lock log logger logging long look loop loopback low machine mail main maintenance make manifest many map mark mask master match matcher
  matching matrix max maximum me mean measure measured measurement median member memory merge message meta metadata method metric metrics
  middleware migrate migration min minimal minute missing mock mode model module moment monitor monotonic more most mount move ms much
  multiple name named native need negative network never new next no node none normal normalise not notice notification notifier notify
  now null number object observability observe observer obstacle of off offer offset oldest on once one only open operation operator option
  optional or order origin other out outage outbox outer output over overlap overridable override overview own owner package page pair
  parallel parameter parent parse parser part partition party password patch path pattern pause pay peak peer pending per percent
  percentile period periodic permit phase ping pipe pipeline place plain plan platform point pointer policy poll poller pool pooler port
  position positive post prefetch prefix preflight prepare present previous print printable printer priority private problem process processing
  profile program progress project promise proof property protocol prove provide provider proxy public publish published publisher pulse
  purge purpose push put query quick quote quota race random range rank rate ratio raw reachability read reader ready reason receipt
  receive received recent reclaim recogniser reconnect record recorder recover recovered recovery redact redirect reduce reference refuse
  refused region register registered registration registry reject rejected rejection relation relative release released reload remaining
  remedy remember remote remove rename renew renewal repair repeat repeated replace replay reply report repository request require
  required requirement reservation reserve reset resize resolve resource respond response rest restart restore result resume retain
  retention retry retryable return revision rewrite right ring role rollback root rotate round route router row rule run runner running
  runtime safe safety same sample sampler scale scan scenario scenarios schedule scheduled scheduler scheme schema scope score scratch
  script search second secret section seed segment select selector self semaphore send sending sent sequence serial serialise serialiser
  series serve server service session set setting settled settlement settler settling setup severity shape share shared shell shift short show
  shutdown side sign signal signed signing silent similarity simple simulate simulation single sink size skew skip sleep slice slot slow
  snapshot socket sort source span spec special specification spool stable stack stage stale standard start started startup state static
  statistic status step stop stopped storage store stored storing stream strict string strip structure style sub subject subscribe
  subscription success sum summary supervisor supported suspected suspend swap switch sync system table tag tail take taken tally target
  task telemetry template temporary tenant term terminal termination test testing text then thread threshold throttle throw thrown tick time timeout
  timer timestamp timing tls to token tolerance tool top topic topology total trace traced tracer track tracked tracker traffic transaction
  transactional transfer transform transition transport trap tree trial trigger trim trip true trust try turn type unacked
  unauthenticated unavailable undefined unhandled unhealthy union unique unit unknown unlock unresponsive unsafe unsettled unsigned
  unstored until unwrap update upcast upgrade upload url usage use user vacuum valid validate validation validator value variable vector verb
  verdict verify verifier version view visibility visit wait waiter waiting wake warn warning watch watcher way web weight when where
  whole why width wildcard window wire with within without word work world wrap wrapper wrapping write writer wrong zone argument given pull pulled
  accept accepted admin assembled assigned await awaited backup bare best better big body bottom bounded breaker budget byte capped
  cascade certainty checked chosen closing cold compatible compose compressed computed constructor converted counted created
  decoded defaulted delayed deleted delivered denied dependent digit direction done double downgrade draft duplicated early edit
  emulated enabled encoded enqueued ended entered essential exact excess excluded existing expected expired expiring explicit exposed
  failing fetched field fill filtered finished fixed flushed format fragment gone good granted grouped handling heading hidden
  idempotent ignored implementation implicit included incomplete inherited installed internal interrupt interrupted invalidated joined
  kill killed known last launcher leaf leading limited listed loaded loading locked logged main malformed management many mapped marked
  matched matches member merged missed moved mutation mutex named nested notified observed omitted opened opener opening optional
  ordered ordering overdue overflow owned packed parsed partial passed paused pem pending picked polled polling portable prefixed
  prepared preserved private proceed produced proposal pulled pushed queued quiet quoted raised random rebuild recorded refreshed refresh
  refusal regular remain removed replaced replica replicated replication reported requested resend resent resolved restored retried returned reused review
  revoked routed routing scanned scheduling scoped selected separate separator serialised served setting shown shut slowest small
  smallest sorted split spot squash stalled stamp statement still stopping streamed stripped submit submitted successful sweep sweeper
  synced system terminate terminated tested timed together too tracking translate truncate truncated turned typed unchanged unclean
  uncounted unexpected unhandled unlisted unparsed unreadable unresolved unstarted unused updated upper used validated waited wakeup
  worded written
`;

const products = `
  amqp arn aws boss bullmq drizzle eventbridge express fauxqs jwks jwt kysely lambda lua moto nest nginx oidc orm otel pg pgbouncer
  ec ecs postgre postgres prisma prometheus pubsub qstash rabbitmq redis sha sns sql sqlite sqs sqsd systemd vhost vitest waybill hmac ip uuid api cli
  css csv db dns html io os pid tcp ts ttl txt udp ui unix uri utf yaml
`;

/** In the singular, as `wordsOf` returns the words of a name. */
const plainWords: ReadonlySet<string> = new Set(wordsOf(`${english} ${products}`));

/** Returns whether a word, or the verb or noun it is formed from ("tracked", "leasing", "reader"), is on the list. */
export function isPlain(word: string): boolean {
  const [, stem] = /^(.{2,}?)(?:ed|ing|er|or|able|ly)$/.exec(word) ?? [];
  const single = stem?.replace(/(.)\1$/, "$1");
  return [word, stem, `${stem}e`, single].some((form) => form !== undefined && plainWords.has(form));
}
