//! What lies outside: URLs, home folders that no shell filled in, and files of other formats, each told
//! for what it is, with what to do.

use std::fs;
use std::process::Command;

use crate::encode::{encode, gz, zst};
use crate::shop::{NAMED, Run, Shop, names, rows, run, shop};

/// Runs a line of a shell, from the root of a shop.
fn shell(shop: &Shop, line: &str) -> Run {
    let mut command = Command::new("sh");
    run(command.args(["-c", line]).current_dir(shop.root()))
}

/// Whether there is a program of a name.
fn is_there(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .output();
    found.is_ok_and(|output| output.status.success())
}

#[test]
fn nothing_is_made_of_a_url() {
    let shop = shop();
    let listed = names(shop.root());
    for url in [
        "s3://bucket/out",
        "gs://b/o",
        "hdfs://n/o",
        "abfss://c@a/o",
        "file:///tmp/o",
    ] {
        for command in [
            &["sequences", "shop", "--out", url][..],
            &["plan", "sequences", "shop", "--out", url],
            &["features", "shop", "--out", url],
            &["dwell", "shop/clicks.csv", "--out", url],
            &["generate", url],
            &["generate", "features", url],
            &["generate", "dwell", url],
        ] {
            let run = shop.run_bare(command);
            run.assert_failed(2, &[url, "is a URL"]);
            assert_eq!(names(shop.root()), listed, "{command:?}");
        }
        for command in [
            &["verify", url][..],
            &["report", url],
            &["head", url],
            &["explain", url, "--ranking-id", "r1"],
            &["job", "init", url],
            &["job", "show", url],
        ] {
            let run = shop.run_bare(command);
            run.assert_failed(66, &[url, "is a URL"]);
            assert_eq!(names(shop.root()), listed, "{command:?}");
        }
    }
    shop.refuses(&["--temp-dir", "s3://b/t"], 2, &["--temp-dir", "s3://b/t"]);
    shop.put(
        "job.toml",
        "job = \"sequences\"\nout = \"s3://b/o\"\ndir = \".\"\n",
    );
    let run = shop.run_bare(&["sequences", "--job", "shop/job.toml"]);
    run.assert_failed(2, &["\"s3://b/o\" is a URL"]);
    // Who wants such a folder says where it lies.
    let run = shop.run_bare(&["sequences", "shop", "--out", "./s3:"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn an_input_by_url_is_refused_with_a_way_to_copy_it() {
    for (url, said) in [
        (
            "s3://b/clicks/",
            "aws s3 cp --recursive s3://b/clicks/ clicks",
        ),
        ("s3a://b/c.csv", "aws s3 cp s3://b/c.csv ."),
        (
            "gs://b/clicks",
            "gcloud storage cp --recursive gs://b/clicks .",
        ),
        (
            "https://h/c.csv",
            "curl --location --remote-name https://h/c.csv",
        ),
        ("file:///data/c.csv", "write its path alone, /data/c.csv"),
    ] {
        let shop = shop();
        shop.put("list", url);
        // Not even a folder of that name is read.
        fs::create_dir_all(shop.root().join(url.trim_end_matches('/'))).expect("a folder");
        for flags in [["--clicks", url], ["--files-from", "clicks=shop/list"]] {
            let run = shop.run_bare(&[&NAMED[..], &flags].concat());
            run.assert_failed(66, &[url, "is a URL", said]);
            assert!(!shop.out().exists());
        }
        let run = shop.run_bare(&["sequences", url, "--out", "out"]);
        run.assert_failed(66, &[url, "is a URL"]);
        let flags = ["--files-from", &format!("clicks={url}")];
        let run = shop.run_bare(&[&NAMED[..], &flags].concat());
        run.assert_failed(66, &[url, "is a URL"]);
    }
    let shop = shop();
    let job = "job = \"sequences\"\n[sources.impressions]\npath = \"s3://b/imp\"\n";
    shop.put("job.toml", job);
    let run = shop.run_bare(&["sequences", "--job", "shop/job.toml", "--out", "out"]);
    shop.assert_refused(&run, 66, &["\"s3://b/imp\" is a URL"]);
}

#[test]
fn a_home_folder_that_no_shell_expanded_is_refused() {
    let shop = shop();
    let run = shop.run(&["--temp-dir", "~"]);
    shop.assert_refused(&run, 2, &["\"~\"", "\"$HOME\""]);
    for command in [
        &["sequences", "shop", "--out", "~/out"][..],
        &["generate", "~/out"],
    ] {
        let run = shop.run_bare(command);
        shop.assert_refused(&run, 2, &["\"~/out\"", "\"$HOME/out\""]);
    }
    let clicks = [&NAMED[..], &["--clicks", "~/shop/clicks.csv"]].concat();
    let run = shop.run_bare(&clicks);
    shop.assert_refused(
        &run,
        66,
        &["\"~/shop/clicks.csv\"", "\"$HOME/shop/clicks.csv\""],
    );
    let program = env!("CARGO_BIN_EXE_hitherto");
    let named = NAMED.join(" ");
    let line = format!("HOME=$PWD; {program} {named} --clicks \"$HOME/shop/clicks.csv\"");
    let run = shell(&shop, &line);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

/// The command of a message, between backquotes, and what it makes, in the quotes behind it.
fn command_of(stderr: &str) -> Option<(String, String)> {
    let mut pieces = stderr.split('`').skip(1);
    let command = pieces.next()?.to_owned();
    let mut behind = pieces.next()?.split('"').skip(1);
    Some((command, behind.next()?.to_owned()))
}

/// What a message says, followed until there is a set. Gives how many commands that took.
#[track_caller]
fn follow(shop: &Shop, first: &str, said: &[&str]) -> usize {
    let mut path = first.to_owned();
    for steps in 0..3 {
        let flags = ["--max-actions", "4", "--clicks", &path];
        let run = shop.run_bare(&[&NAMED[..], &flags].concat());
        if run.code == 0 {
            assert_eq!(shop.samples()[0], "r1 0 11 true [21, 0, 0, 0]", "{first}");
            return steps;
        }
        shop.assert_refused(&run, 65, &[&path]);
        if steps == 0 {
            run.assert_failed(65, said);
        }
        let (command, to) = command_of(&run.stderr).expect("a command in the message");
        let followed = shell(shop, &command);
        assert_eq!(followed.code, 0, "{command}: {}", followed.stderr);
        path = to;
    }
    panic!("{first} is still not read");
}

#[test]
fn compressed_files_and_archives_become_ones_that_are_read() {
    for (program, make, name, said) in [
        (
            "lz4",
            "lz4 -z --rm -q a.csv a.csv.lz4 #",
            "a.csv.lz4",
            "lz4",
        ),
        (
            "tar",
            "tar --remove-files -cf a.csv.tar",
            "a.csv.tar",
            "tar archive",
        ),
        (
            "tar",
            "tar --remove-files -czf a.csv.tgz",
            "a.csv.tgz",
            "tar archive",
        ),
    ] {
        if !is_there(program) {
            continue;
        }
        // Also without the ending that the tool looks for, and where a name is taken.
        for (ending, is_taken) in [(true, false), (false, false), (true, true)] {
            let shop = shop();
            for folder in ["log", "sp ace's"] {
                shop.put(&format!("{folder}/a.csv"), encode("csv", &rows("clicks")));
                let made = shell(&shop, &format!("cd \"shop/{folder}\" && {make} a.csv"));
                assert_eq!(made.code, 0, "{make}: {}", made.stderr);
                let mut path = format!("shop/{folder}/{name}");
                if !ending {
                    let other = format!("shop/{folder}/other");
                    fs::rename(shop.root().join(&path), shop.root().join(&other)).expect("moved");
                    path = other;
                }
                if is_taken {
                    shop.put(&format!("{folder}/a.csv"), "theirs");
                }
                assert_eq!(follow(&shop, &path, &[said, "is not read"]), 1, "{path}");
                if is_taken {
                    let theirs = fs::read(shop.path(&format!("{folder}/a.csv"))).expect("a file");
                    assert_eq!(theirs, b"theirs");
                }
                fs::remove_dir_all(shop.out()).expect("removed");
            }
        }
    }
}

#[test]
fn compressed_text_is_read_as_it_is() {
    for (program, make, name) in [
        ("bzip2", "bzip2 -z", "a.csv.bz2"),
        ("xz", "xz -z", "a.csv.xz"),
        ("xz", "xz -z -9e --check=sha256", "a.csv.xz"),
        ("zip", "zip -qm a.csv.zip", "a.csv.zip"),
        ("zip", "zip -qm0 a.csv.zip", "a.csv.zip"),
    ] {
        if !is_there(program) {
            continue;
        }
        let shop = shop();
        shop.put("log/a.csv", encode("csv", &rows("clicks")));
        let made = shell(&shop, &format!("cd shop/log && {make} a.csv"));
        assert_eq!(made.code, 0, "{make}: {}", made.stderr);
        assert_eq!(follow(&shop, &format!("shop/log/{name}"), &[]), 0, "{make}");
        // Cut short, it is no file of fewer rows.
        let path = shop.path(&format!("log/{name}"));
        let bytes = fs::read(&path).expect("a file");
        fs::write(&path, &bytes[..bytes.len() - 9]).expect("written");
        fs::remove_dir_all(shop.out()).expect("removed");
        let clicks = format!("shop/log/{name}");
        let run = shop.run_bare(&[&NAMED[..], &["--clicks", &clicks]].concat());
        shop.assert_refused(&run, 65, &[&clicks, "cut short"]);
    }
}

#[test]
fn text_in_other_encodings_becomes_utf8() {
    for format in ["csv", "ndjson", "json"] {
        let text = encode(format, &rows("clicks"));
        let text = String::from_utf8(text).expect("text");
        let units = |mark: &str| -> Vec<u16> { format!("{mark}{text}").encode_utf16().collect() };
        for mark in ["\u{feff}", ""] {
            let little: Vec<u8> = units(mark)
                .iter()
                .flat_map(|unit| unit.to_le_bytes())
                .collect();
            let big: Vec<u8> = units(mark)
                .iter()
                .flat_map(|unit| unit.to_be_bytes())
                .collect();
            for bytes in [little, big] {
                let shop = shop();
                shop.put(&format!("log/a.{format}"), &bytes);
                let path = format!("shop/log/a.{format}");
                // With a mark it is read as it is.
                let steps = usize::from(mark.is_empty());
                assert_eq!(follow(&shop, &path, &["text in UTF-16", "iconv"]), steps);
                let packed = format!("log/a.{format}.gz");
                shop.put(&packed, gz(&bytes));
                fs::remove_dir_all(shop.out()).expect("removed");
                fs::remove_file(shop.path(&format!("log/a.{format}"))).expect("removed");
                let said = ["text in UTF-16", "compressed by gzip"];
                let steps = 2 * steps;
                assert_eq!(follow(&shop, &format!("shop/{packed}"), &said), steps);
            }
        }
    }
}

#[test]
fn parquet_that_is_compressed_is_unpacked() {
    let parquet = encode("parquet", &rows("clicks"));
    for (ending, program, bytes) in [("gz", "gzip", gz(&parquet)), ("zst", "zstd", zst(&parquet))] {
        for name in [format!("a.parquet.{ending}"), format!("b.{ending}")] {
            if is_there(program) {
                let shop = shop();
                shop.put(&format!("log/{name}"), &bytes);
                let path = format!("shop/log/{name}");
                assert_eq!(follow(&shop, &path, &["Parquet", program]), 1);
            }
        }
    }
}

#[test]
fn other_formats_are_named_for_what_they_are() {
    let mut sqlite = b"SQLite format 3\0".to_vec();
    sqlite.resize(4096, 0);
    for (name, bytes, said) in [
        ("a.avro", &b"Obj\x01\x04\x14avro.codec"[..], "Avro"),
        ("a.orc", b"ORC\x0a\x03\0\0\0\x12\x04\x08", "ORC"),
        ("a.feather", b"FEA1\0\0\0\0", "Feather"),
        (
            "a.xlsx",
            b"PK\x03\x04\x14\0[Content_Types].xml",
            "sheet of Excel",
        ),
        (
            "a.xls",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0",
            "sheet of Excel",
        ),
        ("a.7z", b"7z\xbc\xaf\x27\x1c\0\x04", "7z archive"),
        ("a.rar", b"Rar!\x1a\x07\x01\0", "rar archive"),
        ("a.db", &sqlite, "SQLite"),
        ("a.csv.sz", b"\xff\x06\0\0sNaPpY\0", "snappy"),
        ("a.csv.Z", b"\x1f\x9d\x90abc", "gzip -d"),
        ("a.csv", b"<!DOCTYPE html>\n<html>", "HTML"),
    ] {
        let shop = shop();
        shop.put(&format!("log/{name}"), bytes);
        for format in [&[][..], &["--format", "csv"]] {
            let path = format!("shop/log/{name}");
            let flags = [&NAMED[..], &["--clicks", &path], format].concat();
            // The format is that of all sources.
            if format.is_empty() {
                let run = shop.run_bare(&flags);
                shop.assert_refused(&run, 65, &[&path, said, "this is"]);
            } else {
                shop.put("imp.csv", encode("csv", &rows("impressions")));
                let flags = ["sequences", "--out", "out", "--impressions", "shop/imp.csv"];
                let flags = [&flags[..], &["--clicks", &path], format].concat();
                let run = shop.run_bare(&flags);
                shop.assert_refused(&run, 65, &[&path, said, "this is"]);
            }
        }
    }
}
