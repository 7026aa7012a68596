//! Bytes that stay what they are: every file of a set, over many settings, by checksum.
//!
//! A change that moves code must not move a byte. `golden.txt` has the XXH64 of each file that the
//! commands below make. Where bytes change on purpose, the commit replaces the list by the one that
//! the failing test writes, and says why.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use twox_hash::XxHash64;

use crate::shop::{run, scratch, snapshot};

/// Generated logs: the folder, and what makes them.
const LOGS: &[(&str, &str)] = &[
    (
        "shop",
        "--impressions 150 --actions 20000 --customers 60 --items 900 --days 3",
    ),
    (
        "texts",
        "--impressions 60 --actions 4000 --customers 30 --items 90 --format csv",
    ),
    (
        "objects",
        "--impressions 60 --actions 4000 --customers 30 --items 90 --format ndjson",
    ),
    (
        "market",
        "features --impressions 2000 --clicks 9000 --listings 50 --users 300 --days 3",
    ),
    (
        "market-csv",
        "features --impressions 500 --clicks 2000 --listings 20 --users 60 --format csv",
    ),
    (
        "flyers",
        "dwell --events 20000 --users 200 --flyers 60 --merchants 12 --days 2",
    ),
    (
        "flyers-csv",
        "dwell --events 3000 --users 60 --flyers 60 --merchants 12 --format csv",
    ),
];

/// Sets: the folder to make, and the command that makes it.
const SETS: &[(&str, &str)] = &[
    ("plain", "sequences shop"),
    (
        "time",
        "sequences timed --without carts --without orders --cutoff time --max-actions 50",
    ),
    (
        "request",
        "sequences timed --without carts --without orders --layout request --cutoff time --max-actions 70 --codec lz4_raw",
    ),
    ("lz4", "sequences shop --codec lz4_raw --max-actions 300"),
    (
        "snappy",
        "sequences shop --codec snappy --max-actions 30 --row-group-rows 100",
    ),
    (
        "none",
        "sequences shop --codec none --no-pad --max-actions 40 --lookback-days 30",
    ),
    (
        "with",
        "sequences timed --without carts --without orders --cutoff time --with time_delta,price:float32 --max-actions 60 --no-pad",
    ),
    (
        "int64",
        "sequences shop --item-type int64 --customer-type string --dedup consecutive",
    ),
    (
        "negatives",
        "sequences shop --negatives-sample 0.25 --seed 9 --types 1,3 --dedup exact",
    ),
    (
        "embargo",
        "sequences timed --without carts --without orders --embargo clicks=2h --cutoff time --keep surface,item.rank --row-group-rows 64",
    ),
    (
        "zone",
        "sequences shop --timezone Europe/Berlin --date 2025-08-17 --max-actions 20",
    ),
    (
        "csv",
        "sequences texts --max-actions 100 --embargo orders=1d --without carts",
    ),
    (
        "ndjson",
        "sequences objects --max-actions 100 --layout request",
    ),
    ("testdata", "sequences testdata/shop"),
    ("challenge-csv", "sequences testdata/challenge-csv"),
    ("challenge-json", "sequences testdata/challenge-json"),
    ("otto", "sequences --job testdata/otto/job.toml"),
    ("rees46", "sequences --job testdata/rees46/job.toml"),
    (
        "retailrocket",
        "sequences --job testdata/retailrocket/job.toml",
    ),
    (
        "vocabulary",
        "sequences testdata/shop --item-vocabulary build --customer-type string",
    ),
    ("features", "features market --windows 1h,24h,7d"),
    (
        "listing",
        "features market --windows 3d --label-key listing --label-window 6h --dedup exact",
    ),
    (
        "features-csv",
        "features market-csv --codec lz4_raw --id-type string",
    ),
    ("dwell", "dwell flyers"),
    (
        "session",
        "dwell flyers --method session --divide-by flyers --dedup exact --codec none",
    ),
    (
        "dwell-csv",
        "dwell flyers-csv --timezone America/Toronto --idle-timeout 5m",
    ),
];

/// Writes impressions with times of their own and columns to carry through, and clicks with a price.
fn write_timed(folder: &Path) {
    fs::create_dir(folder).expect("a new folder");
    let mut state = 7_u64;
    let mut next = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    let mut clicks = String::from("customer_id,item_id,click_time,price\n");
    for _ in 0..4000 {
        let (customer, item) = (next(40) + 1, next(500) + 1);
        let (day, hour, minute) = (next(15) + 1, next(24), next(60));
        let price = next(9900);
        clicks +=
            &format!("{customer},{item},2025-08-{day:02} {hour:02}:{minute:02}:00Z,{price}.5\n");
    }
    let mut impressions = String::new();
    for ranking in 0..300 {
        let (customer, day, hour) = (next(44) + 1, next(3) + 13, next(24));
        let items = (0..next(6) + 1).map(|rank| {
            let (item, label) = (
                next(500) + 1,
                ["true", "false", "null"][usize::from(rank > 0) + usize::from(rank > 3)],
            );
            format!(r#"{{"item_id": {item}, "is_order": {label}, "rank": {rank}}}"#)
        });
        let items = items.collect::<Vec<_>>().join(", ");
        impressions += &format!(
            r#"{{"dt": "2025-08-{day:02}", "ranking_id": "r{ranking}", "customer_id": {customer}, "impression_time": "2025-08-{day:02}T{hour:02}:30:00Z", "surface": "s{}", "impressions": [{items}]}}"#,
            ranking % 3
        );
        impressions.push('\n');
    }
    fs::write(folder.join("clicks.csv"), clicks).expect("a file");
    fs::write(folder.join("impressions.ndjson"), impressions).expect("a file");
}

/// Runs the program in a folder.
fn made(folder: &Path, args: &str) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_hitherto"));
    let program = program.args(args.split(' '));
    let program = program.args(["--quiet", "--threads", "2"]);
    let run = run(program.current_dir(folder));
    assert_eq!(run.code, 0, "{args}: {}", run.stderr);
}

#[test]
fn no_byte_of_a_set_changes_unasked() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = scratch();
    let folder = folder.path();
    symlink(root.join("testdata"), folder.join("testdata")).expect("a link");
    for (name, flags) in LOGS {
        let args = match flags.split_once(' ') {
            Some((job @ ("features" | "dwell"), flags)) => format!("{job} {name} {flags}"),
            _ => format!("{name} {flags}"),
        };
        made(folder, &format!("generate {args}"));
    }
    write_timed(&folder.join("timed"));
    let mut lines = String::new();
    for (name, command) in SETS {
        made(folder, &format!("{command} --out out/{name}"));
        for (path, bytes) in snapshot(&folder.join("out").join(name)) {
            let path = path.strip_prefix(folder.join("out")).expect("below");
            let checksum = XxHash64::oneshot(0, &bytes);
            lines += &format!("{checksum:016x} {}\n", path.display());
        }
    }
    let golden = include_str!("golden.txt");
    if lines != golden {
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("golden.txt");
        fs::write(&made, &lines).expect("a folder to write to");
        let differs = |line: &&str| !golden.lines().any(|of| of == *line);
        let changed: Vec<&str> = lines.lines().filter(differs).collect();
        panic!("{changed:#?}\nthe whole list: {}", made.display());
    }
}
