"""Flips single bits of published sets, one at a time, and asks `verify` each time.

Makes a small set of each job, with rejected rows; of `sequences` one more, to which a day was added. Then flips a
random bit of a random file (parts, tables, quarantine, manifests, the audit's report), runs `verify --audit-rows 0`,
expects exit 65, and puts the bit back.

    flips.py [--binary PATH] [--quick] [--count 2000]
"""

import json
import subprocess

from trust import Report, run, said


def rows(rng, kind):
    """Rows of a source; one in forty cannot be used."""
    day = lambda: f"2025-08-{rng.randint(1, 16):02}"
    clock = lambda: f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"
    when = lambda: "soon" if rng.random() < 0.025 else f"{day()} {clock()}"
    if kind == "impressions":
        shown = lambda: [{"item_id": rng.randint(1, 99), "is_order": rng.choice([True, False, None])} for _ in range(5)]
        for at in range(60):
            yield {"dt": rng.choice(["2025-08-15", "2025-08-16"]), "ranking_id": f"r{at}",
                   "customer_id": rng.randint(1, 20), "impressions": shown()}
    elif kind == "market":
        for at in range(200):
            yield {"impression_id": at, "user_id": rng.randint(1, 20), "listing_id": rng.randint(1, 30),
                   "impression_ts": f"{day()} {clock()}"}
    elif kind == "listings":
        for at in range(1, 30):
            yield {"listing_id": at, "category": rng.choice(["toys", "home", None]), "price": at / 4, "created_ts": day()}
    elif kind == "events":
        for _ in range(400):
            yield {"timestamp": when(), "user_id": f"u{rng.randint(1, 20)}", "flyer_id": f"f{rng.randint(1, 9)}",
                   "event": rng.choice(["flyer_open", "item_open", "flyer_close"]), "merchant_id": rng.choice("abc")}
    else:
        item, time_name = {"clicks": ("item_id", "click_time"), "market_clicks": ("listing_id", "click_ts")}.get(
            kind, ("config_id", "occurred_at"))
        who = "user_id" if kind == "market_clicks" else "customer_id"
        for _ in range(400):
            yield {who: rng.randint(1, 20), item: rng.randint(1, 30), time_name: when()}


def write(path, rows):
    """Writes rows as NDJSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def make_sets(binary, home, rng):
    """Makes the sets; gives their folders."""
    for name, kind in [("impressions", "impressions"), ("clicks", "clicks"), ("add_to_carts", "carts"),
                       ("previous_orders", "orders")]:
        write(home / "shop" / f"{name}.ndjson", rows(rng, kind))
    for name, kind in [("impressions", "market"), ("clicks", "market_clicks"), ("listings", "listings")]:
        write(home / "market" / f"{name}.ndjson", rows(rng, kind))
    write(home / "events.ndjson", rows(rng, "events"))
    bad = ["--on-bad-row", "quarantine", "--quiet"]
    runs = [
        ["sequences", "shop", "--out", "sequences", "--max-actions", "50"],
        ["sequences", "shop", "--out", "days", "--cutoff", "day", "--date", "2025-08-15", "--codec", "lz4_raw"],
        ["sequences", "shop", "--out", "days", "--add-days", "--date", "2025-08-16", "--codec", "lz4_raw"],
        ["features", "market", "--out", "features", "--windows", "1h,7d"],
        ["dwell", "events.ndjson", "--out", "dwell"],
    ]
    for args in runs:
        subprocess.run([binary, *args, *bad], cwd=home, check=True)
    sets = ["sequences", "days", "features", "dwell"]
    for name in sets:
        subprocess.run([binary, "verify", name, "--quiet"], cwd=home, check=True)
    return sets


def main():
    report = Report("flips", __doc__, {"--count": {"type": int, "default": 2000, "help": "flips in all"}})
    home, rng, binary = report.work, report.random, report.binary
    count = 50 if report.quick else report.asked.count
    counts, slowest = {}, 0.0
    sets = make_sets(binary, home, rng)
    files = {name: sorted(p for p in (home / name).rglob("*") if p.is_file() and p.stat().st_size) for name in sets}
    for _ in range(count):
        name = rng.choice(sets)
        path = rng.choice(files[name])
        whole = path.read_bytes()
        at, bit = rng.randrange(len(whole)), rng.randrange(8)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << bit)]) + whole[at + 1 :])
        verified = run([binary, "verify", name, "--audit-rows", "0"], cwd=home)
        path.write_bytes(whole)
        slowest = max(slowest, verified.seconds)
        kind = path.name if path.name.startswith("_") or name == "dwell" else path.suffix[1:]
        counts[name, kind] = counts.get((name, kind), 0) + 1
        fine = verified.code == 65 and "panick" not in verified.err and "internal fault" not in verified.err
        report.check(fine, f"bit {bit} of byte {at} of {path.relative_to(home)}: {verified}", f"flips.py --seed {report.asked.seed}")
    for name in sets:
        verified = run([binary, "verify", name, "--audit-rows", "0", "--quiet"], cwd=home)
        report.check(verified.code == 0, f"{name} as it was: {verified}", said(verified))
    for (name, kind), flips in sorted(counts.items()):
        print(f"{flips:7} flips in {name}: {kind}")
    report.figure("single bits flipped in what is published", count, f"{report.failures} not noticed; slowest verify {slowest:.2f} s")
    report.finish()


if __name__ == "__main__":
    main()
