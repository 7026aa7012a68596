//! The README and the guide: their commands run as they stand, and print what the pages show.
//!
//! Each page runs in a folder of its own that holds a copy of `testdata`. Of a block marked `sh`, the lines whose
//! program is in [`PROGRAMS`] run in order, through a shell. A command must exit with 0, or with the code of its
//! comment (`# exit 3`). A block marked `sh,not-run` needs something that a test has not, such as a cluster.
//! A block marked `text` directly below a block of commands shows what the last of them printed; a line `…`
//! stands for any lines, and times, sizes and checksums are not compared.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::shop::{entries, scratch};

/// Programs that a page may call; `cargo run --release --` stands for the first of them.
const PROGRAMS: [&str; 4] = ["hitherto", "cp", "mkdir", "rm"];
/// How pages call the program where it is not installed yet.
const FROM_SOURCE: &str = "cargo run --release -- ";
/// Blocks that may be left out, in all pages together: commands of platforms that are not here, such as kubectl.
const NOT_RUN_MAX: usize = 15;
/// Units of numbers that differ from run to run, or from machine to machine.
const UNITS: [&str; 6] = ["s", "ms", "B", "kB", "MB", "GB"];

/// A fenced block of a page.
struct Block {
    /// What stands behind the fence.
    info: String,
    /// Its lines.
    lines: Vec<String>,
    /// Whether only blank lines lie between it and the block before.
    is_next: bool,
}

/// A file of the repository.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The text of a file of the repository.
fn text(path: &str) -> String {
    fs::read_to_string(file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of the files of the guide, sorted.
fn guide_files() -> Vec<String> {
    let entries = fs::read_dir(file("src/guide")).expect("the guide");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.into_string().expect("UTF-8"))
        .filter(|name| name.ends_with(".md"))
        .collect();
    names.sort();
    names
}

/// The fenced blocks of a page.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut is_inside, mut is_next) = (false, false);
    for line in page.lines() {
        match line.strip_prefix("```") {
            Some(_) if is_inside => (is_inside, is_next) = (false, true),
            Some(info) => {
                is_inside = true;
                blocks.push(Block {
                    info: info.trim().to_owned(),
                    lines: Vec::new(),
                    is_next,
                });
            }
            None if is_inside => {
                let block = blocks.last_mut().expect("the block of the line");
                block.lines.push(line.to_owned());
            }
            None => is_next = is_next && line.trim().is_empty(),
        }
    }
    assert!(!is_inside, "a block without an end");
    blocks
}

/// The commands of a block that run, with the lines that they go on for.
fn commands(block: &Block) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in &block.lines {
        match lines.last_mut() {
            Some(last) if goes_on => *last += &format!("\n{line}"),
            _ => lines.push(line.clone()),
        }
        goes_on = line.ends_with('\\');
    }
    let lines = lines
        .into_iter()
        .map(|line| line.replace(FROM_SOURCE, "hitherto "));
    let is_run = |line: &String| {
        PROGRAMS
            .iter()
            .any(|program| line.starts_with(&format!("{program} ")))
    };
    lines.filter(is_run).collect()
}

/// The exit code that a command should have.
fn expected_code(command: &str) -> i32 {
    let comment = command.rsplit_once("# exit ");
    comment.map_or(0, |(_, code)| code.trim().parse().expect("an exit code"))
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for path in entries(from) {
        let copied = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            fs::copy(&path, copied).expect("a copy");
        }
    }
}

/// Runs a command in a folder, with the program under test first on the path.
fn shell(command: &str, folder: &Path) -> Output {
    let path = format!("{}:/usr/bin:/bin", folder.join(".bin").display());
    let mut shell = Command::new("sh");
    let shell = shell.args(["-c", command]).current_dir(folder);
    shell.env("PATH", path).output().expect("a shell")
}

/// A line without what differs from run to run: times, sizes, checksums, and the spaces around them.
fn comparable(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_number = |word: &str| word.parse::<f64>().is_ok_and(|number| number >= 0.0);
    let is_checksum =
        |word: &str| word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let shown = words.iter().enumerate().map(|(at, word)| {
        let unit = words
            .get(at + 1)
            .map(|unit| unit.trim_end_matches([',', ';', ':', ')']));
        let has_unit = unit.is_some_and(|unit| UNITS.contains(&unit));
        if (is_number(word) && has_unit) || is_checksum(word) {
            "…"
        } else {
            word
        }
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// Whether printed lines are those that a page shows.
fn is_shown(shown: &[String], printed: &[String]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first == "…" => {
            (0..=printed.len()).any(|skipped| is_shown(rest, &printed[skipped..]))
        }
        Some((first, rest)) => printed
            .split_first()
            .is_some_and(|(line, others)| line == first && is_shown(rest, others)),
    }
}

/// Compares what a command printed with what its page shows.
fn check_output(place: &str, block: &Block, output: &Output) {
    let printed = [&output.stdout[..], &output.stderr[..]].concat();
    let printed = String::from_utf8(printed).expect("UTF-8");
    // The lines of stages come and go with what a run does.
    let is_stage = |line: &&str| line.starts_with("[ ") && line.contains(" s] ");
    let lines = printed.lines().filter(|line| !is_stage(line));
    let found: Vec<String> = lines.map(comparable).collect();
    let shown: Vec<String> = block.lines.iter().map(|line| comparable(line)).collect();
    assert!(
        is_shown(&shown, &found),
        "{place} shows\n{}\nbut printed was\n{printed}",
        block.lines.join("\n")
    );
}

/// The folder that a page runs in.
fn folder_of_page() -> TempDir {
    let folder = scratch();
    copy(&file("testdata"), &folder.path().join("testdata"));
    let programs = folder.path().join(".bin");
    fs::create_dir(&programs).expect("a folder");
    symlink(env!("CARGO_BIN_EXE_hitherto"), programs.join("hitherto")).expect("a link");
    folder
}

/// Runs a command of a page, and checks its exit code.
fn run_command(path: &str, command: &str, folder: &Path) -> Output {
    let output = shell(command, folder);
    let said = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code();
    assert_eq!(
        code,
        Some(expected_code(command)),
        "{path}: {command}\n{said}"
    );
    output
}

/// Runs the commands of a page.
fn run_page(path: &str) {
    let folder = folder_of_page();
    let (mut last, mut runs, mut has_commands) = (None, 0, false);
    for block in blocks(&text(path)) {
        match (block.info.as_str(), last.take()) {
            ("sh", _) => {
                has_commands |= block.lines.iter().any(|line| line.starts_with("hitherto "));
                for command in commands(&block) {
                    let output = run_command(path, &command, folder.path());
                    runs += usize::from(command.starts_with("hitherto "));
                    last = Some((format!("{path}: {command}"), output));
                }
            }
            ("text", Some((place, output))) if block.is_next => {
                check_output(&place, &block, &output);
            }
            _ => {}
        }
    }
    assert!(
        runs > 0 || !has_commands,
        "{path} has commands, but none ran"
    );
}

/// Declares a test for each page.
macro_rules! pages {
    ($($name:ident = $path:literal),+ $(,)?) => {
        /// The pages that are run.
        const PAGES: &[&str] = &[$($path),+];

        $(
            #[test]
            fn $name() {
                run_page($path);
            }
        )+
    };
}

pages! {
    the_commands_of_the_readme = "README.md",
    the_commands_of_action_logs = "src/guide/action_logs.md",
    the_commands_of_benchmarks = "src/guide/benchmarks.md",
    the_commands_of_cluster = "src/guide/cluster.md",
    the_commands_of_deploy = "src/guide/deploy.md",
    the_commands_of_developing = "src/guide/developing.md",
    the_commands_of_dwell = "src/guide/dwell.md",
    the_commands_of_features = "src/guide/features.md",
    the_commands_of_field = "src/guide/field.md",
    the_commands_of_first_steps = "src/guide/first_steps.md",
    the_commands_of_how_it_works = "src/guide/how_it_works.md",
    the_commands_of_inputs = "src/guide/inputs.md",
    the_commands_of_job_files = "src/guide/job_files.md",
    the_commands_of_library = "src/guide/library.md",
    the_commands_of_operations = "src/guide/operations.md",
    the_commands_of_plan = "src/guide/plan.md",
    the_commands_of_promises = "src/guide/promises.md",
    the_commands_of_quality = "src/guide/quality.md",
    the_commands_of_read_and_train = "src/guide/read_and_train.md",
    the_commands_of_robustness = "src/guide/robustness.md",
    the_commands_of_sequences = "src/guide/sequences.md",
    the_commands_of_times = "src/guide/times.md",
    the_commands_of_train = "src/guide/train.md",
    the_commands_of_verify = "src/guide/verify.md",
    the_commands_of_vocabulary = "src/guide/vocabulary.md",
    the_commands_of_where_the_time_goes = "src/guide/where_the_time_goes.md",
}

#[test]
fn every_page_is_run_listed_and_part_of_the_crate() {
    let (module, index, links) = (
        text("src/guide/mod.rs"),
        text("src/guide/README.md"),
        text("src/guide/links.txt"),
    );
    let readme = text("README.md");
    for name in guide_files() {
        let stem = name.trim_end_matches(".md");
        if name == "README.md" {
            continue;
        }
        assert!(
            PAGES.contains(&format!("src/guide/{name}").as_str()),
            "{name} is not run"
        );
        assert!(
            module.lines().any(|line| line.trim() == stem),
            "{name} is not in mod.rs"
        );
        assert!(
            index.contains(&format!("[{stem}]: {name}")),
            "{name} is not in the index"
        );
        assert!(
            links.contains(&format!("[{stem}]: crate::guide::{stem}\n")),
            "{name} is not in links.txt"
        );
        assert!(
            readme.contains(&format!("(src/guide/{name})")),
            "the README does not link to {name}"
        );
    }
    assert_eq!(
        PAGES.len(),
        guide_files().len(),
        "the README and all pages but the index"
    );
    assert!(
        readme.lines().count() <= 250,
        "the README is a page to begin with"
    );
}

#[test]
fn blocks_say_what_they_are_and_few_are_not_run() {
    let mut not_run = 0;
    for (path, page) in all_pages() {
        for block in blocks(&page) {
            let known = [
                "sh",
                "sh,not-run",
                "text",
                "toml",
                "python",
                "sql",
                "rust",
                "rust,no_run",
            ];
            assert!(
                known.contains(&block.info.as_str()),
                "{path}: a block is marked \"{}\"",
                block.info
            );
            not_run += usize::from(block.info == "sh,not-run");
        }
    }
    assert!(not_run <= NOT_RUN_MAX, "{not_run} blocks are not run");
}

/// The anchor that GitHub and rustdoc give to a heading.
fn anchor(heading: &str) -> String {
    let kept = heading
        .trim()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// The anchors of the headings of a page.
fn anchors(page: &str) -> Vec<String> {
    let mut is_inside = false;
    let mut found = Vec::new();
    for line in page.lines() {
        is_inside ^= line.starts_with("```");
        if !is_inside && line.starts_with('#') {
            found.push(anchor(line.trim_start_matches('#')));
        }
    }
    found
}

/// What the links of a page lead to: paths and anchors.
fn links(page: &str) -> Vec<String> {
    let inline = page
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'));
    let inline = inline.map(|(target, _)| target.to_owned());
    let by_reference = page.lines().filter(|line| line.starts_with('['));
    let by_reference = by_reference.filter_map(|line| line.split_once("]: "));
    inline
        .chain(by_reference.map(|(_, target)| target.to_owned()))
        .collect()
}

/// The pages with their texts: the README, the index and all others.
fn all_pages() -> impl Iterator<Item = (String, String)> {
    let names = guide_files().into_iter();
    let paths = names.map(|name| format!("src/guide/{name}"));
    let paths = paths.chain(["README.md".to_owned()]);
    paths.map(|path| {
        let page = text(&path);
        (path, page)
    })
}

#[test]
fn links_lead_somewhere() {
    for (path, page) in all_pages() {
        let folder = file(&path);
        let folder = folder.parent().expect("a folder");
        let targets = links(&page).into_iter();
        for target in targets.filter(|target| !target.contains("://")) {
            let (to, at) = target.split_once('#').unwrap_or((&target, ""));
            let linked = match to {
                "" => page.clone(),
                to => {
                    assert!(folder.join(to).exists(), "{path} links to {target}");
                    fs::read_to_string(folder.join(to)).unwrap_or_default()
                }
            };
            let is_there = at.is_empty() || anchors(&linked).iter().any(|anchor| anchor == at);
            assert!(is_there, "{path} links to {target}");
        }
    }
}

#[test]
fn pages_link_to_each_other_by_the_names_of_modules() {
    for (path, page) in all_pages().filter(|(path, _)| path != "README.md") {
        // A link to a file leads nowhere in the crate's documentation.
        assert!(!page.contains(".md)"), "{path} links to a page by its file");
        let labels = page.split("][").skip(1);
        for (label, _) in labels.filter_map(|rest| rest.split_once(']')) {
            let definition = format!("\n[{label}]: {label}.md");
            assert!(
                page.contains(&definition),
                "{path} does not define [{label}]"
            );
        }
    }
}
