import { type CommandLine, isWaybillWorker, programIn } from "./command-line.ts";
import { execStart, path } from "./escape.ts";

export type KillMode = "mixed" | "control-group";

/** What a unit and a drop-in have in common: how the service stops. */
export interface Stopping {
  readonly killMode: KillMode;
  readonly stopSeconds: number;
  /** Units of this machine that the worker needs until its end, such as postgresql.service. */
  readonly after: readonly string[];
}

export interface UnitSettings extends Stopping {
  /** With ".service". */
  readonly name: string;
  readonly command: CommandLine;
  readonly user: string;
  readonly group: string | null;
  readonly directory: string;
  readonly environmentFiles: readonly string[];
}

/** The order of the stop is the reverse of the order of the start: the network goes down after the worker has ended. */
const ordering = ({ after }: Stopping): readonly string[] =>
  ["Wants", "After"].map((name) => `${name}=${["network-online.target", ...after].join(" ")}`);

const stopping = ({ killMode, stopSeconds }: Stopping): readonly string[] => [
  `KillMode=${killMode}`,
  "KillSignal=SIGTERM",
  `TimeoutStopSec=${stopSeconds}`,
];

/** Restrictions under which Node, every backend and the commands of waybill work. MemoryDenyWriteExecute= is not one: V8 compiles. */
const HARDENING = [
  "NoNewPrivileges=yes",
  "CapabilityBoundingSet=",
  "ProtectSystem=full",
  "PrivateDevices=yes",
  "ProtectKernelTunables=yes",
  "ProtectKernelModules=yes",
  "ProtectKernelLogs=yes",
  "ProtectControlGroups=yes",
  "ProtectClock=yes",
  "ProtectHostname=yes",
  "RestrictSUIDSGID=yes",
  "RestrictRealtime=yes",
  "LockPersonality=yes",
  "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
  "UMask=0027",
] as const;

/** Returns the unit file of a worker. Throws `UsageError` for what a unit file cannot hold. */
export function unitFile(settings: UnitSettings): string {
  const { name, command, user, group, directory, environmentFiles } = settings;
  const [program, ...args] = command;
  const start = [programIn(directory, program), ...args] as const;
  const label = name.replace(/@?\.service$/, "");
  const isTemplate = name.endsWith("@.service");
  const paths = [directory, start[0], ...environmentFiles];
  return sections([
    ["Unit", [`Description=${label}${isTemplate ? " %i" : ""}`, ...ordering(settings), "StartLimitIntervalSec=0"]],
    [
      "Service",
      [
        "Type=exec",
        `User=${user}`,
        ...(group === null ? [] : [`Group=${group}`]),
        `WorkingDirectory=${path(directory, "--directory")}`,
        ...environmentFiles.map((file) => `EnvironmentFile=${path(file, "--environment-file")}`),
        ...(isWaybillWorker(command) ? localFile(label, isTemplate) : []),
        `ExecStart=${execStart(start)}`,
        "Restart=always",
        "RestartSec=2",
        // Exit code 2: the command line, a URL or a jobs file is wrong. A restart does not help.
        ...(isWaybillWorker(command) ? ["RestartPreventExitStatus=2"] : []),
        ...stopping(settings),
        ...HARDENING,
        ...(paths.some((one) => /^\/(tmp|var\/tmp)(\/|$)/.test(one)) ? [] : ["PrivateTmp=yes"]),
        ...(paths.some((one) => /^\/(home|root|run\/user)(\/|$)/.test(one)) ? [] : ["ProtectHome=yes"]),
      ],
    ],
    ["Install", ["WantedBy=multi-user.target"]],
  ]);
}

/** Keeps the summary of the last shutdown in /var/log, where it remains when stdout went to a log service that was gone. */
const localFile = (label: string, isTemplate: boolean): readonly string[] => [
  `LogsDirectory=${label}`,
  `Environment=WAYBILL_SHUTDOWN_FILE=%L/${label}/shutdown${isTemplate ? "-%i" : ""}.log`,
];

/** Returns a drop-in for the unit of another owner. It changes how the service stops, and with `command` what it starts. */
export function dropInFile(settings: Stopping & { readonly command: CommandLine | null }): string {
  const { command } = settings;
  return sections([
    ["Unit", ordering(settings)],
    [
      "Service",
      [...(command === null ? [] : ["ExecStart=", `ExecStart=${execStart(command)}`]), ...stopping(settings)],
    ],
  ]);
}

const sections = (all: readonly (readonly [string, readonly string[]])[]): string =>
  `# Written by \`waybill systemd\`.\n${all.map(([title, lines]) => [`[${title}]`, ...lines, ""].join("\n")).join("\n")}`;
