//! Signals, pipes and full disks: what a run leaves when it does not end by itself.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::shop::{Shop, entries, names, run, shop};

/// A shop whose clicks take a while to read.
fn large_shop() -> Shop {
    let shop = shop();
    let line = "{\"customer_id\": 1, \"item_id\": 7, \"click_time\": \"2025-08-14 10:00:00\"}\n";
    shop.replace("clicks", "ndjson", line.repeat(400_000));
    shop
}

/// The folders in which runs are building their outputs.
fn building(shop: &Shop) -> Vec<PathBuf> {
    let left = entries(shop.root()).into_iter();
    left.filter(|path| path.to_string_lossy().contains(".out.tmp-"))
        .collect()
}

/// Starts a run, and waits until it is building its output: it reads actions then. Nothing if
/// it was done before we could look.
fn started(shop: &Shop, flags: &[&str]) -> Option<Child> {
    let mut command = shop.command(flags);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let began = Instant::now();
    while building(shop).is_empty() {
        if child.try_wait().expect("a child").is_some() {
            return None;
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "nothing is built"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    Some(child)
}

/// Sends a signal, and gives the exit code (or nothing, if the signal ended the process) and
/// what was written.
fn signalled(child: Child, signal: &str) -> (Option<i32>, String, String) {
    let sent = Command::new("kill")
        .args(["-s", signal, &child.id().to_string()])
        .status();
    assert!(sent.expect("kill").success());
    let output = child.wait_with_output().expect("a child");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn a_signal_ends_the_run_and_leaves_nothing() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        for threads in ["1", "2"] {
            let shop = large_shop();
            let Some(child) = started(&shop, &["--threads", threads, "--stats", "json"]) else {
                continue;
            };
            let (ended, stdout, stderr) = signalled(child, signal);
            if ended == Some(0) {
                continue;
            }
            assert_eq!(ended, Some(code), "{stderr}");
            assert_eq!(stdout, "");
            assert!(stderr.contains("signal"), "{stderr}");
            assert_eq!(names(shop.root()), ["shop"]);
        }
    }
}

#[test]
fn a_signal_ends_a_row_group_of_a_billion_actions() {
    let shop = shop();
    let second = |at: usize| format!("{:02}:{:02}:{:02}", at / 3600, at / 60 % 60, at % 60);
    let clicks = (0..65_536).map(|at| format!("1,7,2025-08-14 {}\n", second(at)));
    let header = "customer_id,item_id,click_time\n".to_owned();
    shop.replace("clicks", "csv", header + &clicks.collect::<String>());
    let item = "{\"item_id\": 7, \"is_order\": true}";
    let items = vec![item; 16_384].join(",");
    let row = format!(
        "{{\"dt\": \"2025-08-15\", \"ranking_id\": \"r\", \"customer_id\": 1, \"impressions\": [{items}]}}"
    );
    shop.replace("impressions", "ndjson", row);
    let mut command = Command::new(env!("CARGO_BIN_EXE_hitherto"));
    command.args([
        "sequences",
        "shop",
        "--out",
        "out",
        "--max-actions",
        "65536",
    ]);
    command.arg("--no-pad").current_dir(shop.root());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    // Its day is made right before its row group is.
    let is_writing = || {
        let aside = building(&shop).into_iter();
        aside
            .map(|path| path.join("out"))
            .any(|out| !entries(&out).is_empty())
    };
    while !is_writing() {
        if child.try_wait().expect("a child").is_some() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let sent = Instant::now();
    let (ended, _, stderr) = signalled(child, "INT");
    assert_eq!(ended, Some(130), "{stderr}");
    assert!(sent.elapsed() < Duration::from_secs(10), "it went on");
    assert_eq!(names(shop.root()), ["shop"]);
}

#[test]
fn a_signal_during_overwrite_leaves_what_was_there() {
    let shop = large_shop();
    shop.made(&["--date", "2025-08-15"]);
    for flags in [
        &["--overwrite"][..],
        &["--add-days", "--date", "2025-08-16"],
    ] {
        let before = crate::shop::snapshot(&shop.out());
        let mut command = shop.command(flags);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().expect("the program starts");
        std::thread::sleep(Duration::from_millis(60));
        let (ended, _, stderr) = signalled(child, "TERM");
        if ended == Some(0) {
            continue;
        }
        // Before the handlers are in place the signal itself ends the process.
        assert!(matches!(ended, Some(143) | None), "{stderr}");
        assert!(crate::shop::snapshot(&shop.out()) == before, "{flags:?}");
        assert_eq!(names(shop.root()), ["out", "shop"], "{flags:?}");
    }
}

#[test]
fn a_killed_run_publishes_nothing_and_the_next_one_cleans_up() {
    let shop = large_shop();
    let Some(child) = started(&shop, &[]) else {
        return;
    };
    let (ended, ..) = signalled(child, "KILL");
    if ended.is_some() {
        return;
    }
    assert!(!shop.out().exists());
    assert_eq!(building(&shop).len(), 1, "what a killed run leaves");
    shop.made(&[]);
}

#[test]
fn a_second_writer_does_not_disturb_the_first_and_only_one_publishes() {
    let shop = large_shop();
    let Some(mut first) = started(&shop, &[]) else {
        return;
    };
    let aside = building(&shop);
    let second = shop.run(&["--without", "clicks,carts,orders"]);
    // Whoever is second is told so; the living folder of the other is never taken away.
    if first.try_wait().expect("a child").is_none() {
        assert!(aside.iter().all(|path| path.exists()));
    }
    let first = first.wait_with_output().expect("a child").status.code();
    let mut codes = [first, Some(second.code)];
    codes.sort();
    assert!(
        matches!(codes, [Some(0), Some(2 | 73)]),
        "{codes:?}: {}",
        second.stderr
    );
    assert_eq!(names(shop.root()), ["out", "shop"]);
    assert!(shop.out().join("_SUCCESS").is_file());
}

#[test]
fn a_reader_of_standard_output_that_went_away_is_0() {
    let shop = shop();
    for arguments in [
        &["completions", "bash"][..],
        &["--help"],
        &["sequences", "--help"],
        &["sequences", "shop", "--out", "out", "--stats", "json"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_hitherto"));
        command
            .args(arguments)
            .current_dir(shop.root())
            .stdout(writer);
        let output = command
            .stderr(Stdio::piped())
            .output()
            .expect("the program starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("hitherto: "), "{stderr}");
    }
    assert!(shop.out().join("_SUCCESS").is_file());
}

#[test]
fn a_reader_of_standard_error_that_went_away_does_not_end_the_run() {
    let shop = shop();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = shop.command(&["--stats", "json"]).stderr(writer).output();
    let output = output.expect("the program starts");
    assert_eq!(output.status.code(), Some(0));
    assert!(shop.out().join("_SUCCESS").is_file());
    let stats = serde_json::from_slice::<serde_json::Value>(&output.stdout);
    assert!(stats.is_ok_and(|stats| stats["samples"] == 5));
}

#[test]
fn standard_output_that_is_full_is_74() {
    let shop = shop();
    for arguments in [
        &["completions", "bash"][..],
        &["sequences", "shop", "--out", "out", "--stats", "json"],
    ] {
        let full = File::options()
            .write(true)
            .open("/dev/full")
            .expect("/dev/full");
        let mut command = Command::new(env!("CARGO_BIN_EXE_hitherto"));
        command
            .args(arguments)
            .current_dir(shop.root())
            .stdout(full);
        let output = command
            .stderr(Stdio::piped())
            .output()
            .expect("the program starts");
        assert_eq!(output.status.code(), Some(74), "{arguments:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("standard output"), "{stderr}");
    }
}

#[test]
fn a_disk_that_is_full_is_74_and_leaves_nothing() {
    // A limit of the size of files stands in for the disk; 1 is half a kilobyte or one.
    let shop = shop();
    let of_shop = shop.command(&[]);
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "sh"]);
    command.arg(of_shop.get_program()).args(of_shop.get_args());
    let run = run(command.current_dir(shop.root()));
    shop.assert_refused(&run, 74, &["could not", "part-00000.parquet"]);
}
