//! The command line: what it refuses before it reads anything, and what it says of itself.

use serde_json::{Value, json};

use crate::shop::{NAMED, names, shop, snapshot};

#[test]
fn flags_that_make_no_sense_are_2() {
    let cases: [(&[&str], &str); 57] = [
        (&["--no-such-flag"], "--no-such-flag"),
        (&["--max-action", "5"], "--max-actions"),
        (&["another"], "another"),
        (&["--max-actions", "0"], "--max-actions"),
        (&["--max-actions", "65537"], "65536"),
        (&["--max-actions", "-1"], "-1"),
        (&["--max-actions", "many"], "many"),
        (&["--max-actions", "99999999999"], "99999999999"),
        (&["--lookback-days", "-1"], "-1"),
        (&["--lookback-days", "all"], "none"),
        (&["--lookback-days", "4294967296"], "4294967296"),
        (&["--lookback", "1w"], "1y"),
        (&["--lookback", "10000y"], "9999 years"),
        (&["--last-days", "0"], "--last-days"),
        (&["--last-days", "2", "--date", "2025-08-15"], "--date"),
        (&["--metrics-json", "out/metrics.json"], "outside of it"),
        (
            &["--metrics-json", "shop/clicks.csv"],
            "no metrics of a set",
        ),
        (&["--timezone", "Mars/Olympus"], "Mars/Olympus"),
        (&["--timezone", ""], "--timezone"),
        (&["--date", "2025-02-30"], "2025-02-30"),
        (&["--date", "today"], "today"),
        (&["--date", "2025-08-15", "--from", "2025-08-15"], "--from"),
        (&["--date", "2025-08-15", "--to", "2025-08-15"], "--to"),
        (
            &["--from", "2025-08-16", "--to", "2025-08-15"],
            "2025-08-16",
        ),
        (&["--columns", "clicks.sku=x"], "sku"),
        (&["--columns", "sales.item_id=x"], "sales"),
        (&["--columns", "item_id=x"], "SOURCE.NAME=COLUMN"),
        (&["--columns", "clicks.item_id"], "SOURCE.NAME=COLUMN"),
        (&["--columns", "clicks.item_id="], "column"),
        (&["--columns", "clicks.item_id=a,clicks.item_id=b"], "twice"),
        (&["--embargo", "orders=1w"], "1w"),
        (&["--embargo", "orders=1"], "number and a unit"),
        (&["--embargo", "orders=-1d"], "-1d"),
        (&["--embargo", "orders=99999999999d"], "99999999999d"),
        (&["--embargo", "orders=4294967295d"], "4294967295d"),
        (&["--embargo", "orders=1é"], "1é"),
        (&["--embargo", "impressions=1d"], "--embargo"),
        (&["--embargo", "orders=1d,orders=2d"], "twice"),
        (&["--available", "impressions=x"], "--available"),
        (&["--available", "clicks"], "SOURCE=VALUE"),
        (&["--max-lateness", "2"], "--max-lateness"),
        (&["--max-lateness", "4294967295d"], "--max-lateness"),
        (&["--memory", "4XB"], "4XB"),
        (&["--memory", "0"], "--memory"),
        (&["--threads", "0"], "--threads"),
        (&["--threads", "x"], "--threads"),
        (&["--row-group-rows", "0"], "--row-group-rows"),
        (&["--part-rows", "0"], "--part-rows"),
        (&["--if-exists", "skip"], "--add-days"),
        (&["--overwrite", "--add-days"], "--add-days"),
        (&["--without", "impressions"], "impressions"),
        (&["--without", "carrots"], "carts"),
        (&["--impressions", "shop/impressions.ndjson"], "folder"),
        (&["--codec", "gzip"], "lz4_raw"),
        (&["--stats", "xml"], "json"),
        (&["--on-bad-row", "ignore"], "quarantine"),
        (&["--max-bad-rows", "-1"], "-1"),
    ];
    are_refused(&cases);
}

#[test]
fn choices_that_make_no_sense_are_2() {
    are_refused(&[
        (&["--types", "4"], "1 clicks, 2 carts, 3 orders"),
        (&["--types", "0"], "--types"),
        (&["--types", "1,3,1"], "twice"),
        (&["--types", "clicks"], "--types"),
        (&["--dedup", "all"], "exact"),
        (&["--negatives-sample", "0"], "above 0, up to 1"),
        (&["--negatives-sample", "1.5"], "above 0, up to 1"),
        (&["--negatives-sample", "NaN"], "above 0, up to 1"),
        (&["--negatives-sample", "0.1234567891"], "nine decimals"),
        (&["--negatives-sample", "some"], "--negatives-sample"),
        (&["--seed", "1"], "--negatives-sample"),
        (&["--with", ""], "time_delta"),
        (&["--with", "price:double"], "int32, float32"),
        (&["--with", "price,Price:int32"], "twice"),
        (&["--with", "a,b,c,d,e"], "at most 4"),
        (&["--with", "Weight"], "column of the output already"),
        (
            &["--with", "time_delta:int32"],
            "column of the output already",
        ),
        (&["--with", "price", "--keep", "item.price"], "\"price\""),
        (&["--with", "price", "--columns", "carts.prize=x"], "price"),
        (
            &["--with", "price", "--columns", "impressions.price=x"],
            "no column",
        ),
        (&["--keep", "surface:text"], "string"),
        (&["--keep", "item."], "name of a column"),
        (&["--keep", "surface,item.surface"], "twice"),
        (&["--keep", "item.item_id"], "column of the output already"),
        (&["--keep", "Cutoff"], "column of the output already"),
        (&["--with", "time_delta,time_delta"], "twice"),
    ]);
}

/// Checks that flags are refused, and what is said of each.
fn are_refused(cases: &[(&[&str], &str)]) {
    let shop = shop();
    for (flags, said) in cases {
        let mut arguments = vec!["sequences", "shop", "--out", "out"];
        arguments.extend(flags.iter());
        let run = shop.run_bare(&arguments);
        assert_eq!(run.code, 2, "{flags:?}: {}", run.stderr);
        shop.assert_refused(&run, 2, &[said]);
    }
}

#[test]
fn histories_of_1_and_of_65536_are_made() {
    for length in ["1", "65536"] {
        let shop = shop();
        let arguments = ["sequences", "shop", "--out", "out", "--max-actions", length];
        let run = shop.run_bare(&arguments);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let actions = shop.samples()[0].matches(',').count() + 1;
        assert_eq!(actions.to_string(), length);
    }
}

#[test]
fn what_is_missing_is_2() {
    let shop = shop();
    for (arguments, said) in [
        (&["sequences", "shop"][..], "--out"),
        (&["sequences", "shop", "--out", ""], "--out"),
        (&["sequences", "shop", "--out"], "--out"),
        (&["sequences", "--out", "out"], "--impressions"),
        (
            &["sequences", "--out", "out", "--clicks", "shop/clicks.csv"],
            "--impressions",
        ),
        (&["sequence", "shop", "--out", "out"], "sequences"),
        (
            &["sequences", "--out", "out", "--impressions", "shop/[ab"],
            "shop/[ab",
        ),
        (&["completions"], "SHELL"),
        (&["completions", "cobol"], "bash"),
        (&[], "Usage"),
    ] {
        let run = shop.run_bare(arguments);
        shop.assert_refused(&run, 2, &[said]);
    }
}

#[test]
fn a_source_that_is_named_twice_is_2() {
    let shop = shop();
    shop.put("list", "shop/clicks.csv\n");
    let clicks = ["--clicks", "shop/clicks.csv"];
    for more in [
        ["--files-from", "clicks=shop/list"],
        ["--without", "clicks"],
        clicks,
    ] {
        let run = shop.run_bare(&[&NAMED[..], &clicks, &more].concat());
        shop.assert_refused(&run, 2, &["clicks"]);
    }
}

#[test]
fn usage_is_checked_before_anything_is_read() {
    let shop = shop();
    for source in ["impressions", "clicks", "add_to_carts", "previous_orders"] {
        shop.remove(source);
    }
    shop.refuses(&["--timezone", "Mars/Olympus"], 2, &["Mars/Olympus"]);
    shop.refuses(&["--threads", "0"], 2, &["--threads"]);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what the command line asks, too")]
fn threads_are_at_most_two_for_each_core() {
    let shop = shop();
    let cores = std::thread::available_parallelism().expect("known").get();
    for (asked, runs) in [(1, 1), (2 * cores, 2 * cores), (1_000_000, 2 * cores)] {
        let flags = ["--overwrite", "--stats", "json", "--threads"];
        let run = shop.made(&[&flags[..], &[&asked.to_string()]].concat());
        let stats: Value = serde_json::from_str(&run.stdout).expect("JSON");
        assert_eq!(stats["threads"], runs, "of {asked}");
    }
}

/// The subcommands that the program lists.
fn subcommands() -> Vec<String> {
    let help = shop().run_bare(&["--help"]);
    let listed = help
        .stdout
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1);
    let names = listed.take_while(|line| line.starts_with("  "));
    names
        .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
        .collect()
}

#[test]
fn help_of_every_subcommand_is_0() {
    let shop = shop();
    let commands = subcommands();
    for name in ["sequences", "completions"] {
        assert!(
            commands.iter().any(|command| command == name),
            "{commands:?}"
        );
    }
    for flag in ["--help", "-h"] {
        let run = shop.run_bare(&[flag]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        for command in commands.iter().filter(|command| *command != "help") {
            let run = shop.run_bare(&[command, flag]);
            assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{command} {flag}");
            assert!(run.stdout.contains("Usage: hitherto"), "{command} {flag}");
            let run = shop.run_bare(&["help", command]);
            assert_eq!((run.code, run.stderr.as_str()), (0, ""), "help {command}");
        }
    }
    let run = shop.run_bare(&["--version"]);
    assert_eq!(
        run.stdout,
        format!("hitherto {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn help_says_defaults_and_exit_codes() {
    let help = shop().run_bare(&["sequences", "--help"]).stdout;
    for default in [
        "1000", "365", "day", "UTC", "int32", "sample", "zstd", "16384", "10000", "drop",
    ] {
        assert!(
            help.contains(&format!("[default: {default}]")),
            "no default {default}: {help}"
        );
    }
    for line in help.lines() {
        assert!(line.chars().count() <= 100, "too long: {line}");
    }
    for code in ["0 ", "2 ", "65 ", "66 ", "70 ", "73 ", "74 ", "130"] {
        assert!(help.contains(code), "no exit code {code}");
    }
    for flag in [
        "--threads",
        "--memory",
        "--temp-dir",
        "--quiet",
        "--stats",
        "--codec",
        "--files-from",
        "--max-lateness",
        "--guest-ids",
        "--if-exists",
        "--no-pad",
        "--add-to-carts",
        "--previous-orders",
        "--output",
        "--max-seq",
    ] {
        assert!(help.contains(flag), "no {flag}");
    }
}

#[test]
fn completions_are_a_script() {
    let shop = shop();
    for shell in ["bash", "zsh", "fish"] {
        let run = shop.run_bare(&["completions", shell]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        assert!(run.stdout.contains("hitherto") && run.stdout.contains("sequences"));
        assert!(run.stdout.contains("max-actions"));
    }
}

#[test]
fn quiet_says_nothing_but_errors() {
    let shop = shop();
    let run = shop.made(&["--quiet"]);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    let run = shop.run(&["--quiet"]);
    assert_eq!((run.code, run.stdout.as_str()), (73, ""));
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert!(run.stderr.starts_with("hitherto: "), "{}", run.stderr);
}

#[test]
fn an_error_is_one_line_at_the_end() {
    let shop = shop();
    shop.replace("clicks", "ndjson", "{\"customer_id\": \"a\nb\"}\n");
    let run = shop.refuses(&[], 65, &["row 1"]);
    let last = run.stderr.lines().last().expect("a line");
    assert!(
        last.starts_with("hitherto: could not read row 1"),
        "{}",
        run.stderr
    );
    assert_eq!(
        run.stderr.matches("hitherto: ").count(),
        1,
        "{}",
        run.stderr
    );
}

#[test]
fn a_run_says_what_it_did_on_standard_error_only() {
    let run = shop().made(&[]);
    assert_eq!(run.stdout, "");
    for said in [
        "read impressions",
        "read actions",
        "made out: 2 days",
        "5 samples",
    ] {
        assert!(run.stderr.contains(said), "no {said:?}: {}", run.stderr);
    }
    assert!(!run.stderr.contains('\u{1b}'), "colours without a terminal");
}

#[test]
fn stats_are_one_json_object_on_standard_output() {
    for quiet in [&[][..], &["--quiet"]] {
        let run = shop().made(&[&["--stats", "json"], quiet].concat());
        let stats: Value = serde_json::from_str(&run.stdout).expect("one JSON object");
        assert!(stats.is_object());
        assert_eq!(stats["samples"], json!(5));
        assert_eq!(stats["impressions"], json!(4));
        assert_eq!(stats["days"][1]["day"], json!("2025-08-16"));
    }
    let shop = shop();
    shop.replace("clicks", "csv", "rubbish");
    shop.refuses(&["--stats", "json"], 65, &["clicks.csv"]);
}

#[test]
fn too_little_memory_is_70_and_names_the_flag() {
    shop().refuses(&["--memory", "1KiB"], 70, &["--memory"]);
}

#[test]
fn a_folder_for_temporary_files_that_cannot_be_one_is_refused() {
    let shop = shop();
    let run = shop.run(&["--temp-dir", "shop/clicks.csv"]);
    assert!(
        [2, 66, 73, 74].contains(&run.code),
        "{} {}",
        run.code,
        run.stderr
    );
    shop.assert_refused(&run, run.code, &["shop/clicks.csv"]);
}

#[test]
fn nothing_stays_in_the_folder_for_temporary_files() {
    let shop = shop();
    let before = snapshot(&shop.path(""));
    shop.made(&["--temp-dir", "shop"]);
    assert!(
        snapshot(&shop.path("")) == before,
        "left: {:?}",
        names(&shop.path(""))
    );
}
