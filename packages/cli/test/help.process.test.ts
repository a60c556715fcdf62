import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { nodeArguments, waybill } from "./cli.ts";

describe("help", () => {
  test("the command introduces itself, without colours in a pipe", async () => {
    const { code, stdout, stderr } = await waybill(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatchInlineSnapshot(`
      "Usage: waybill [options] [command]

      Run background jobs, enqueue them, inspect queues and handle dead letters.

      Options:
        -v, --version                    print the version
        -h, --help                       display help for command

      Commands:
        init [options] [folder]          write jobs, a worker and a first test into a project
        worker [options]                 run jobs until SIGTERM or SIGINT
        push [options]                   POST jobs to an application until SIGTERM or SIGINT
        ingress [options]                accept jobs over HTTP until SIGTERM or SIGINT
        enqueue [options] <type> [json]  enqueue one job
        queues [options]                 count jobs by queue and state
        workers [options]                list the workers that run now
        top [options]                    watch queues and workers in the terminal
        jobs                             list, show, cancel, run or reschedule jobs
        why [options] <id>               say why a job does not run
        audit [options]                  find jobs that were accepted and are nowhere
        dead                             list, show, replay or drop dead letters
        schedules                        list, put, pause, run or remove schedules
        flows                            list, show or cancel flows
        pause [options]                  pause a queue, or a type of job
        resume [options]                 end a pause
        dashboard [options]              serve the dashboard until SIGTERM or SIGINT
        drain [options]                  wait until a queue is empty
        migrate [options]                bring the backend's schema up to date
        doctor [options]                 examine the backend and print every setting with its origin
        wait [options]                   wait until the backend answers
        systemd [options]                write a unit file, or a drop-in for a unit that a platform writes
        check [options] <file>           report what is wrong with an envelope
        keys [options]                   create a key that signs jobs

      Examples:
        waybill worker --jobs ./jobs.js                                       run jobs until SIGTERM or Ctrl-C
        waybill enqueue mail.album_ready '{"albumId":"a1"}' --jobs ./jobs.js  enqueue one job
        waybill queues                                                        count the jobs of each queue

      Environment:
        WAYBILL_URL      the backend, where --url is not given
        WAYBILL_LEDGER   a backend that lends its ledger to another, where --ledger is not given
        WAYBILL_RECORDS, WAYBILL_RECORDS_REDACT   what \`worker\`, \`push\` and \`enqueue\` keep of each job
        WAYBILL_JOBS     the module with the job definitions, where --jobs is not given
        WAYBILL_KEYS     the secrets: the first signs jobs, all are trusted
        WAYBILL_METRICS_PORT, WAYBILL_METRICS_HOST   where \`worker\` and \`push\` serve /metrics, /health and /ready
        WAYBILL_SHUTDOWN_FILE   a local file in which \`worker\` and \`push\` keep how they ended
        OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER, OTEL_METRICS_EXPORTER
                         where \`worker\` and \`push\` send spans and metrics, by @opentelemetry/sdk-node
        PORT             where \`ingress\` listens, where --port is not given
        WAYBILL_DASHBOARD_PASSWORD
                         what \`dashboard\` asks for, with the name of --user
        WAYBILL_TO       where \`push\` POSTs, where --to is not given
        WAYBILL_DEBUG=1  print stacks with errors
        NO_COLOR         print without colours

      Exit codes:
        0 done   1 failed   2 the command line, a URL or a jobs file is wrong
      "
    `);
  });

  test("without a command the same is said on stderr, as a usage error", async () => {
    const [asked, silent] = [await waybill(["--help"]), await waybill([])];
    expect(silent).toEqual({ code: 2, stdout: "", stderr: asked.stdout });
  });

  test("a command says what it takes, its units and defaults, and shows examples", async () => {
    expect((await waybill(["worker", "--help"])).stdout).toMatchInlineSnapshot(`
      "Usage: waybill worker [options]

      Run jobs until SIGTERM or SIGINT, then finish or release running jobs and print a summary.

      Options:
        --jobs <file>             module with the jobs: its handlerFor exports, or its array \`jobs\` (env:
                                  WAYBILL_JOBS)
        --canary <duration>       send a job that does nothing through each queue this often, for an alert
                                  on its age
        --queues <names>          queues to lease from, with weights if any: media=3,mailers (default:
                                  those of the jobs)
        --concurrency <count>     jobs at once (default: 10)
        --prefetch <count>        quick jobs leased before a slot is free; 0: none (default: 500)
        --lease <duration>        a crashed worker's jobs run elsewhere after this long (default: "30s")
        --heartbeat <duration>    how often the worker reports that it is alive, for \`waybill workers\`
                                  (default: "10s")
        --drain <duration>        at shutdown, let running jobs finish for this long (default: "20s")
        --abort <duration>        then abort them and wait this long before releasing them (default: "4s")
        --close <duration>        then give the backend this long to close (default: "3s")
        --max-lost <count>        dead-letter a job after it has lost this many workers (default: 20)
        --max-memory <size>       shut down above this much memory, for a supervisor to restart: 512MiB,
                                  2GiB
        --shutdown-file <path>    a local file that keeps the summary of each shutdown (default: none)
                                  (env: WAYBILL_SHUTDOWN_FILE)
        --signatures <policy>     whether jobs need a signature: off, optional, required, or by queue:
                                  payments=required
        --metrics-port <number>   serve /metrics, /health and /ready at this port; 0: any that is free
                                  (default: none) (env: WAYBILL_METRICS_PORT)
        --metrics-host <address>  where that port listens; 0.0.0.0: every address of this machine
                                  (default: "127.0.0.1", env: WAYBILL_METRICS_HOST)
        --platform <name>         drain when the platform ends the machine: ec2, ecs or kubernetes
                                  (default: on signals) (choices: "ec2", "ecs", "kubernetes", env:
                                  WAYBILL_PLATFORM)
        --lifecycle-hook <name>   on ec2: the Auto Scaling group's hook, completed after the drain (env:
                                  WAYBILL_LIFECYCLE_HOOK)
        --program-version <text>  shown by \`waybill workers\` (default: the version in package.json) (env:
                                  WAYBILL_PROGRAM_VERSION)
        --keys-file <file>        file that holds the keys (default: those in WAYBILL_KEYS) (env:
                                  WAYBILL_KEYS_FILE)
        --records <duration>      keep what happens to each job for this long: 7d (default: nothing is
                                  kept) (env: WAYBILL_RECORDS)
        --records-redact <paths>  never keep these members of payloads: card.number,items.*.secret (env:
                                  WAYBILL_RECORDS_REDACT)
        --records-search          keep an index of their texts as well, on SQLite and PostgreSQL
        --url <url>               the backend: sqlite:./waybill.db, redis:, sqs:, amqp:, postgres:
                                  (default: "sqlite:./waybill.db", env: WAYBILL_URL)
        --ledger <url>            a backend that lends its ledger to sqs: or amqp: (env: WAYBILL_LEDGER)
        --json                    print JSON, one line per row; errors too, on stderr
        -h, --help                display help for command

      Examples:
        waybill worker --jobs ./jobs.js                                    from every queue of the jobs
        waybill worker --jobs ./jobs.js --queues mailers --concurrency 50  mail only, fifty jobs at once
        waybill worker --jobs ./jobs.js --drain 100s                       for a platform that waits two minutes

      Output:
        One JSON object per line on stdout, text on a terminal without --json; the last line is the summary of the shutdown.
        Output of handlers by \`console\` goes to stderr.
        A second signal shortens the shutdown, a third ends the process at once.
      "
    `);
    expect((await waybill(["push", "--help"])).stdout).toMatchInlineSnapshot(`
      "Usage: waybill push [options]

      Lease jobs and POST each to an application, whose response settles it.

      Options:
        --to <url>                                 where to POST: http://HOST/PATH, https:,
                                                   http://unix:/PATH/TO.SOCK:/PATH (env: WAYBILL_TO)
        --queues <names>                           queues to lease from, with weights if any:
                                                   media=3,mailers (default: default)
        --http-connections, --concurrency <count>  jobs at once (default: 10)
        --prefetch <count>                         quick jobs leased before a slot is free; 0: none
                                                   (default: 500)
        --visibility-timeout, --lease <duration>   a crashed worker's jobs run elsewhere after this long
                                                   (default: "30s")
        --heartbeat <duration>                     how often the worker reports that it is alive, for
                                                   \`waybill workers\` (default: "10s")
        --drain <duration>                         at shutdown, let running jobs finish for this long
                                                   (default: "20s")
        --abort <duration>                         then abort them and wait this long before releasing
                                                   them (default: "4s")
        --close <duration>                         then give the backend this long to close (default:
                                                   "3s")
        --max-lost <count>                         dead-letter a job after it has lost this many workers
                                                   (default: 20)
        --max-memory <size>                        shut down above this much memory, for a supervisor to
                                                   restart: 512MiB, 2GiB
        --shutdown-file <path>                     a local file that keeps the summary of each shutdown
                                                   (default: none) (env: WAYBILL_SHUTDOWN_FILE)
        --signatures <policy>                      whether jobs need a signature: off, optional, required,
                                                   or by queue: payments=required
        --metrics-port <number>                    serve /metrics, /health and /ready at this port; 0: any
                                                   that is free (default: none) (env:
                                                   WAYBILL_METRICS_PORT)
        --metrics-host <address>                   where that port listens; 0.0.0.0: every address of this
                                                   machine (default: "127.0.0.1", env:
                                                   WAYBILL_METRICS_HOST)
        --platform <name>                          drain when the platform ends the machine: ec2, ecs or
                                                   kubernetes (default: on signals) (choices: "ec2",
                                                   "ecs", "kubernetes", env: WAYBILL_PLATFORM)
        --lifecycle-hook <name>                    on ec2: the Auto Scaling group's hook, completed after
                                                   the drain (env: WAYBILL_LIFECYCLE_HOOK)
        --program-version <text>                   shown by \`waybill workers\` (default: the version in
                                                   package.json) (env: WAYBILL_PROGRAM_VERSION)
        --http-path <path>                         instead of a path in --to
        --mime-type <type>                         content type of the POST (default: "application/json")
        --inactivity-timeout <duration>            wait this long for a response, then send again
                                                   (default: "299s")
        --connect-timeout <duration>               wait this long for a connection (default: "5s")
        --error-visibility-timeout <duration>      delay after a failure whose response names none
                                                   (default: the retry schedule)
        --max-retries <count>                      attempts for an application that does not count them
                                                   (default: 10)
        --keys-file <file>                         file that holds the keys (default: those in
                                                   WAYBILL_KEYS) (env: WAYBILL_KEYS_FILE)
        --unsigned                                 send without a signature
        --records <duration>                       keep what happens to each job for this long: 7d
                                                   (default: nothing is kept) (env: WAYBILL_RECORDS)
        --records-redact <paths>                   never keep these members of payloads:
                                                   card.number,items.*.secret (env:
                                                   WAYBILL_RECORDS_REDACT)
        --records-search                           keep an index of their texts as well, on SQLite and
                                                   PostgreSQL
        --url <url>                                the backend: sqlite:./waybill.db, redis:, sqs:, amqp:,
                                                   postgres: (default: "sqlite:./waybill.db", env:
                                                   WAYBILL_URL)
        --ledger <url>                             a backend that lends its ledger to sqs: or amqp: (env:
                                                   WAYBILL_LEDGER)
        --json                                     print JSON, one line per row; errors too, on stderr
        -h, --help                                 display help for command

      Examples:
        waybill push --to http://127.0.0.1:3000/work                                the queue \`default\`, ten at once
        waybill push --to http://unix:/run/app.sock:/work --queues media,mailers    over a unix socket
        waybill push --to http://localhost --http-path /work --http-connections 50  with the option names of Elastic Beanstalk's daemon

      Responses:
        A receiver of @waybill/http decides the outcome of each job. Of any other application 2xx is success, 429 and 503 release
        the job, and 500 is a failed attempt. An application that is full, draining or not there costs no job an attempt.

      Output:
        One JSON object per line on stdout, text on a terminal; the last line is the summary of the shutdown.
      "
    `);
    expect((await waybill(["enqueue", "--help"])).stdout).toMatchInlineSnapshot(`
      "Usage: waybill enqueue [options] <type> [json]

      Enqueue one job and print its id once it is stored.

      Arguments:
        type                      which handler runs it: mail.album_ready
        json                      its payload as JSON, or "-" to read it from standard input (default: {})

      Options:
        --jobs <file>             module with the job definitions; other types are refused (env:
                                  WAYBILL_JOBS)
        --no-registry             accept any type unchecked, for workers that are not written here
        --queue <name>            instead of the queue of its definition (without a definition: default)
        --delay <duration>        do not start it before this long from now: 500ms, 5s, 10m, 2h, 7d
        --run-at <time>           do not start it before this ISO 8601 time
        --id <id>                 the job's id, a UUID; the same id and payload twice are one job
                                  (default: a new id)
        --keys-file <file>        file that holds the keys (default: those in WAYBILL_KEYS) (env:
                                  WAYBILL_KEYS_FILE)
        --records <duration>      keep what happens to each job for this long: 7d (default: nothing is
                                  kept) (env: WAYBILL_RECORDS)
        --records-redact <paths>  never keep these members of payloads: card.number,items.*.secret (env:
                                  WAYBILL_RECORDS_REDACT)
        --records-search          keep an index of their texts as well, on SQLite and PostgreSQL
        --url <url>               the backend: sqlite:./waybill.db, redis:, sqs:, amqp:, postgres:
                                  (default: "sqlite:./waybill.db", env: WAYBILL_URL)
        --ledger <url>            a backend that lends its ledger to sqs: or amqp: (env: WAYBILL_LEDGER)
        --json                    print JSON, one line per row; errors too, on stderr
        -h, --help                display help for command

      Examples:
        waybill enqueue mail.album_ready '{"albumId":"a1"}' --jobs ./jobs.js       checked against its definition
        waybill enqueue report.build - --jobs ./jobs.js --delay 10m < report.json  payload from a file, in ten minutes
        waybill enqueue thumb.make '{"id":7}' --no-registry --queue media          for a worker in another language
      "
    `);
    expect((await waybill(["dead", "replay", "--help"])).stdout).toMatchInlineSnapshot(`
      "Usage: waybill dead replay [options]

      Make dead letters available again, each as a first attempt.

      Options:
        --queue <name>   only those of this queue
        --id <id>        only this one; may be repeated
        --type <type>    only jobs of this type: mail.album_ready
        --code <code>    only those with this code: ATTEMPTS_EXHAUSTED
        --since <time>   only those that died within this duration (2h) or since this ISO 8601 time; not
                         those of an unknown time
        --all            every dead letter, or every one that passes --queue, --type, --code and --since
        --limit <count>  with --all: only this many, newest first (default: no limit)
        --dry-run        show what would be replayed, and change nothing
        --url <url>      the backend: sqlite:./waybill.db, redis:, sqs:, amqp:, postgres: (default:
                         "sqlite:./waybill.db", env: WAYBILL_URL)
        --ledger <url>   a backend that lends its ledger to sqs: or amqp: (env: WAYBILL_LEDGER)
        --json           print JSON, one line per row; errors too, on stderr
        -h, --help       display help for command

      Examples:
        waybill dead replay --id ID --id ID                                      these two
        waybill dead replay --type mail.send --code WORKER_LOST --all --dry-run  look first
        waybill dead replay --type mail.send --code WORKER_LOST --all            all of one type with one code
      "
    `);
  });

  test.each([
    ["worker"],
    ["push"],
    ["ingress"],
    ["dashboard"],
    ["init"],
    ["check"],
    ["keys"],
    ["enqueue"],
    ["queues"],
    ["workers"],
    ["dead"],
    ["dead", "list"],
    ["dead", "drop"],
    ["migrate"],
  ])("%s %s has one sentence and examples", async (...words) => {
    const { stdout } = await waybill([...words, "--help"]);
    expect(stdout).toMatch(/\n\n[A-Z][^\n]*[^.]*\.\n\n/);
    expect(stdout).toContain(`\nExamples:\n  waybill ${words.join(" ")}`);
  });

  test("a terminal gets colours, NO_COLOR and a pipe do not", async () => {
    const bold = "\u001B[1m";
    const line = [process.execPath, ...nodeArguments, "--help"].join(" ");
    const shown = (env: Readonly<Record<string, string>>): string =>
      // `script` gives the command a terminal of its own.
      execFileSync("script", ["--quiet", "--return", "--command", line, "/dev/null"], {
        env: { PATH: process.env["PATH"] ?? "", TERM: "xterm", ...env },
        encoding: "utf8",
      });
    expect(shown({})).toContain(bold);
    expect(shown({ NO_COLOR: "1" })).not.toContain(bold);
    expect((await waybill(["--help"])).stdout).not.toContain(bold);
  });

  test("--version prints the package's version", async () => {
    expect((await waybill(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
