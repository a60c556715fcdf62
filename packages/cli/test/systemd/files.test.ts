import { expect, test } from "vitest";
import { parseCommandLine } from "../../src/systemd/command-line.ts";
import { execStart } from "../../src/systemd/escape.ts";
import { stopSeconds } from "../../src/systemd/stop-limit.ts";
import { dropInFile, unitFile, type UnitSettings } from "../../src/systemd/unit.ts";

const settings: UnitSettings = {
  name: "mailer.service",
  command: parseCommandLine("node_modules/.bin/waybill worker --jobs dist/jobs.js"),
  user: "app",
  group: null,
  directory: "/srv/app",
  environmentFiles: ["/etc/app.env"],
  after: [],
  killMode: "mixed",
  stopSeconds: 32,
};

test("R36: the unit of a worker", () => {
  expect(unitFile(settings)).toBe(`# Written by \`waybill systemd\`.
[Unit]
Description=mailer
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
User=app
WorkingDirectory=/srv/app
EnvironmentFile=/etc/app.env
LogsDirectory=mailer
Environment=WAYBILL_SHUTDOWN_FILE=%L/mailer/shutdown.log
ExecStart=/srv/app/node_modules/.bin/waybill worker --jobs dist/jobs.js
Restart=always
RestartSec=2
RestartPreventExitStatus=2
KillMode=mixed
KillSignal=SIGTERM
TimeoutStopSec=32
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=full
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
UMask=0027
PrivateTmp=yes
ProtectHome=yes

[Install]
WantedBy=multi-user.target
`);
});

test("R47: the drop-in for the unit of a platform changes how it stops, and nothing else", () => {
  expect(dropInFile({ ...settings, command: null, after: ["redis-server.service"] }))
    .toBe(`# Written by \`waybill systemd\`.
[Unit]
Wants=network-online.target redis-server.service
After=network-online.target redis-server.service

[Service]
KillMode=mixed
KillSignal=SIGTERM
TimeoutStopSec=32
`);
});

test("a drop-in with a command replaces what the unit starts", () => {
  const text = dropInFile({ ...settings, command: ["/usr/bin/node", "main.js"] });
  expect(text).toContain("[Service]\nExecStart=\nExecStart=/usr/bin/node main.js\n");
});

test("each instance of a template has a local file of its own", () => {
  const text = unitFile({ ...settings, name: "mailer@.service" });
  expect(text).toContain("Description=mailer %i\n");
  expect(text).toContain("LogsDirectory=mailer\nEnvironment=WAYBILL_SHUTDOWN_FILE=%L/mailer/shutdown-%i.log\n");
});

test("a program other than waybill gets no variables of waybill, and every exit restarts it", () => {
  const text = unitFile({ ...settings, command: ["node", "dist/main.js"] });
  expect(text).toContain("ExecStart=node dist/main.js\n");
  expect(text).not.toContain("WAYBILL");
  expect(text).not.toContain("RestartPreventExitStatus");
});

test("what the program needs is not hidden from it", () => {
  expect(unitFile({ ...settings, directory: "/home/app/shop" })).not.toContain("ProtectHome");
  expect(unitFile({ ...settings, environmentFiles: ["/root/app.env"] })).not.toContain("ProtectHome");
  expect(unitFile({ ...settings, directory: "/tmp/shop" })).not.toContain("PrivateTmp");
});

test.for([
  [`node a.js 'one word' "it's" b\\ c`, `node a.js "one word" "it's" "b c"`],
  [`node a.js 50% $HOME "\\$1"`, "node a.js 50%% $$HOME $$1"],
  [`node a.js 'say "hi"' 'C:\\new'`, String.raw`node a.js "say \"hi\"" "C:\\new"`],
  [`node a.js '' ';' --x=a'b'"c"`, `node a.js "" ";" --x=abc`],
  [`/opt/my node/x`, `/opt/my node/x`],
  [`"/opt/my node/x" 'a;b' 'p|q'`, `"/opt/my node/x" "a;b" "p|q"`],
] as const)("the words of %s are written as %s", ([given, written]) => {
  expect(execStart(parseCommandLine(given))).toBe(written);
});

test.for([
  ["", /--exec is empty/],
  ["npm start", /starts npm, a script runner, which keeps SIGTERM from the worker; write the program itself/],
  ["/bin/sh -c 'node a.js'", /starts sh, a shell/],
  ["node /usr/lib/node_modules/npm/bin/npm-cli.js start", /a script runner/],
  ["node /usr/bin/npm start", /starts npm, a script runner/],
  ["pm2 start dist/main.js", /starts pm2, a process manager/],
  ["node a.js\n--jobs b.js", /a line break or another control character.*in one line/],
  ["nodemon dist/main.js", /a watcher/],
  [
    "NODE_ENV=production node a.js",
    /begins with the variable NODE_ENV; put it into a file and give --environment-file/,
  ],
  ["node a.js && node b.js", /contains &, which only a shell understands/],
  ["node a.js > out.log", /contains >/],
  ["node 'a.js", /a quote or a backslash without its end: 'a\.js/],
  ["node a.js \\", /a quote or a backslash without its end/],
  ["node 'a\nb'", /a line break or another control character/],
  ["-node a.js", /--exec starts -node, and systemd does not take "-" there/],
  ["/opt/$x/node a.js", /--exec starts \/opt\/\$x\/node, and systemd does not take "\$" there/],
] as const)("--exec %j is refused", ([given, error]) => {
  expect(() => execStart(parseCommandLine(given))).toThrow(error);
});

test("R36: systemd waits longer than the steps of the shutdown together", () => {
  expect(stopSeconds({ drain: "20s", abort: "4s", close: "3s" })).toBe(32);
  expect(stopSeconds({ drain: "10m", abort: "500ms", close: 0 })).toBe(606);
});
