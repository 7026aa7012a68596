//! Inputs that come through pipes: standard input, and pipes that have a name.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crate::encode::encode;
use crate::shop::{Run, Shop, rows, run, shop};

/// Flags that name every source but the clicks.
const OTHERS: [&str; 9] = [
    "sequences",
    "--out",
    "out",
    "--impressions",
    "shop/impressions.ndjson",
    "--carts",
    "shop/add_to_carts.json",
    "--orders",
    "shop/previous_orders.parquet",
];

/// Runs the program with bytes on its standard input.
fn run_with(shop: &Shop, flags: &[&str], bytes: &[u8]) -> Run {
    let from = shop.put("stdin", bytes).path("stdin");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hitherto"));
    command.args(flags).current_dir(shop.root());
    // A pipe and not the file: of a file one could read every byte again.
    let mut cat = Command::new("cat");
    let mut cat = cat.arg(&from).stdout(Stdio::piped()).spawn().expect("cat");
    command.stdin(cat.stdout.take().expect("a pipe"));
    let run = run(&mut command);
    cat.wait().expect("cat ends");
    run
}

/// Makes a named pipe, and writes bytes to it as soon as somebody reads.
fn pipe_of(path: &Path, bytes: Vec<u8>) -> thread::JoinHandle<()> {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.expect("mkfifo").success());
    let path = path.to_owned();
    thread::spawn(move || fs::write(path, bytes).expect("a reader"))
}

#[test]
fn the_last_days_are_not_looked_for_in_a_pipe() {
    let shop = shop();
    let flags = [&OTHERS[..], &["--clicks", "-", "--last-days", "1"]].concat();
    let run = run_with(&shop, &flags, &encode("csv", &rows("clicks")));
    run.assert_failed(2, &["--last-days", "\"-\" is a pipe", "--from"]);
    assert!(!shop.out().exists());
}

#[test]
fn what_comes_through_a_pipe_is_read_as_a_file_is() {
    for format in ["csv", "ndjson", "json", "parquet", "arrow", "arrows"] {
        let bytes = encode(format, &rows("clicks"));
        let shop = shop();
        shop.put("log/clicks", &bytes);
        let made = shop.run_bare(&[&OTHERS[..], &["--clicks", "shop/log/clicks"]].concat());
        assert_eq!(made.code, 0, "{}", made.stderr);
        let samples = shop.samples();
        fs::remove_dir_all(shop.out()).expect("our own folder");
        let made = run_with(&shop, &[&OTHERS[..], &["--clicks", "-"]].concat(), &bytes);
        assert_eq!(made.code, 0, "{format}: {}", made.stderr);
        assert_eq!(shop.samples(), samples, "{format}");
        fs::remove_dir_all(shop.out()).expect("our own folder");
        let writer = pipe_of(&shop.root().join("pipe"), bytes);
        let made = shop.run_bare(&[&OTHERS[..], &["--clicks", "pipe"]].concat());
        writer.join().expect("all is written");
        assert_eq!(made.code, 0, "{format}: {}", made.stderr);
        assert_eq!(shop.samples(), samples, "{format}");
    }
}

#[test]
fn a_fault_of_a_pipe_is_named_with_its_row() {
    let shop = shop();
    let bytes = b"customer_id,item_id,click_time\n1,7,2025-08-14\n1,0,2025-08-14\n";
    let run = run_with(&shop, &[&OTHERS[..], &["--clicks", "-"]].concat(), bytes);
    run.assert_failed(65, &["\"-\"", "row 2", "item_id"]);
    assert!(!shop.out().exists());
}

#[test]
fn a_pipe_is_read_for_one_source() {
    let shop = shop();
    let flags = [
        "sequences",
        "--out",
        "out",
        "--impressions",
        "-",
        "--clicks",
        "-",
    ];
    let run = run_with(&shop, &flags, &encode("ndjson", &rows("impressions")));
    run.assert_failed(65, &["\"-\"", "named twice"]);
}

#[test]
fn a_set_from_standard_input_is_verified_with_what_was_kept_of_it() {
    let shop = shop();
    let bytes = encode("csv", &rows("clicks"));
    let made = run_with(&shop, &[&OTHERS[..], &["--clicks", "-"]].concat(), &bytes);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let lost = shop.run_bare(&["verify", "out"]);
    assert_eq!(lost.code, 66, "{}", lost.stderr);
    let said = format!("{}{}", lost.stdout, lost.stderr);
    for text in ["standard input", "--inputs-from", "--audit-rows 0"] {
        assert!(said.contains(text), "no {text} in {said}");
    }
    let sound = shop.run_bare(&["verify", "out", "--audit-rows", "0"]);
    assert_eq!(sound.code, 0, "{}", sound.stderr);
    // A copy of what came through, under the name that the manifest has for it.
    fs::write(shop.root().join("-"), &bytes).expect("a file");
    let sound = shop.run_bare(&["verify", "out", "--audit-rows", "all"]);
    assert_eq!(sound.code, 0, "{}{}", sound.stdout, sound.stderr);
}

#[test]
fn nothing_on_standard_input_is_a_file_without_rows() {
    let shop = shop();
    let flags = [&OTHERS[..], &["--clicks", "-", "--allow-unused"]].concat();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hitherto"));
    command.args(flags).current_dir(shop.root());
    command.stdin(File::open("/dev/null").expect("nothing"));
    let made = run(&mut command);
    assert_eq!(made.code, 0, "{}", made.stderr);
}
