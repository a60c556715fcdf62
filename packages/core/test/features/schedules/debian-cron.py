"""When Debian's cron runs a line around each change of the clocks, by zoneinfo. Prints the vectors of cron-ticks.test.ts.

The loop is that of Debian's cron: a virtual clock follows the clock on the wall. When that jumps ahead by 5 minutes to 3 hours,
lines with "*" in the minute or the hour run for the new time alone, and the others for each minute that was skipped. When it jumps
back by up to 3 hours, lines with "*" go on by the new time, and the others wait until the virtual clock is reached again.

Run: python3 debian-cron.py > cron-ticks.json
"""

import json
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

ZONES = ["Europe/Vienna", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo"]
FIXED = [
    "30 2 * * *",
    "15 2 * * *",
    "0 3 * * *",
    "0,30 1-3 * * *",
    "10,50 1 * * SUN",
    "45 1 * * *",
    "5 2 1-7 * SUN",
    "0 2,14 */2 * *",
]
WILD = ["*/30 * * * *", "15 * * * *", "*/20 2 * * *", "0 */2 * * *", "* 1 * * *", "7 * * * SUN"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
RANGES = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]


def number(text):
    return DAYS.index(text) if text in DAYS else int(text)


def values(field, low, high):
    found = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        if span == "*":
            first, last = low, high
        else:
            first, _, last = span.partition("-")
            first, last = number(first), number(last or first)
        found.update(range(first, last + 1, int(step or 1)))
    return found


class Line:
    def __init__(self, text):
        self.fields = text.split()
        minute, hour, day, month, weekday = (values(f, *r) for f, r in zip(self.fields, RANGES))
        self.minute, self.hour, self.day, self.month = minute, hour, day, month
        self.weekday = {value % 7 for value in weekday}
        star = [field.startswith("*") for field in self.fields]
        self.is_wild = star[0] or star[1]
        self.both_days = star[2] or star[4]

    def matches(self, wall):
        if wall.minute not in self.minute or wall.hour not in self.hour or wall.month not in self.month:
            return False
        day, weekday = wall.day in self.day, wall.isoweekday() % 7 in self.weekday
        return (day and weekday) if self.both_days else (day or weekday)


EPOCH = datetime(1970, 1, 1)
MINUTE = timedelta(minutes=1)


def wall_minutes(at, zone):
    return int((at.astimezone(zone).replace(tzinfo=None) - EPOCH) / MINUTE)


def runs(line, zone, begin, end):
    """The times at which cron starts the line, begin excluded, end included."""
    found = []
    virtual = wall_minutes(begin, zone)

    def find(minutes, wild, fixed):
        if (wild if line.is_wild else fixed) and line.matches(EPOCH + minutes * MINUTE):
            found.append(at)

    at = begin
    while at < end:
        at += MINUTE
        clock = wall_minutes(at, zone)
        ahead = clock - virtual
        if 0 < ahead <= 5:
            while virtual < clock:
                virtual += 1
                find(virtual, True, True)
        elif 5 < ahead <= 180:
            find(clock, True, False)
            while virtual < clock:
                virtual += 1
                find(virtual, False, True)
        elif -180 < ahead <= 0:
            find(clock, True, False)
        else:
            virtual = clock
            find(clock, True, True)
    return found


def changes(zone, year):
    at = datetime(year, 1, 1, tzinfo=timezone.utc)
    found = []
    while at.year == year:
        after = at + timedelta(minutes=30)
        if at.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            found.append(after)
        at = after
    return found or [datetime(year, 3, 29, 1, tzinfo=timezone.utc)]


def text(at):
    return at.strftime("%Y-%m-%dT%H:%MZ")


vectors = []
for name in ZONES:
    zone = ZoneInfo(name)
    for change in changes(zone, 2026):
        for crons, hours in ((FIXED, 60), (WILD, 5)):
            begin, end = change - timedelta(hours=hours), change + timedelta(hours=hours)
            for cron in crons:
                ticks = [text(at) for at in runs(Line(cron), zone, begin, end)]
                vectors.append({"zone": name, "cron": cron, "after": text(begin), "until": text(end), "ticks": " ".join(ticks)})
print(json.dumps(vectors, indent=2))
