"""Whole sets of medium size against DuckDB: every row of `sequences`, every value, both ways.

Each set has other customers, days, history, settings (cutoff, lookback, length, embargo, zone, layout of threads and
memory), all drawn from the seed. DuckDB reads the same files and answers with a join, a sort and a list; what differs in
any column of any row fails.

    medium.py [--binary PATH] [--quick] [--sets 100]
"""
import shlex

import duckdb

from trust import Report, run, said, wipe

ACTIONS = {"clicks": ("item_id", "click_time", 1), "add_to_carts": ("config_id", "occurred_at", 2),
           "previous_orders": ("config_id", "occurred_at", 3)}
NAMES = {"clicks": "clicks", "carts": "add_to_carts", "orders": "previous_orders"}


def expected(folder, by_time, lookback, length, embargo, zone):
    """The samples as SQL; a query of no cleverness."""
    held = {name: embargo.get(source, 0) for source, name in NAMES.items()}
    log = " union all ".join(
        f"""select customer_id, {item} item, {kind} kind, epoch_us({time}) as moment, {held[name]} as held
            from '{folder}/{name}/**/*.parquet' where customer_id is not null"""
        for name, (item, time, kind) in ACTIONS.items())
    start_of_day = f"epoch_us(timezone('{zone}', dt::timestamp))"
    cutoff = "epoch_us(impression_time)" if by_time else start_of_day
    if lookback is None:
        since = "-(1::bigint << 62)"
    elif by_time:
        since = f"epoch_us(timezone('{zone}', timezone('{zone}', make_timestamptz(cutoff)) - interval {lookback} day))"
    else:
        since = f"epoch_us(timezone('{zone}', dt::timestamp - interval {lookback} day))"
    return f"""
        with log as ({log}),
        shown as (select row_number() over () shown, *, {cutoff} cutoff
                  from read_parquet('{folder}/impressions/**/*.parquet', hive_partitioning = true)
                  where customer_id is not null),
        bounds as (select *, {since} since from shown),
        prior as (select shown, item, kind, moment,
                         row_number() over (partition by shown order by moment desc, kind desc, item desc) place
                  from bounds join log using (customer_id)
                  where moment < cutoff and moment + held < cutoff and since <= moment),
        histories as (select shown, list(item order by place) items, list(kind order by place) kinds, max(moment) newest
                      from prior where place <= {length} group by shown),
        samples as (select dt::varchar dt, customer_id, ranking_id::varchar ranking_id, shown, cutoff,
                           unnest(impressions) element, generate_subscripts(impressions, 1) - 1 as position
                    from bounds)
        select dt, customer_id, ranking_id, position, element.item_id item_id, element.is_order is_order, cutoff,
               newest, coalesce(items, []) items, coalesce(kinds, []) kinds
        from samples left join histories using (shown)"""


def as_instants(folder):
    """Gives impressions a moment within their day, which generated ones do not have, and actions instants, not times on
    the wall: which of two equal ones on the wall came first is a matter of opinion."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for name, time in [("impressions", None), *((name, time) for name, (_, time, _) in ACTIONS.items())]:
            at = f"{time}::timestamptz as {time}" if time else """
                make_timestamptz(epoch_us(dt::timestamp) + (hash(ranking_id) % 86400000000)::bigint) as impression_time"""
            rest = f"exclude ({time}, dt)" if time else "exclude (dt)"
            for path in folder.glob(f"{name}/**/*.parquet"):
                changed = path.with_suffix(".changed")
                connection.execute(f"""copy (select * {rest}, {at} from read_parquet('{path}', hive_partitioning = true))
                                       to '{changed}' (format parquet)""")
                changed.rename(path)


def found(out):
    """The samples that were published."""
    return f"""
        select dt::varchar dt, customer_id, ranking_id, position, item_id, is_order, epoch_us(cutoff) cutoff,
               epoch_us(last_action_time) newest, actions[1:history_length] items,
               action_types[1:history_length] kinds
        from read_parquet('{out}/dt=*/*.parquet', hive_partitioning = true)"""


def main():
    report = Report("medium", __doc__, {"--sets": {"type": int, "default": 100, "help": "how many"}})
    sets = 3 if report.quick else report.asked.sets
    samples = actions = 0
    for number in range(sets):
        draw = report.random
        folder, out = report.work / "set", report.work / "out"
        sizes = {"impressions": draw.choice([50, 300, 1000]), "actions": draw.choice([2000, 20_000, 60_000]),
                 "customers": draw.choice([20, 300, 3000]), "items": draw.choice([30, 5000]), "days": draw.choice([1, 2, 4]),
                 "history-days": draw.choice([5, 60, 400]), "seed": draw.randrange(1 << 30)}
        made = run([report.binary, "generate", folder, "--quiet", *[f"--{k}={v}" for k, v in sizes.items()]])
        report.check(made.code == 0, f"generate: {made}", said(made))
        as_instants(folder)
        by_time, zone = draw.random() < 0.5, draw.choice(["UTC", "Europe/Berlin", "America/New_York"])
        lookback, length = draw.choice([None, 1, 30, 365]), draw.choice([1, 7, 50, 1000])
        embargo = {source: us for source, us in (("orders", 86_400_000_000), ("clicks", 90_000_000)) if draw.random() < 0.3}
        flags = ["--cutoff", "time" if by_time else "day", "--timezone", zone, "--max-actions", length,
                 "--lookback-days", "none" if lookback is None else lookback,
                 # A draw may leave a log no moment in which its actions count: then no row is the answer, on both sides.
                 "--allow-unused",
                 "--threads", draw.choice([1, 2, 3]), "--codec", draw.choice(["zstd", "lz4_raw", "snappy", "none"]),
                 "--row-group-rows", draw.choice([100, 16_384])]
        for source, us in embargo.items():
            flags += ["--embargo", f"{source}={us // 1_000_000}s"]
        if draw.random() < 0.3:
            flags += ["--memory", "64MiB"]
        answer = run([report.binary, "sequences", folder, "--quiet", "--out", out, *map(str, flags)])
        how = shlex.join(map(str, [report.binary, "sequences", folder, "--out", out, *flags])) + f"  # set: {sizes}"
        if report.check(answer.code == 0, f"set {number}: {answer}", how):
            with duckdb.connect() as connection:
                connection.execute("set timezone = 'UTC'; set threads = 2")
                connection.execute(f"create table expected as {expected(folder, by_time, lookback, length, embargo, zone)}")
                connection.execute(f"create table found as {found(out)}")
                count, of_history = connection.execute("select count(*), coalesce(sum(len(items)), 0) from found").fetchone()
                differing = connection.execute("""select (select count(*) from (from found except all from expected)),
                                                         (select count(*) from (from expected except all from found))""").fetchone()
            report.check(differing == (0, 0) and count > 0, f"set {number}: {differing} of {count} rows differ", how)
            samples, actions = samples + count, actions + int(of_history)
        wipe(folder)
        wipe(out)
    report.figure("medium sets against DuckDB", sets, f"{samples:,} samples, {actions:,} actions, {report.failures} sets that differ")
    report.finish()


if __name__ == "__main__":
    main()
