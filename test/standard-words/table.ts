/** One line of the table of standard words: what to say, what not to say, and where the other word is right. */
export interface StandardWord {
  readonly say: string;
  readonly not: string;
  /**
   * Finds the word in the meaning that has a standard word. Is applied to the path and the text in lower case, with
   * identifiers split into words ("releaseWaiting" is "release waiting") and comments joined over their lines.
   */
  readonly pattern: RegExp;
  /** As `pattern`, on the text as it is written: for words that are wrong as a name only. */
  readonly names?: RegExp;
  /** Paths to which the line applies; omitted: all. */
  readonly paths?: RegExp;
  /** Phrases in which the word has another meaning, each with the reason. */
  readonly except?: readonly (readonly [phrase: RegExp, reason: string, paths?: RegExp])[];
}

const never = /(?!)/g;
const PEERS =
  "server|broker|backend|application|socket|queue|redis|valkey|postgresql|postgres|rabbitmq|sqs|aws|emulator|endpoint|receiver|sender|host|proxy|node|address|port|peer|process|url|carrier|service|database|it|they|that|which|nothing";

/** The order is that of the table in the style guide. */
export const standardWords: readonly StandardWord[] = [
  {
    say: "returns, result, response",
    not: "answers",
    pattern: /\banswer(s|ed|ing)?\b/g,
    except: [
      [
        new RegExp(
          `\\b(${PEERS})( (has|have|had|does|do|did|is|was|will|may|must|can|could|should|not|never|still|no|longer|last|ever|that|which)){0,4} answer(s|ed)?\\b`,
          "g",
        ),
        "a server that is asked over a connection answers",
      ],
      [/\b(no|without an?|first|waits? for (an|the|its)) answer\b/g, "of a server, while none has come"],
      [/\banswer(s|ed)? (with )?([1-5]\d\d\b|\$\{)|\} answered\b/g, "an HTTP status, or a server by its URL"],
      [/\bdoes\s+not\s+answer\b|\breceiver\.answers\b|\bthe answer broke off\b/g, "of a server"],
    ],
  },
  {
    say: "release",
    not: "put back, hand back, give back, go back",
    pattern:
      /\b(puts?|putting|hands?|handed|handing|gives?|gave|given|giving|go|goes|going|gone|went)(\s+\w+){0,3}\s+back\b(?! (off|to back))|\bback to (the|its|their) queue\b/g,
  },
  {
    say: "lease",
    not: "claim, take, hold",
    pattern:
      /\bclaim(s|ed|ing|er)?\b|\bholders?\b|\bunclaimed\b|\b(take|takes|took|taken|taking|hold|holds|holding)\s+((a|an|the|its|no|more|new|one|another|any|other|these|those|all|their)\s+){0,2}(jobs?|leases?|messages?|deliver(y|ies))\b/g,
    names: /\btake[A-Z]\w*|\btaken[A-Z]\w*/g,
    except: [
      [
        /\b(jwt|oidc|token|aud|iss|exp|email|registered)('s)? claims?\b|\bclaims?( \w+)? (of|in) (a|the|its|this) (jwt|token)\b/g,
        "a claim of a JSON Web Token",
      ],
      [/\bholders? of (a|the|one) (secret|key|lock)\b/g, "who has a secret or a lock"],
      [/\bclaim(s|ed)?\b/g, "a claim of a JSON Web Token", /^packages\/http\/.*\/(oidc|qstash)\.ts$/],
      [
        /\bclaims\b/g,
        "whether a request is for an endpoint",
        /^packages\/http\/.*\/(endpoint|listener|node-endpoint|ingress)\.ts$/,
      ],
    ],
  },
  {
    say: "dead-letter, keep as a dead letter",
    not: "bury, keep for a person",
    pattern: /\bbur(y|ies|ied|ying)\b|\bfor (a|one) (person|human)\b|\bfor people to\b|\bfor somebody to look\b/g,
  },
  {
    say: "in-flight job, leased",
    not: "held",
    pattern: /\bheld\b/g,
    except: [
      [/\bheld (write |read |advisory |row )?locks?\b|\blocks? (is |are |was |that is )?held\b/g, "a lock"],
      [/\bheld in memory\b|\bheld open\b/g, "bytes in memory, an open file or connection"],
    ],
  },
  {
    say: "concurrency limiter, slot",
    not: "Slots, places, room",
    pattern:
      /\brooms?\b|\bplaces\b|\b(free|empty|spare|a|no|its|own|each|every|one) place\b(?! (of|in|where|that|to|for|with))/g,
    names: /\b(class|new|type|interface) Slots\b|[:{] Slots\b|\bslots\.(ts|js)\b/g,
    except: [
      [
        /\b(decimal|two|three|several|many|other|all|both|which|of) places\b|\bits place\b/g,
        "positions in a text, parts of a program",
      ],
    ],
  },
  {
    say: "prefetch",
    not: "fetch ahead",
    pattern: /\bfetch(es|ed|ing)?\s+(\w+\s+){0,2}ahead\b/g,
  },
  {
    say: "fair scheduler",
    not: "queue lines, turn",
    pattern:
      /\b(queue|waiting|wait)('s)?\s+lines?\b|\b(its|their|whose|own|every|each|take|takes|took|taking|by|wait for (a|the))\s+turns?\b/g,
  },
  {
    say: "poison isolation, suspected job",
    not: "suspects",
    pattern: /\bsuspects?\b/g,
    except: [[/"suspect"/g, "the reason code of a release, in events and logs"]],
  },
  {
    say: "ack deadline",
    not: "patience",
    pattern: /\b(im)?patien(ce|t|tly)\b/g,
  },
  {
    say: "endpoint",
    not: "door",
    pattern: /\bdoors?\b/g,
  },
  {
    say: "inbound delivery",
    not: "parcel",
    pattern: /\bparcels?\b/g,
  },
  {
    say: "worker registry",
    not: "roster",
    pattern: /\brosters?\b/g,
  },
  {
    say: "notifier, notify",
    not: "news, hints, tell",
    pattern: /\bnews\b|\bhints?\b|\b(tell|tells|told|telling|untold)\b/g,
    except: [[/\b(tell|tells|told|telling)(\s+\w+){0,3}\s+(apart|from)\b/g, "to distinguish"]],
  },
  {
    say: "maintenance",
    not: "tend, upkeep",
    pattern: /\btend(s|ed|ing)?\b|\bupkeep\b/g,
    except: [[/\btends? to\b/g, "to be likely to"]],
  },
  {
    say: "delay levels",
    not: "ladder, rung",
    pattern: /\bladders?\b|\brungs?\b/g,
  },
  {
    say: "connection, consumer, publisher",
    not: "link, reading, intake, sender",
    pattern: /\blinks?\b|\bintakes?\b|\bsenders?\b/g,
    names: /\b[Rr]eadings?\b(?=[.,)?]|: Reading| =)|\w+Reading\b/g,
    paths: /^packages\/rabbitmq\//,
    except: [[/\{@link\b/g, "JSDoc"]],
  },
  {
    say: "replay protection, replay key",
    not: "once",
    pattern: never,
    names:
      /\bOnce[A-Z]\w*|[:<|&] Once\b|\b(interface|type|class) Once\b|\breadonly once\b|\bonce\??: (string|null|Once)\b|\bonce\.ts\b|\bonce\.js\b/g,
    paths: /^packages\/(http|express|nest|cli)\//,
  },
  {
    say: "IP allowlist (allowIps)",
    not: "peers",
    pattern: /\bpeers\b|\ballow peer/g,
    except: [[/\bpeers? (depend|of npm)|\boptional peers?\b|\bas peers\b/g, "peer dependencies of npm"]],
  },
  {
    say: "forward, forwarded",
    not: "ran elsewhere, hands on, any job",
    pattern: /\bran elsewhere\b|\b(hand|hands|handed|handing)\s+(\w+\s+){0,3}on\b/g,
    except: [[/\bby hand on\b/g, "manually"]],
    names: /\b(anyJob|AnyJob)\w*|\bany-job\b/g,
  },
  {
    say: "assert requirements, assert supported",
    not: "insist on, demand",
    pattern: /\binsist(s|ed|ing)?\b|\bdemand(s|ed|ing)?\b/g,
    except: [[/\bon demand\b/g, "when it is needed"]],
  },
  {
    say: "remedy, what to do",
    not: "way out",
    pattern: /\bways?\s+out\b/g,
  },
  {
    say: "force",
    not: "hurry",
    pattern: /\bhurr(y|ies|ied|ying)\b/g,
  },
  {
    say: "unresponsive to abort",
    not: "deaf",
    pattern: /\bdeaf\w*\b/g,
  },
  {
    say: "an explicit subject",
    not: "nobody, somebody, whoever",
    pattern: /\b(nobody|somebody|whoever|anybody|someone|everybody)\b/g,
  },
];
